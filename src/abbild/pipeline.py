"""The straight line from real data to a proxy with its report: read, split, fit, draw, judge."""

from __future__ import annotations

import logging
import platform
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, fields, is_dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal, get_args

import pyarrow as pa

from abbild import __version__
from abbild.core import (
    AbbildError,
    Dataset,
    RepeatedUnitError,
    Schema,
    Seed,
    ShapeError,
    load_model,
    progress,
    read_parquet,
    resolve,
    save_model,
    write_parquet,
)
from abbild.evaluate import Judgement, judge
from abbild.execute import draw
from abbild.options import check_choice, check_whole
from abbild.report import Report, write_report
from abbild.runs import RunFolder, stamp
from abbild.source import (
    Loaded,
    check_units,
    mark,
    read,
    read_object,
    read_schema,
    share,
    split,
    suspect_units,
    to_object,
    write,
    write_schema,
)

__all__ = ["FittedProxy", "More", "Run", "audit", "draw_more", "proxy", "sample"]

_log = logging.getLogger(__name__)

Preset = Literal["conservative", "default", "quality"]
Profile = Literal["quick", "release", "audit"]


@dataclass(frozen=True, eq=False)
class FittedProxy:
    """A fitted model with what is needed to go on drawing from it.

    Attributes
    ----------
    sampler : a `core.Sampler`, of whatever engine
    schema : ``Schema.to_dict()`` of the table it was fitted to
    released : rows the run already gave out; `sample` goes on behind them, so that keys are
        never given out twice
    frame : what the user brought: "pandas", "polars" or "arrow"
    """

    sampler: Any
    schema: dict[str, Any]
    released: int
    frame: str = "arrow"

    def check(self) -> None:
        """Refuse what draws no rows, and a count that cannot be; called when a model is loaded."""
        if not hasattr(self.sampler, "sample"):
            raise ShapeError("the model holds nothing that draws rows")
        if not 0 <= self.released < 2**62:
            raise ShapeError(f"{self.released} rows cannot have been given out")


@dataclass(frozen=True, eq=False)
class Run:
    """What a run made.

    Attributes
    ----------
    data : synthetic rows, in the kind the user brought (pandas, polars or Arrow)
    model : draws more rows, see `sample`; None after an audit
    report : the verdicts and every number behind them; ``report.save("report.html")``
    folder : the run folder, None if none was asked for
    """

    data: Any
    model: FittedProxy | None
    report: Report
    folder: Path | None


@dataclass(frozen=True, eq=False)
class More:
    """Further rows of a proxy.

    Attributes
    ----------
    tables : the rows, in blocks
    effective : effective sample size; equal to the number of rows if the draw is exact
    exact : whether the rows follow the model's conditional distribution exactly
    """

    tables: Iterator[pa.Table]
    schema: Schema
    frame: str
    effective: float
    exact: bool


def proxy(
    source: Any,
    *,
    out: Path | str | None = None,
    n: int | None = None,
    engine: str = "trees",
    preset: Preset = "default",
    target: str | None = None,
    unit: str | None = None,
    holdout: float | str | Path | None = 0.2,
    schema: Schema | Path | str | None = None,
    rows_per_unit: Literal["one", "many"] = "one",
    seed: int = 0,
    force: bool = False,
) -> Run:
    """Make an anonymous proxy of a table and judge it.

    Parameters
    ----------
    source : path of a table file, or a pandas, polars or Arrow table
    out : run folder; a killed run of the same inputs is continued there
    n : rows to draw; as many as the model learned from unless given
    engine : name from ``abbild list``; several, separated by commas, are compared and the first
        one makes the data
    target : column to be predicted; it is learned with most care
    unit : column that names the person a row belongs to; "none" if each row is one
    holdout : share of the units kept from the model, the control of every later claim; a file
        with other rows of the same population; None for none
    schema : kinds and roles, instead of guessing them
    rows_per_unit : "many" accepts several rows per person as if they were strangers; the report
        says so
    """
    check_whole("n", n, least=1)
    check_whole("seed", seed, least=0)
    check_choice("preset", preset, get_args(Preset))
    check_choice("rows_per_unit", rows_per_unit, ("one", "many"))
    loaded = _load(source, schema, unit=unit, target=target)
    control = _holdout_file(holdout, loaded.dataset.schema)
    _check_control(loaded, control)
    makers = {name: _synthesizer(name, preset) for name in _engines(engine)}
    notes = _check_people(loaded.dataset, unit, rows_per_unit)
    root = Seed(seed)
    train, held = _split(loaded.dataset, control, holdout, root / "split")
    rows = train.table.num_rows if n is None else n
    recipe = {
        "command": "proxy",
        "source": loaded.sha256,
        "holdout": control.sha256 if control else share(holdout),
        "schema": loaded.dataset.schema.to_dict(),
        "engines": {name: _hyperparameters(maker) for name, maker in makers.items()},
        "rows": rows,
        "rows_per_unit": rows_per_unit,
        "seed": seed,
        "versions": _versions(),
    }
    with _folder(out, recipe, force) as folder:
        write_schema(loaded.dataset.schema, folder / "schema.yaml")
        start = time.perf_counter()
        fitted, tables = _fit_and_draw(folder, makers, train, loaded, rows, root)
        lead = next(iter(makers))
        _write_as_source(folder, tables[lead], loaded)
        roles = train.schema.table
        made = {"engine": lead, "preset": preset, "rows": rows, "seed": seed}
        made |= {"target": roles.target, "unit": roles.unit}
        notes += getattr(getattr(fitted[lead].sampler, "codec", None), "notes", ())
        seconds = round(time.perf_counter() - start, 2)
        about = _About("proxy", loaded.name, made, recipe, notes, fitted[lead], seconds)
        report = _report(folder, train, held, tables, about, root / "judge")
        data = to_object(tables[lead], loaded.frame if isinstance(source, str | Path) else source)
        return Run(data, fitted[lead], report, Path(out) if out is not None else None)


