"""Columns one by one: overlaid distributions, distances, tails, missing values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from markupsafe import Markup

from abbild.report import charts
from abbild.report.content import Distance, Marginal, Share, rows_of
from abbild.report.figures import number, percent, things
from abbild.report.rows import Row, section

__all__ = ["distances", "distributions", "shares"]

SHOWN = 60  # columns: more is neither read nor below a megabyte
EXTRA = ("other", "missing")  # bars beside the axis
LEVELS = 6  # levels of a category that are drawn one by one
BINS = 60
FARTHEST = 12
HINTS = 2200  # tooltips in all: beyond it bins are drawn without


@dataclass(frozen=True, slots=True)
class Distribution:
    """One column, real against synthetic."""

    column: str
    kind: str
    distance: str
    floor: str
    chart: Markup
    ends: tuple[str, ...]
    asides: tuple[str, ...]
    levels: tuple[tuple[str, str, str, Markup], ...]


@dataclass(frozen=True, slots=True)
class Distributions:
    """The columns that differ most, and how many there are in all."""

    shown: tuple[Distribution, ...]
    total: int


def distributions(report: Mapping[str, Any]) -> Distributions | None:
    """Return the columns, those with the largest distance above their floor first."""
    found = [m for m in rows_of(section(report, "marginals"), Marginal) if m.labels]
    if not found:
        return None
    ranked = sorted(found, key=_excess, reverse=True)
    shown = ranked[:SHOWN]
    hints = sum(min(len(m.labels), BINS) for m in shown) <= HINTS
    return Distributions(tuple(_distribution(m, hints) for m in shown), len(found))


def distances(report: Mapping[str, Any]) -> tuple[Row, ...]:
    """Return the columns whose tables with other columns differ most, each beside its noise."""
    found = rows_of(section(report, "columns"), Distance)
    worst = sorted(found, key=lambda row: row.excess, reverse=True)[:FARTHEST]
    return tuple(
        Row(
            row.column,
            tuple(
                number(value, 4)
                for value in (row.alone, row.alone_floor, row.with_others, row.with_others_floor)
            ),
        )
        for row in worst
    )


def shares(report: Mapping[str, Any], part: str) -> tuple[Row, ...]:
    """Return the shares of rows beyond a tail, or missing, those that changed most first."""
    found = rows_of(section(report, part), Share)
    worst = sorted(found, key=lambda share: share.change, reverse=True)[:FARTHEST]
    return tuple(
        Row(s.column, (percent(s.real), percent(s.synthetic), percent(s.holdout)), more=(s.tail,))
        for s in worst
    )


def _excess(marginal: Marginal) -> float:
    if marginal.distance is None:
        return -1.0
    return marginal.distance - (marginal.floor or 0.0)


def _distribution(marginal: Marginal, hints: bool) -> Distribution:
    marginal = _without_empty(marginal)
    as_levels = marginal.kind in ("category", "boolean", "ordinal") or len(marginal.labels) <= 6
    title = (
        f"{marginal.column}: real and synthetic distribution, "
        f"distance {number(marginal.distance)}, between two real samples {number(marginal.floor)}"
    )[:400]
    levels = _levels(marginal) if as_levels else ()
    asides: tuple[str, ...] = ()
    if not as_levels:
        marginal, asides = _apart(marginal)
    chart = Markup("") if as_levels else _histogram(marginal, title, hints)
    ends = () if as_levels else _ends(marginal.labels)
    return Distribution(
        column=marginal.column,
        kind=marginal.kind,
        distance=number(marginal.distance),
        floor=number(marginal.floor),
        chart=chart,
        ends=ends,
        asides=asides,
        levels=levels,
    )


def _bars_of(marginal: Marginal, keep: Sequence[int]) -> Marginal:
    """Return the bars at `keep`."""
    return replace(
        marginal,
        labels=tuple(marginal.labels[k] for k in keep),
        real=tuple(marginal.real[k] for k in keep),
        synthetic=tuple(marginal.synthetic[k] for k in keep),
    )


def _without_empty(marginal: Marginal) -> Marginal:
    """Drop the bars of other and of missing values where no row has any."""
    size = min(len(marginal.labels), len(marginal.real), len(marginal.synthetic))
    keep = [
        k
        for k in range(size)
        if marginal.labels[k] not in EXTRA or marginal.real[k] or marginal.synthetic[k]
    ]
    return _bars_of(marginal, keep)


def _apart(marginal: Marginal) -> tuple[Marginal, tuple[str, ...]]:
    """Take what has no place on an axis out of the bars, and say it in words."""
    extra = [k for k, label in enumerate(marginal.labels) if label in EXTRA]
    if len(extra) == len(marginal.labels):
        return marginal, ()
    said = tuple(
        f"{marginal.labels[k]}: real {percent(marginal.real[k])}, "
        f"synthetic {percent(marginal.synthetic[k])}"
        for k in extra
    )
    keep = [k for k in range(len(marginal.labels)) if k not in extra]
    return _bars_of(marginal, keep), said


def _histogram(marginal: Marginal, title: str, hints: bool) -> Markup:
    labels, real, synthetic = marginal.labels, marginal.real, marginal.synthetic
    size = min(len(labels), len(real), len(synthetic), BINS)
    said = [
        f"{labels[k][:60]}: real {percent(real[k])}, synthetic {percent(synthetic[k])}"
        for k in range(size if hints else 0)
    ]
    return charts.histogram(real[:size], synthetic[:size], said, title)


def _ends(labels: Sequence[str]) -> tuple[str, ...]:
    if not labels:
        return ()
    ends = (labels[0], labels[len(labels) // 2], labels[-1])
    return ends if len(labels) > 4 and len("".join(ends)) < 30 else (labels[0], labels[-1])


def _levels(marginal: Marginal) -> tuple[tuple[str, str, str, Markup], ...]:
    rows = list(zip(marginal.labels, marginal.real, marginal.synthetic, strict=False))
    if len(rows) > LEVELS + 1:
        if marginal.kind != "ordinal":
            rows.sort(key=lambda row: -(row[1] or 0.0))
        tail = rows[LEVELS:]
        real = sum(share or 0.0 for _, share, _ in tail)
        synthetic = sum(share or 0.0 for _, _, share in tail)
        rows = [*rows[:LEVELS], (things(len(tail), "further level"), real, synthetic)]
    top = max((max(real or 0.0, synthetic or 0.0) for _, real, synthetic in rows), default=0.0)
    return tuple(
        (
            level,
            percent(real),
            percent(synthetic),
            charts.bars(
                real,
                synthetic,
                top,
                f"{level[:60]}: real {percent(real)}, synthetic {percent(synthetic)}",
            ),
        )
        for level, real, synthetic in rows
    )
