"""One process or many: the same rows, the same batches, the same file."""

import itertools
import logging
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from abbild.core import Batch, Rejected, Seed, in_blocks, read_parquet, write_parquet
from abbild.execute import Processes, draw

SEED = Seed(3) / "rows"


@dataclass(frozen=True)
class Walk:
    """Rows that depend on the rows before them in their block, some rejected."""

    block: int

    def sample(self, rows, *, seed):
        numbers, values, rejected = [], [], []
        for part in in_blocks(rows, self.block):
            steps = (seed / part.start).rng().normal(size=self.block).cumsum()
            for row in range(max(part.start, rows.start), min(part.stop, rows.stop)):
                value = steps[row - part.start]
                if row % 7 == 3:
                    rejected.append(Rejected(row, "a three"))
                else:
                    numbers.append(row)
                    values.append(value)
        table = pa.table(
            {"row": pa.array(numbers, pa.int64()), "x": pa.array(values, pa.float64())}
        )
        return Batch({"data": table}, tuple(rejected))


def whole(rows, block, **how):
    return Batch.join(draw(Walk(block), rows, seed=SEED, **how))


@pytest.fixture(scope="module")
def processes():
    with Processes(2) as pool:
        yield pool


@pytest.mark.parametrize("block", [1, 8, 100, 4096])
def test_processes_do_not_change_the_rows(processes, block):
    here, there = whole(range(5, 9000), block), whole(range(5, 9000), block, executor=processes)
    assert there.table.equals(here.table)
    assert there.rejected == here.rejected


def test_processes_do_not_change_the_file(processes, tmp_path):
    for name, how in (("here", {}), ("there", {"executor": processes})):
        batches = draw(Walk(64), range(3000), seed=SEED, **how)
        write_parquet((batch.table for batch in batches), tmp_path / name)
    assert (tmp_path / "here").read_bytes() == (tmp_path / "there").read_bytes()
    assert read_parquet(tmp_path / "here").equals(whole(range(3000), 64).table)


@given(
    block=st.integers(1, 300),
    cuts=st.lists(st.integers(0, 1000), min_size=2, max_size=6).map(sorted),
)
def test_any_cut_of_the_rows_gives_the_same_rows(block, cuts):
    parts = [whole(range(a, b), block) for a, b in itertools.pairwise(cuts)]
    assert Batch.join(parts).table.equals(whole(range(cuts[0], cuts[-1]), block).table)


def test_a_longer_run_starts_with_the_shorter_one():
    short = whole(range(100), 32)
    assert whole(range(777), 32).table.slice(0, short.table.num_rows).equals(short.table)


@given(st.integers(1, 5000), st.integers(0, 20000), st.integers(1, 20000))
def test_no_block_is_drawn_twice_and_small_ones_share_a_batch(block, start, n):
    drawn = []

    class Spy:
        def sample(self, rows, *, seed):
            drawn.append(rows)
            return Batch({"data": pa.table({"row": np.arange(rows.start, rows.stop)})})

    spy = Spy()
    spy.block = block
    list(draw(spy, range(start, start + n), seed=SEED))
    assert [row for part in drawn for row in part] == list(range(start, start + n))
    blocks = [{row // block for row in (part.start, part.stop - 1)} for part in drawn]
    assert all(max(a) < min(b) for a, b in itertools.pairwise(blocks))
    assert len(drawn) <= n // 64 + 2


def test_no_rows_are_one_empty_batch_that_knows_its_columns():
    (batch,) = draw(Walk(8), range(0), seed=SEED)
    assert batch.table.num_rows == 0
    assert batch.table.column_names == ["row", "x"]


@pytest.mark.parametrize("rows", [range(0, 10, 2), range(10, 0, -1), range(-5, 5)])
def test_row_numbers_are_consecutive(rows):
    with pytest.raises(ValueError, match="consecutive and not negative"):
        list(draw(Walk(8), rows, seed=SEED))


def test_progress_is_logged_to_the_end(caplog):
    caplog.set_level(logging.INFO, "abbild.progress")
    whole(range(1000), 100)
    first, *_, last = [r for r in caplog.records if r.stage == "sample"]
    assert (first.done, first.total) == (0, 10)
    assert (last.done, last.total) == (10, 10)