def audit(
    synthetic: Any,
    *,
    train: Any,
    holdout: Any = None,
    target: str | None = None,
    schema: Schema | Path | str | None = None,
    profile: Profile = "quick",
    out: Path | str | None = None,
    seed: int = 0,
    force: bool = False,
) -> Run:
    """Judge synthetic data from anywhere with the report every proxy gets.

    Parameters
    ----------
    train : the rows the synthetic data was made from
    holdout : rows of the same population its maker never saw: without them no attack has a
        control, and the report says so
    profile : how long to look: "quick" (a minute), "release", "audit"
    """
    check_whole("seed", seed, least=0)
    check_choice("profile", profile, get_args(Profile))
    real = _load(train, schema, unit=None, target=target)
    described = real.dataset.schema
    made = _load(synthetic, described, unit=None, target=target, closed=False)
    held = _holdout_file(holdout, described)
    _check_control(real, held)
    recipe = {
        "command": "audit",
        "synthetic": made.sha256,
        "source": real.sha256,
        "holdout": held.sha256 if held else None,
        "schema": described.to_dict(),
        "profile": profile,
        "seed": seed,
        "versions": _versions(),
    }
    table = made.dataset.table
    facts = {"rows": table.num_rows, "seed": seed, "target": described.table.target}
    about = _About("audit", made.name, facts, recipe, [], None, None, profile)
    with _folder(out, recipe, force) as folder:
        write_schema(described, folder / "schema.yaml")
        control = held.dataset if held else None
        tables = {"synthetic": table}
        report = _report(folder, real.dataset, control, tables, about, Seed(seed) / "judge")
        data = to_object(table, made.frame)
        return Run(data, None, report, Path(out) if out is not None else None)


def sample(
    model: FittedProxy | Run | Path | str,
    n: int | None = None,
    *,
    where: str | None = None,
    given: Any = None,
    seed: int = 0,
) -> Any:
    """Draw more rows from a fitted proxy, also under conditions; see `draw_more`.

    Returns
    -------
    A table of the kind the proxy was made from: pandas, polars or Arrow.
    """
    more = draw_more(model, n, where=where, given=given, seed=seed)
    if not more.exact:
        _log.info("effective sample size %.0f", more.effective)
    return to_object(pa.concat_tables(list(more.tables)), more.frame)


def draw_more(
    model: FittedProxy | Run | Path | str,
    n: int | None = None,
    *,
    where: str | None = None,
    given: Any = None,
    seed: int = 0,
) -> More:
    """Draw rows behind those the run gave out, so that no row and no key comes twice.

    Parameters
    ----------
    n : rows to draw; one for each row of `given` if that is set
    where : SQL condition every drawn row satisfies, such as ``"age > 60 and sex = 'Female'"``
    given : table or file whose columns are kept as they are; the rest is drawn
    """
    check_whole("n", n, least=1)
    check_whole("seed", seed, least=0)
    fitted = _as_fitted(model)
    schema = Schema.from_dict(fitted.schema)
    root = Seed(seed) / "more"
    if where is not None and given is not None:
        raise AbbildError("'where' and 'given' cannot be combined", hint="use one of them")
    if given is not None:
        kept = _load(given, None, unit="none", target=None).dataset.table
        drawn = fitted.sampler.sample_given(kept, seed=root)
    elif n is None:
        raise AbbildError("how many rows? n was not given", hint="pass -n ROWS")
    else:
        rows = range(fitted.released, fitted.released + n)
        if where is None:
            tables = (batch.table for batch in draw(fitted.sampler, rows, seed=root))
            return More(tables, schema, fitted.frame, float(n), True)
        drawn = fitted.sampler.sample_where(where, rows, seed=root)
    return More(iter([drawn.batch.table]), schema, fitted.frame, drawn.effective, drawn.exact)


