"""Small drawings as inline SVG: no script, no font, no colour of their own (see style.css).

Horizontal places are percentages of the width, so a drawing is as wide as its box and its marks
keep their size; vertical places are pixels.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

from abbild.report.figures import visible

__all__ = ["Mark", "Scale", "bars", "dumbbell", "heat", "histogram", "interval"]

STEPS = 9  # shades of a heat map: fewer than the eye tells apart in one map
EDGE = 2.5  # percent of the width kept free at both ends, so that marks are whole
SHAPES = {
    "synthetic": '<circle class="synthetic" r="5"/>',
    "other": '<circle class="synthetic hollow" r="4.5"/>',
    "holdout": '<path class="real" d="M0-5.5L5.5 0L0 5.5L-5.5 0Z"/>',
    "independent": '<path class="null" d="M-4-4H4V4H-4Z"/>',
    "copy": '<path class="null" d="M0-5L5 4H-5Z"/>',
}


@dataclass(frozen=True, slots=True)
class Scale:
    """Numbers from `low` to `high` over the width of a drawing."""

    low: float
    high: float

    @classmethod
    def around(cls, values: Iterable[float | None]) -> Scale | None:
        """Return the scale from the smallest to the largest of `values`; None if there is none."""
        known = [value for value in values if value is not None]
        if not known:
            return None
        low, high = min(known), max(known)
        margin = 0.0 if high > low else 0.05 * abs(high) or 0.05
        return cls(low - margin, high + margin)

    def at(self, value: float) -> float:
        """Return the place of `value` in percent of the width, inside the drawing."""
        part = min(1.0, max(0.0, (value - self.low) / (self.high - self.low)))
        return round(EDGE + (100 - 2 * EDGE) * part, 2)


@dataclass(frozen=True, slots=True)
class Mark:
    """A value, its interval and what it is of (a key of `SHAPES`)."""

    kind: str
    value: float | None
    low: float | None = None
    high: float | None = None


def _title(words: str) -> str:
    return f"<title>{escape(visible(words))}</title>"


def _svg(body: str, height: float, title: str, css: str = "") -> Markup:
    return Markup(
        f'<svg class="chart {css}" role="img" width="100%" height="{height:g}">'
        f"{_title(title)}{body}</svg>"
    )


def interval(
    scale: Scale | None, marks: Sequence[Mark], title: str, *, reference: Mark | None = None
) -> Markup:
    """Draw values with their intervals on one line, and the reference as a line across."""
    if scale is None:
        return Markup("")
    height = 26
    body = [f'<line class="axis" x1="0" x2="100%" y1="{height / 2:g}" y2="{height / 2:g}"/>']
    if reference is not None:
        body.append(_reference(scale, reference, height))
    body += [_whisker(scale, mark, height / 2) for mark in marks]
    return _svg("".join(body), height, title, "interval")


def dumbbell(
    scale: Scale | None,
    real: float | None,
    synthetic: Mark,
    title: str,
    *,
    floor: float | None = None,
) -> Markup:
    """Draw the distance between a value on real rows and the same on synthetic rows.

    `floor` is what is reached without learning anything.
    """
    if scale is None:
        return Markup("")
    y = 13
    body = [f'<line class="axis" x1="0" x2="100%" y1="{y}" y2="{y}"/>']
    if real is not None and synthetic.value is not None:
        ends = f'x1="{scale.at(real)}%" x2="{scale.at(synthetic.value)}%"'
        body.append(f'<line class="bridge" {ends} y1="{y}" y2="{y}"/>')
    marks = (Mark("independent", floor), Mark("holdout", real), synthetic)
    body += [_whisker(scale, mark, y) for mark in marks]
    return _svg("".join(body), 2 * y, title, "interval")


def _reference(scale: Scale, mark: Mark, height: float) -> str:
    parts = []
    if mark.low is not None and mark.high is not None:
        left, right = scale.at(mark.low), scale.at(mark.high)
        parts.append(
            f'<rect class="band" x="{left}%" width="{max(0.0, right - left):.4g}%" y="1" '
            f'height="{height - 2:g}"/>'
        )
    if mark.value is not None:
        x = scale.at(mark.value)
        parts.append(f'<line class="reference" x1="{x}%" x2="{x}%" y1="1" y2="{height - 1:g}"/>')
    return "".join(parts)


def _whisker(scale: Scale, mark: Mark, y: float) -> str:
    parts = []
    colour = {"synthetic": "synthetic", "other": "synthetic", "holdout": "real"}.get(
        mark.kind, "null"
    )
    if mark.low is not None and mark.high is not None:
        left, right = scale.at(mark.low), scale.at(mark.high)
        parts.append(
            f'<line class="whisker {colour}" x1="{left}%" x2="{right}%" y1="{y:g}" y2="{y:g}"/>'
        )
        parts += [
            f'<line class="cap {colour}" x1="{x}%" x2="{x}%" y1="{y - 4:g}" y2="{y + 4:g}"/>'
            for x in (left, right)
        ]
    if mark.value is not None:
        # A nested drawing moves the mark to a percentage without scaling it.
        shape = SHAPES.get(mark.kind, SHAPES["other"])
        parts.append(f'<svg x="{scale.at(mark.value)}%" y="{y:g}" overflow="visible">{shape}</svg>')
    return "".join(parts)


def histogram(
    real: Sequence[float | None],
    synthetic: Sequence[float | None],
    hints: Sequence[str],
    title: str,
) -> Markup:
    """Draw two distributions over the same bins: real as a surface, synthetic as a line.

    Parameters
    ----------
    real, synthetic : shares of the bins, of equal length
    hints : what to say of each bin when it is pointed at
    """
    bins = len(real)
    shares = [value or 0.0 for value in (*real, *synthetic)]
    top = max(shares, default=0.0) or 1.0
    heights = [round(100 - 96 * share / top, 1) for share in shares]
    surface = _steps(heights[:bins])
    line = _steps(heights[bins:])
    spots = "".join(
        f'<rect class="spot" x="{k}" y="0" width="1" height="100">{_title(hint)}</rect>'
        for k, hint in enumerate(hints)
    )
    return Markup(
        f'<svg class="chart histogram" role="img" width="100%" height="110" '
        f'viewBox="0 0 {max(1, bins)} 100" preserveAspectRatio="none">'
        f"{_title(title)}"
        f'<path class="surface" d="M0 100{surface}V100Z"/><path class="line" d="M0 100{line}V100"/>'
        f'<path class="floor" d="M0 100H{bins}"/>{spots}</svg>'
    )


def _steps(heights: Sequence[float]) -> str:
    return "".join(f"V{height:g}H{k + 1}" for k, height in enumerate(heights))


def bars(real: float | None, synthetic: float | None, top: float, title: str) -> Markup:
    """Draw two shares as bars, one above the other."""
    body = "".join(
        f'<rect class="bar {css}" x="0" y="{y}" height="6" width="{100 * value / top:.4g}%"/>'
        for css, value, y in (("real", real, 1), ("synthetic", synthetic, 8))
        if value is not None and top > 0
    )
    return _svg(body, 15, title)


def heat(
    values: Sequence[Sequence[float | None]],
    labels: Sequence[str],
    title: str,
    *,
    top: float,
    diverging: bool = False,
) -> Markup:
    """Draw the lower triangle of a matrix, with the names of the columns on its diagonal.

    Parameters
    ----------
    top : value of the strongest shade; beyond it the shade stays the same
    diverging : whether values have a sign and 0 is the neutral shade
    """
    size = len(labels)
    cell = max(5.0, min(16.0, 230 / max(1, size)))
    width = size * cell + (110 if size <= 40 else 4)
    cells: dict[str, list[str]] = {}
    for i in range(size):
        for j in range(i):
            shade = _shade(values, i, j, top, diverging)
            cells.setdefault(shade, []).append(f"M{j} {i}h.94v.94h-.94z")
    paths = "".join(
        f'<path class="{shade}" d="{"".join(cells[shade])}"/>' for shade in sorted(cells)
    )
    names = _names(labels, cell) if size <= 40 else ""
    return Markup(
        f'<svg class="chart heat" role="img" width="100%" viewBox="0 0 {width:g} {size * cell:g}">'
        f'{_title(title)}<g transform="scale({cell:g})">{paths}</g>{names}</svg>'
    )


def _names(labels: Sequence[str], cell: float) -> str:
    font = min(10.0, cell * 0.8)
    return "".join(
        f'<text x="{i * cell + 3:g}" y="{i * cell + cell * 0.72:.4g}" font-size="{font:.3g}">'
        f"{escape(visible(label))}</text>"
        for i, label in enumerate(labels)
    )


def _shade(
    values: Sequence[Sequence[float | None]], i: int, j: int, top: float, diverging: bool
) -> str:
    value = values[i][j] if i < len(values) and j < len(values[i]) else None
    if value is None:
        return "unknown"
    # The root lets weak dependence show beside a pair of columns that nearly repeat each other.
    part = math.sqrt(min(1.0, abs(value) / top)) if top > 0 else 0.0
    step = round(part * STEPS)
    if not diverging:
        return f"s{step}"
    return f"m{step}" if value < 0 and step else f"p{step}"
