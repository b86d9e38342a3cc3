"""Pairs of columns: maps of dependence and the pairs that differ most."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from abbild.report import charts
from abbild.report.content import Matrices, read
from abbild.report.figures import decimals, number
from abbild.report.rows import Row, section

__all__ = ["dependence"]

SHOWN = 60  # columns of a map
PAIRS = 10


@dataclass(frozen=True, slots=True)
class Dependence:
    """Three maps and the pairs of columns that differ most."""

    maps: tuple[tuple[str, Markup], ...]
    pairs: tuple[Row, ...]
    shown: int
    total: int
    top: str
    gap: str


def dependence(report: Mapping[str, Any]) -> Dependence | None:
    """Return the maps of dependence, and the pairs whose strength differs most."""
    found = read(Matrices, section(report, "dependence"))
    size = min(len(found.columns), len(found.real), len(found.synthetic))
    if size < 2:
        return None
    pairs = sorted(_pairs(found, size), key=lambda pair: -abs(pair[4]))
    keep = _most_different(pairs, size)
    real, synthetic = _cut(found.real, keep), _cut(found.synthetic, keep)
    gaps = [
        [None if a is None or b is None else b - a for a, b in zip(u, v, strict=True)]
        for u, v in zip(real, synthetic, strict=True)
    ]
    labels = [_short(found.columns[i], 16) for i in keep]
    top = max((max(pair[2], pair[3]) for pair in pairs), default=0.0)
    gap = max((abs(pair[4]) for pair in pairs), default=0.0)
    scale = max(gap, 0.05 * top) or 1.0  # differences that are noise must not look strong
    maps = (
        ("Real", charts.heat(real, labels, "Dependence between columns, real rows", top=top)),
        ("Synthetic", charts.heat(synthetic, labels, "The same, synthetic rows", top=top)),
        (
            "Synthetic minus real",
            charts.heat(
                gaps, labels, "Difference, synthetic minus real", top=scale, diverging=True
            ),
        ),
    )
    digits = decimals([top])
    worst = tuple(
        Row(
            found.columns[i],
            tuple(number(value, digits) for value in (real_value, made_value, difference)),
            more=(found.columns[j],),
        )
        for i, j, real_value, made_value, difference in pairs[:PAIRS]
    )
    return Dependence(maps, worst, len(keep), size, number(top), number(scale))


def _pairs(found: Matrices, size: int) -> list[tuple[int, int, float, float, float]]:
    pairs = []
    for i in range(size):
        for j in range(min(i, len(found.real[i]), len(found.synthetic[i]))):
            real, synthetic = found.real[i][j], found.synthetic[i][j]
            if real is not None and synthetic is not None:
                pairs.append((i, j, real, synthetic, synthetic - real))
    return pairs


def _most_different(pairs: list[tuple[int, int, float, float, float]], size: int) -> list[int]:
    """Return the columns to draw, in their order: those of the pairs that differ most."""
    if size <= SHOWN:
        return list(range(size))
    keep: dict[int, None] = {}
    for i, j, *_ in pairs:
        keep.update({i: None, j: None})
        if len(keep) >= SHOWN:
            break
    return sorted(list(keep)[:SHOWN])


def _cut(matrix: Sequence[Sequence[float | None]], keep: list[int]) -> list[list[float | None]]:
    return [[matrix[i][j] if j < len(matrix[i]) else None for j in keep] for i in keep]


def _short(name: str, limit: int) -> str:
    return name if len(name) <= limit else name[: limit - 1] + "…"