def _as_fitted(model: FittedProxy | Run | Path | str) -> FittedProxy:
    value: Any = model.model if isinstance(model, Run) else model
    if isinstance(value, str | Path):
        value = load_model(Path(value))
    if not isinstance(value, FittedProxy) or not isinstance(value.released, int):
        raise AbbildError("this is no fitted proxy", hint="pass run.model or a model folder")
    return value


def _load(
    source: Any, schema: Any, *, unit: str | None, target: str | None, closed: bool = True
) -> Loaded:
    """Read a table; with `closed` false, levels the schema does not list are welcome."""
    if isinstance(schema, str | Path):
        schema = read_schema(Path(schema))
    unit = None if unit == "none" else unit
    how = {"schema": schema, "unit": unit, "target": target, "closed": closed}
    if isinstance(source, str | Path):
        try:
            return read(source, **how)
        except OSError as error:  # a name too long, a folder out of reach
            raise AbbildError(
                f"cannot read {str(source)[:200]!r}: {error.strerror or error}",
                hint="check the name and the permissions",
            ) from None
    return read_object(source, **how)


def _holdout_file(holdout: Any, schema: Schema) -> Loaded | None:
    if holdout is None or str(holdout) == "none" or share(holdout) is not None:
        return None
    return _load(holdout, schema, unit=None, target=None, closed=False)


def _check_control(train: Loaded, control: Loaded | None) -> None:
    """Refuse the training rows as their own control: every attack would find nothing."""
    if control is not None and control.sha256 == train.sha256:
        raise AbbildError(
            "the holdout is the training table itself, so no attack could tell the two apart",
            hint="name rows the model never saw, or a share such as 0.2",
        )


def _engines(names: str) -> list[str]:
    """Split a list of engines; the same one twice is one."""
    found = list(dict.fromkeys(name.strip() for name in names.split(",") if name.strip()))
    if not found:
        raise AbbildError("no engine was named", hint="see abbild list, or leave --engine out")
    return found


def _synthesizer(name: str, preset: str) -> Any:
    maker = resolve("synthesizers", name)
    known = {f.name for f in fields(maker)} if is_dataclass(maker) else set()
    return maker(preset=preset) if "preset" in known else maker()


def _hyperparameters(maker: Any) -> dict[str, Any]:
    return {"type": type(maker).__qualname__, **asdict(maker)}


def _check_people(data: Dataset, unit: str | None, rows_per_unit: str) -> list[str]:
    """Refuse several rows per person unless that was said to be meant; return what to report."""
    many = rows_per_unit == "many"
    check_units(data, allow_repeats=many)
    named = data.schema.table.unit
    if named is None and unit is None and not many and (suspicion := suspect_units(data)):
        raise RepeatedUnitError(
            suspicion,
            hint="name that column with --unit COLUMN, or say --unit none if each row is a person",
        )
    if not many or named is None:
        return []
    return [
        f"Several rows per {named!r} were allowed: the proxy draws each row by itself, so the "
        "history of one person is not reproduced, and the attacks speak of rows, not of people."
    ]


def _split(
    data: Dataset, control: Loaded | None, holdout: Any, seed: Seed
) -> tuple[Dataset, Dataset | None]:
    if control is not None:
        return data, control.dataset
    if holdout is None or str(holdout) == "none":
        return data, None
    return split(data, holdout=holdout, seed=seed)


def _fit_and_draw(
    folder: RunFolder,
    makers: Mapping[str, Any],
    train: Dataset,
    loaded: Loaded,
    rows: int,
    root: Seed,
) -> tuple[dict[str, FittedProxy], dict[str, pa.Table]]:
    """Return the fitted model and the rows of each engine; what exists is not made again."""
    fitted, tables = {}, {}
    for k, (name, maker) in enumerate(makers.items()):
        tail = f"-{name}" if k else ""  # the first engine makes the data that is released
        fitted[name] = _fit(folder, f"model{tail}", maker, train, loaded, rows, root / name)
        tables[name] = _draw(folder, f"data{tail}.parquet", fitted[name], root / name)
    return fitted, tables


def _fit(
    folder: RunFolder, place: str, maker: Any, train: Dataset, loaded: Loaded, rows: int, seed: Seed
) -> FittedProxy:
    if not folder.has(f"{place}/model.json"):
        start = time.perf_counter()
        progress(f"fit {place}", 0, 1, 0.0)
        sampler = maker.fit(train, seed=seed / "fit")
        schema = loaded.dataset.schema.to_dict()
        save_model(FittedProxy(sampler, schema, rows, loaded.frame), folder / place)
        progress(f"fit {place}", 1, 1, time.perf_counter() - start)
    return _as_fitted(folder / place)


