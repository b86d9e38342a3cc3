"""Runs every registered metric on the synthetic table and on the null arms beside it."""

from __future__ import annotations

import inspect
import logging
import math
from collections.abc import Callable, Iterator
from typing import Any

import pyarrow as pa

from abbild.core import AbbildError, Schema, Score, Seed, names, resolve, track
from abbild.evaluate.arms import Arm, null_arms
from abbild.evaluate.judgement import Effort, Findings, Judgement, Profile
from abbild.evaluate.scope import aligned, thinned
from abbild.evaluate.verdicts import verdicts

__all__ = ["judge"]

_log = logging.getLogger(__name__)

SYNTHETIC = "synthetic"


def judge(
    train: pa.Table,
    holdout: pa.Table | None,
    synthetic: pa.Table,
    schema: Schema,
    *,
    seed: Seed,
    profile: Profile = "quick",
    arms: bool = True,
) -> Judgement:
    """Judge a synthetic table by every installed metric, beside data of known worth.

    Parameters
    ----------
    train : rows the generator was fitted on
    holdout : rows of other people from the same population, never shown to the generator; None
        if there are none, and then no claim about privacy is possible
    synthetic : rows to judge, with the columns of `train`
    profile : how much it may cost; "quick" is a minute for 20,000 rows of 15 columns
    arms : whether independent columns, a copy of the training data and the real holdout are
        judged beside it

    Returns
    -------
    Judgement
        What a metric could not compute is a score that says why; one that fails stops no other.

    Raises
    ------
    ShapeError, ColumnTypeError
        If `holdout` or `synthetic` lacks a column of `train`, or has it in another type.
    """
    effort = Effort.of(profile)
    seed = seed / "judge"
    told = _Told()
    train = told.thinned(train, effort.rows, seed, "training")
    synthetic = told.thinned(aligned(synthetic, train, SYNTHETIC), effort.rows, seed, SYNTHETIC)
    if holdout is not None:
        holdout = told.thinned(aligned(holdout, train, "holdout"), effort.rows, seed, "holdout")
    if holdout is not None and not holdout.num_rows:
        holdout = None
    every = [Arm(SYNTHETIC, synthetic, holdout)]
    if arms:
        every += null_arms(train, holdout, synthetic.num_rows, seed / "arms")
    scores: dict[str, list[Score]] = {arm.name: [] for arm in every}
    evidence: dict[str, Any] = {}
    work = [(arm, name) for arm in every for name in names("metrics")]
    for arm, name in track(work, "judge"):
        spent = effort if arm.name == SYNTHETIC else effort.lighter()
        found = _caged(name, train, arm, schema, seed / name, spent)
        scores[arm.name].extend(found)
        if arm.name == SYNTHETIC:
            evidence |= found.evidence
            told.notes.extend(found.notes)
    notes = [*told.notes, *_notes(train, holdout, arms)]
    return Judgement(
        scores, _plain(evidence), verdicts(scores[SYNTHETIC], evidence, scores.get("copy")), notes
    )


def _caged(
    name: str, train: pa.Table, arm: Arm, schema: Schema, seed: Seed, effort: Effort
) -> Findings:
    """Run one metric; whatever goes wrong in it becomes a score that says so."""
    try:
        metric = resolve("metrics", name)
        extra = {"effort": effort} if "effort" in inspect.signature(metric).parameters else {}
        _refuse_empty(train, arm.rows)
        found = metric(train, arm.holdout, arm.rows, schema, seed=seed, **extra)
    except AbbildError as error:
        return Findings([Score.not_computed(name, str(error).splitlines()[0])])
    except Exception as error:  # noqa: BLE001
        # the cage: a stranger's metric, or a fault of ours, must not take the report with it
        _log.exception("metric %s failed", name)
        reason = f"the metric failed: {type(error).__name__}: {error}"
        return Findings([Score.not_computed(name, reason.splitlines()[0])])
    return found if isinstance(found, Findings) else Findings(found)


def _refuse_empty(train: pa.Table, rows: pa.Table) -> None:
    for what, table in (("training", train), ("judged", rows)):
        if not table.num_rows:
            raise AbbildError(f"the {what} table has no rows")


class _Told:
    """Notes taken while tables are thinned."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def thinned(self, table: pa.Table, most: int, seed: Seed, what: str) -> pa.Table:
        if table.num_rows > most:
            self.notes.append(
                f"Of {table.num_rows:,} {what} rows {most:,}, drawn at random, were judged."
            )
        return thinned(table, most, seed / "rows" / what)


def _notes(train: pa.Table, holdout: pa.Table | None, arms: bool) -> Iterator[str]:
    if holdout is None:
        yield "There is no holdout, so copying cannot be told from likeness and no attack was made."
    elif arms:
        yield "The arm 'holdout' judges one half of the holdout against its other half."
    if arms:
        yield "The arm 'copy' is the training data itself: good scores there are worth nothing."


def _plain(value: Any) -> Any:
    """Return `value` with what JSON cannot say (NaN, infinity, numpy numbers) put into words."""
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    item: Callable[[], Any] | None = getattr(value, "item", None)
    value = item() if callable(item) else value
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
