"""Every part that is installed meets its contract; the kit itself can tell when one does not."""

import sys
from dataclasses import dataclass, field, replace
from importlib.metadata import EntryPoint, EntryPoints

import numpy as np
import pyarrow as pa
import pytest

from abbild import core, testing
from abbild.core import (
    Batch,
    Dataset,
    NotEnoughDataError,
    Score,
    in_blocks,
    names,
    resolve,
)
from abbild.execute import Processes, Serial


@pytest.mark.parametrize("name", names("synthesizers"))
def test_synthesizer(name):
    testing.check_synthesizer(resolve("synthesizers", name))


@pytest.mark.parametrize("name", names("metrics"))
def test_metric(name):
    testing.check_metric(resolve("metrics", name))


@pytest.mark.parametrize("name", names("targets"))
def test_target(name):
    testing.check_target(resolve("targets", name))


def test_executors():
    testing.check_executor(Serial())
    with Processes(2) as pool:
        testing.check_executor(pool)


def test_people_have_a_bit_of_everything():
    data = testing.people()
    assert data.table.equals(testing.people().table)
    assert not data.table.equals(testing.people(seed=testing.SEED / "other").table)
    assert {c.kind for c in data.schema.table.columns} >= {"integer", "number", "date", "ordinal"}
    assert any(c.null_count for c in data.table.columns)


@dataclass(frozen=True, eq=False)
class Resampled:
    """Rows drawn again, held as the bytes of an Arrow stream."""

    stream: np.ndarray  # (b,) uint8
    block: int = 512
    fault: str = ""

    def sample(self, rows, *, seed):
        if self.fault == "global":
            np.random.rand()  # noqa: NPY002 - the fault
        table = pa.ipc.open_stream(self.stream.tobytes()).read_all()
        drawn = [self._numbers(part, rows, seed, table.num_rows) for part in in_blocks(rows, 512)]
        if self.fault == "short":
            drawn = [at[:-1] for at in drawn]
        table = table.take(np.concatenate([np.zeros(0, np.int64), *drawn]))
        return Batch({"people": table.select([0]) if self.fault == "columns" else table})

    def _numbers(self, part, rows, seed, n):
        path = {"one seed": testing.SEED, "range": seed / rows.start}.get(self.fault, seed)
        at = (path / part.start).rng().integers(0, n, len(part))
        return at[max(rows.start - part.start, 0) : max(rows.stop - part.start, 0)]


@dataclass(frozen=True)
class Bootstrap:
    """Keeps its rows, which no engine of ours may; good enough to test the kit."""

    fault: str = ""
    notes: list[int] = field(default_factory=list, compare=False)

    def fit(self, data: Dataset, *, seed):
        if not data.table.num_rows and self.fault != "empty":
            raise NotEnoughDataError(
                "no rows", hint="" if self.fault == "no hint" else "bring some"
            )
        if self.fault == "changes itself":
            self.notes.append(1)
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, data.table.schema) as writer:
            writer.write_table(data.table)
        return Resampled(np.frombuffer(sink.getvalue(), np.uint8), fault=self.fault)


@pytest.fixture
def registered(monkeypatch):
    """The package of this file registers an engine, as a stranger's would."""
    point = EntryPoint("bootstrap", f"{__name__}:Bootstrap", "abbild.synthesizers")
    installed = EntryPoints([point])
    ours = sys.modules[core.save_model.__module__]
    monkeypatch.setattr(ours, "entry_points", lambda **w: installed.select(**w) if w else installed)


@pytest.mark.usefixtures("registered")
def test_the_kit_accepts_an_honest_engine():
    testing.check_synthesizer(Bootstrap)


@pytest.mark.usefixtures("registered")
@pytest.mark.parametrize(
    ("fault", "law"),
    [
        ("empty", "empty table is not refused"),
        ("no hint", "no hint"),
        ("changes itself", "fit changes the hyper-parameters"),
        ("global", "sample touches the global random state"),
        ("one seed", "another seed gives the same rows"),
        ("range", "depend on the range"),
        ("short", "another number given"),
        ("columns", "columns are"),
    ],
)
def test_the_kit_names_the_broken_law(fault, law):
    with pytest.raises(AssertionError, match=law):
        testing.check_synthesizer(lambda: Bootstrap(fault))


def test_hyper_parameters_are_a_frozen_dataclass():
    class Plain:
        pass

    @dataclass
    class Loose:
        knob: int = 1

    with pytest.raises(AssertionError, match="no dataclass"):
        testing.check_synthesizer(Plain)
    with pytest.raises(AssertionError, match="not frozen"):
        testing.check_synthesizer(Loose)


GOOD = Score("fidelity.mean", 0.5, 0.4, 0.6, "higher", 10, method="bootstrap")


@pytest.mark.parametrize(
    ("score", "law"),
    [
        (replace(GOOD, name="mean"), "names are dotted"),
        (replace(GOOD, low=0.55), "outside its interval"),
        (replace(GOOD, n=0.5), "n counts records"),
        (replace(GOOD, level=95), "level is between"),
        (replace(GOOD, status="inconclusive"), "says not why"),
        (replace(GOOD, status="not computed", reason="so"), "was not computed"),
        (replace(GOOD, method=""), "says not how"),
    ],
)
def test_the_kit_refuses_a_score_that_travels_alone(score, law):
    testing.check_metric(lambda *tables, seed: [GOOD])
    with pytest.raises(AssertionError, match=law):
        testing.check_metric(lambda *tables, seed: [score])


def test_the_kit_notices_a_metric_that_is_not_repeatable():
    values = iter(np.linspace(0.4, 0.6, 100))
    with pytest.raises(AssertionError, match="two calls with one seed differ"):
        testing.check_metric(lambda *tables, seed: [replace(GOOD, value=next(values))])


@dataclass(frozen=True)
class Majority:
    """Predicts the commonest answer, or, at fault, the answer itself."""

    cheats: bool = False

    def train(self, dataset, *, seed):
        values = dataset.table["owner"].to_pylist()
        return _Answer(max(set(values), key=values.count), self.cheats)


@dataclass(frozen=True)
class _Answer:
    value: bool
    cheats: bool

    def predict(self, table):
        if self.cheats and "owner" in table.column_names:
            return table.select(["owner"])
        return pa.table({"owner": pa.array([self.value] * table.num_rows, pa.bool_())})


def test_the_kit_notices_a_target_model_that_looks_at_the_answer():
    testing.check_target(Majority)
    with pytest.raises(AssertionError, match="looks at the target"):
        testing.check_target(lambda: Majority(cheats=True))
