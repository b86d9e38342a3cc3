"""The report's dictionary read into plain values: whatever is absent, null or NaN is None."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, fields
from functools import cache
from typing import Any, TypeVar, cast, get_type_hints

__all__ = [
    "NULLS",
    "Arm",
    "Attack",
    "ColumnNote",
    "Detection",
    "Distance",
    "Giveaway",
    "Marginal",
    "Matrices",
    "Measure",
    "Ranked",
    "Rule",
    "Share",
    "Usefulness",
    "Verdict",
    "arms",
    "finite",
    "plain",
    "read",
    "rows_of",
    "text",
]

T = TypeVar("T")
Number = float | None
Numbers = tuple[float | None, ...]
NULLS = ("holdout", "independent", "copy")  # arms that are comparisons, never the thing judged


@dataclass(frozen=True, slots=True)
class Measure:
    """One score of one arm, as `abbild.core.Score` writes it."""

    name: str
    value: Number
    low: Number
    high: Number
    better: str
    n: Number
    baseline: Number
    level: Number
    method: str
    status: str
    reason: str

    @property
    def computed(self) -> bool:
        """Whether there is a number to show."""
        return self.value is not None and self.status != "not computed"


@dataclass(frozen=True, slots=True)
class Arm:
    """One set of rows that was judged: the proxy, another engine's, or a null."""

    name: str
    label: str
    scores: tuple[Measure, ...]

    @property
    def is_null(self) -> bool:
        """Whether this arm only gives the others their scale."""
        return self.name in NULLS

    def score(self, name: str) -> Measure | None:
        """Return the score called `name`."""
        return next((score for score in self.scores if score.name == name), None)


@dataclass(frozen=True, slots=True)
class Verdict:
    """One question of the first page and its answer."""

    question: str
    level: str
    sentence: str


@dataclass(frozen=True, slots=True)
class ColumnNote:
    """A column and what was done with it."""

    name: str
    kind: str
    reason: str
    treatment: str


@dataclass(frozen=True, slots=True)
class Marginal:
    """The distribution of one column, as shares of the same bins or levels."""

    column: str
    kind: str
    labels: tuple[str, ...]
    real: Numbers
    synthetic: Numbers
    distance: Number
    floor: Number


@dataclass(frozen=True, slots=True)
class Distance:
    """How far a column is from real, alone and in pairs, and how far two real samples are."""

    column: str
    alone: Number
    alone_floor: Number
    with_others: Number
    with_others_floor: Number

    @property
    def excess(self) -> float:
        """The larger distance above what two real samples have."""
        pairs = ((self.alone, self.alone_floor), (self.with_others, self.with_others_floor))
        return max((v - (f or 0.0) for v, f in pairs if v is not None), default=-1.0)


@dataclass(frozen=True, slots=True)
class Share:
    """A share of rows of one column: beyond a tail, or missing."""

    column: str
    tail: str
    real: Number
    synthetic: Number
    holdout: Number

    @property
    def change(self) -> float:
        """Relative difference to the real share."""
        if self.real is None or self.synthetic is None:
            return 0.0
        return abs(self.synthetic - self.real) / max(self.real, 1e-9)


@dataclass(frozen=True, slots=True)
class Matrices:
    """Strength of dependence of each pair of columns, in [0, 1]."""

    columns: tuple[str, ...]
    real: tuple[Numbers, ...]
    synthetic: tuple[Numbers, ...]


@dataclass(frozen=True, slots=True)
class Giveaway:
    """A column the detector used, and its share of what the detector learned."""

    column: str
    share: Number


@dataclass(frozen=True, slots=True)
class Detection:
    """What a classifier reached that tells synthetic from real rows."""

    auc: Number
    low: Number
    high: Number
    score: Number
    reference_auc: Number
    against: str
    train_auc: Number
    train_score: Number


@dataclass(frozen=True, slots=True)
class Usefulness:
    """A model for one target, trained on real and on synthetic rows, tested on real rows.

    `gap` is synthetic minus real, with bounds `low` and `high`.
    """

    target: str
    task: str
    metric: str
    real: Number
    synthetic: Number
    interval: Numbers
    gap: Number
    low: Number
    high: Number
    floor: Number
    n: Number

    @property
    def bounds(self) -> tuple[Number, Number]:
        """The interval of `synthetic`; `low` and `high` are those of the gap if there is one."""
        if len(self.interval) == 2:
            return self.interval[0], self.interval[1]
        return (None, None) if self.gap is not None else (self.low, self.high)


@dataclass(frozen=True, slots=True)
class Ranked:
    """One kind of model, trained on real and on synthetic rows."""

    name: str
    real: Number
    synthetic: Number


@dataclass(frozen=True, slots=True)
class Attack:
    """One attack and what it reached."""

    name: str
    threat: str
    auc: Number
    low: Number
    high: Number
    tpr_at_1: Number
    tpr_low: Number
    tpr_high: Number
    reference: Number
    verdict: str
    could_see: str
    members: Number
    outsiders: Number
    tail_p: Number
    size: str
    chosen: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule of the data and the share of rows that keep it."""

    rule: str
    real: Number
    synthetic: Number
    origin: str
    n: Number


def finite(value: Any) -> float | None:
    """Return `value` as a number, or None if it is none or not finite."""
    if value is None or isinstance(value, str | bytes):
        return None
    try:
        result = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return result if math.isfinite(result) else None


def text(value: Any) -> str:
    """Return `value` as text that can be encoded; None is empty."""
    if value is None:
        return ""
    return str(value).encode("utf-8", "replace").decode("utf-8")


def plain(value: Any) -> Any:
    """Return `value` as JSON can hold it: NaN and infinities are None, arrays are lists."""
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, str):
        return text(value)
    if isinstance(value, Mapping):
        return {text(key): plain(item) for key, item in value.items()}
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, list | tuple | set | frozenset | range):
        return [plain(item) for item in value]
    return text(value)


def read(kind: type[T], source: Any) -> T:
    """Fill the fields of `kind` from a mapping; what is absent or of another type is empty."""
    source = source if isinstance(source, Mapping) else {}
    hints = _hints(cast("Hashable", kind))
    return kind(**{name: _as(hint, source.get(name)) for name, hint in hints.items()})


def rows_of(source: Any, kind: type[T]) -> tuple[T, ...]:
    """Read a list of mappings; anything else is no rows."""
    if not isinstance(source, list):
        return ()
    return tuple(read(kind, row) for row in source if isinstance(row, Mapping))


def arms(report: Mapping[str, Any]) -> tuple[Arm, ...]:
    """Read the arms: those judged in their order, then the nulls in that of `NULLS`."""
    found = report.get("arms")
    every = [
        Arm(
            text(row.get("name")),
            text(row.get("label") or row.get("name")),
            rows_of(row.get("scores"), Measure),
        )
        for row in (found if isinstance(found, list) else [])
        if isinstance(row, Mapping)
    ]
    place = {name: k for k, name in enumerate(NULLS, 1)}
    return tuple(sorted(every, key=lambda arm: place.get(arm.name, 0)))


@cache
def _hints(kind: Any) -> dict[str, Any]:
    hints = get_type_hints(kind)
    return {field.name: hints[field.name] for field in fields(kind)}


def _as(hint: Any, value: Any) -> Any:
    if hint is str:
        return text(value)
    if hint == Number:
        return finite(value)
    items = value if isinstance(value, list) else []
    if hint == tuple[str, ...]:
        return tuple(text(item) for item in items)
    if hint == Numbers:
        return tuple(finite(item) for item in items)
    return tuple(_as(Numbers, row) for row in items)