def _draw(folder: RunFolder, name: str, fitted: FittedProxy, seed: Seed) -> pa.Table:
    if not folder.has(name):
        batches = draw(fitted.sampler, range(fitted.released), seed=seed / "sample")
        write_parquet((batch.table for batch in batches), folder / name)
    return read_parquet(folder / name)


def _write_as_source(folder: RunFolder, data: pa.Table, loaded: Loaded) -> None:
    """Write the rows once more in the user's own format, unless that is Parquet."""
    own = f"data{loaded.format.extension}"
    if own != "data.parquet" and not folder.has(own):
        write([data], folder / own, loaded.format, loaded.dataset.schema)
        mark(folder / own)


@dataclass(frozen=True, eq=False)
class _About:
    """What the report must say besides what the judges found."""

    kind: Literal["proxy", "audit"]
    title: str
    made: dict[str, Any]
    recipe: Mapping[str, Any]
    notes: Sequence[str]
    fitted: FittedProxy | None
    seconds: float | None  # to fit and draw; in the card alone, for the report is reproducible
    profile: Profile = "quick"


_NULL_ARMS = {
    "holdout": "fresh real rows",
    "independent": "independent columns",
    "copy": "a copy of the training rows",
}


def _report(
    folder: RunFolder,
    train: Dataset,
    held: Dataset | None,
    tables: Mapping[str, pa.Table],
    about: _About,
    seed: Seed,
) -> Report:
    """Judge every table beside the null rows, write the report and the card."""
    if not (folder.has("report.json") and folder.has("report.html") and folder.has("card.json")):
        control = held.table if held else None
        lead, *others = (
            judge(
                train.table, control, table, train.schema,
                seed=seed, profile=about.profile, arms=k == 0,
            )
            for k, table in enumerate(tables.values())
        )  # fmt: skip
        made = "this proxy" if about.kind == "proxy" else "these rows"
        arms = [_arm("synthetic", made, lead)]
        for name, judged in zip(list(tables)[1:], others, strict=True):
            arms.append(_arm(name, f"engine {name}", judged))
        arms += [_arm(n, label, lead, n) for n, label in _NULL_ARMS.items() if n in lead.arms]
        rows = {
            "train": train.table.num_rows,
            "holdout": control.num_rows if control is not None else None,
            "synthetic": next(iter(tables.values())).num_rows,
        }
        write_report(_content(train, lead, arms, rows, about), _card(about), folder.path)
    return Report.load(folder.path)


def _content(
    train: Dataset, lead: Judgement, arms: list[Any], rows: dict[str, Any], about: _About
) -> dict[str, Any]:
    """Return what ``report.json`` holds; its shape is described in docs/report-format.md."""
    codec = getattr(getattr(about.fitted, "sampler", None), "codec", None)
    treatments = dict(codec.treatments()) if codec is not None else {}
    columns = [
        {
            "name": column.name,
            "kind": str(column.kind),
            "reason": column.reason,
            "treatment": treatments.get(column.name, ""),
        }
        for column in train.schema.table.columns
    ]
    return {
        "format": 1,
        "title": about.title,
        "kind": about.kind,
        "made": about.made,
        "rows": rows,
        "columns": columns,
        "notes": [*about.notes, *lead.notes],
        "verdicts": {name: asdict(verdict) for name, verdict in lead.verdicts.items()},
        "arms": arms,
        "evidence": lead.evidence,
    }


def _card(about: _About) -> dict[str, Any]:
    return {
        "synthetic": True,
        "made_with": f"Abbild {__version__}",
        "made_at": stamp(),
        "machine": platform.platform(terse=True),
        "seconds": about.seconds,
        "recipe": dict(about.recipe),
    }


def _arm(name: str, label: str, judged: Judgement, key: str = "synthetic") -> dict[str, Any]:
    return {"name": name, "label": label, "scores": [asdict(s) for s in judged.arms[key]]}


@contextmanager
def _folder(out: Path | str | None, recipe: Mapping[str, Any], force: bool) -> Iterator[RunFolder]:
    """Open the run folder, a temporary one if the user wants none."""
    with ExitStack() as stack:
        if out is None:
            out = stack.enter_context(tempfile.TemporaryDirectory(prefix="abbild-"))
        yield stack.enter_context(RunFolder.open(Path(out), recipe, force=force))


def _versions() -> dict[str, str]:
    """Versions the bytes of a run depend on."""
    named = ("numpy", "numba", "pyarrow", "scipy", "scikit-learn", "lightgbm", "faker")
    return {
        "abbild": __version__,
        "python": platform.python_version(),
        **{name: version(name) for name in named},
    }
