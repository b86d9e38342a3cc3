"""How numbers, categories and colours are spread: small cards with a drawing each."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup, escape

from abbild.report.content import finite, read, text
from abbild.report.figures import NARROW, count, percent, things, visible
from abbild.report.words import mapping

__all__ = ["Card", "Levels", "Spread", "columns", "counted", "levels", "parameters"]

Number = float | None
Numbers = tuple[float | None, ...]

CARDS = 60  # parameters with a drawing: more is neither read nor below a megabyte
LEVELS = 8  # levels of a category that are drawn one by one
HINTS = 2000  # tooltips in all
FAR = 0.1  # Kolmogorov distance from which a spread is another one than planned
_COLOR = re.compile(r"#[0-9a-fA-F]{6}")

BLANK = Markup("")


@dataclass(frozen=True, slots=True)
class Parameter:
    """The values drawn at a path, as `abbild.images.survey` counts them."""

    path: str
    kind: str
    n: Number
    min: Number
    max: Number
    edges: Numbers
    shares: Numbers
    planned: Numbers
    planned_kind: str
    planned_low: Number
    planned_high: Number
    distance: Number
    noise: Number
    covered: Number
    outside: Number
    distinct: Number
    colors: tuple[str, ...]

    @property
    def trouble(self) -> float:
        """How much it asks to be looked at: nothing varied, then far from what was planned."""
        same = self.kind == "number" and self.min is not None and self.min == self.max
        if same or (self.kind != "number" and self.distinct == 1):
            return 2.0
        if self.outside:
            return 1.5
        return self.distance if self.distance is not None and self._off else 0.0

    @property
    def _off(self) -> bool:
        return self.distance is not None and self.distance > max(self.noise or 0.0, 0.02)


@dataclass(frozen=True, slots=True)
class Levels:
    """Names with a bar each."""

    rows: tuple[tuple[str, str, Markup], ...]
    more: int = 0


@dataclass(frozen=True, slots=True)
class Card:
    """One distribution: its drawing, or its levels, with what is to be said of it."""

    name: str
    note: str
    chart: Markup = BLANK
    ends: tuple[str, ...] = ()
    asides: tuple[str, ...] = ()
    levels: tuple[tuple[str, str, Markup], ...] = ()
    alarm: bool = False


@dataclass(frozen=True, slots=True)
class Spread:
    """The parameters that are shown, and how many there are in all."""

    shown: tuple[Card, ...]
    total: int


def parameters(survey: Mapping[str, Any]) -> Spread | None:
    """Return the drawn parameters, those that ask to be looked at first."""
    part = mapping(survey, "coverage")
    found = part.get("parameters")
    rows = [row for row in found if isinstance(row, Mapping)] if isinstance(found, list) else []
    pairs = [(read(Parameter, row), row) for row in rows]
    if not pairs:
        return None
    pairs.sort(key=lambda pair: -pair[0].trouble)  # stable: else in the order of the paths
    shown = pairs[:CARDS]
    hints = sum(len(parameter.shares) for parameter, _ in shown) <= HINTS
    cards = tuple(_card(parameter, row, hints) for parameter, row in shown)
    return Spread(cards, len(pairs) + int(finite(part.get("left_out")) or 0))


def _card(parameter: Parameter, row: Mapping[str, Any], hints: bool) -> Card:
    if parameter.kind == "color":
        note = things(parameter.distinct, "colour") + f" in {things(parameter.n, 'value')}"
        alarm = parameter.trouble == 2.0
        return Card(parameter.path, note, _swatches(parameter.colors), alarm=alarm)
    if parameter.kind == "category":
        return _category(parameter, row)
    return _number(parameter, hints)


def _category(parameter: Parameter, row: Mapping[str, Any]) -> Card:
    found = levels(row.get("levels"), total=parameter.n, planned=parameter.planned, limit=LEVELS)
    note = f"{things(parameter.distinct, 'level')} in {things(parameter.n, 'value')}"
    missing = row.get("missing")
    asides = [f"and {things(found.more, 'further level')}"] if found.more else []
    if isinstance(missing, list) and missing:
        asides.append(f"never drawn: {things(len(missing), 'option')}")
    alarm = parameter.trouble == 2.0 or bool(missing)
    return Card(parameter.path, note, levels=found.rows, asides=tuple(asides), alarm=alarm)


def _number(parameter: Parameter, hints: bool) -> Card:
    asides = []
    if parameter.planned_low is not None:
        kind = "" if parameter.planned_kind == "uniform" else f", {parameter.planned_kind}"
        asides.append(
            f"planned {_short(parameter.planned_low)} to {_short(parameter.planned_high)}{kind}"
        )
    if parameter.distance is not None:
        asides.append(
            f"distance {parameter.distance:.3f} (chance {_decimals(parameter.noise)}), "
            f"{_part(parameter.covered)} met"
        )
    if parameter.outside:
        asides.append(f"{percent(parameter.outside)} lie outside of it")
    constant = parameter.min is not None and parameter.min == parameter.max
    span = f"{_short(parameter.min)} to {_short(parameter.max)}"
    note = f"always {_short(parameter.min)}" if constant else span
    note += f" in {things(parameter.n, 'value')}"
    if constant and parameter.planned_low is None:
        return Card(parameter.path, note, asides=tuple(asides), alarm=True)
    far = parameter.distance is not None and parameter.distance > FAR and parameter.trouble > 0
    ends = tuple(_short(end) for end in _ends(parameter.edges))
    return Card(
        name=parameter.path,
        note=note,
        chart=columns(
            parameter.shares,
            _hints(parameter.edges, parameter.shares) if hints else (),
            f"Values drawn at {parameter.path}",
            planned=parameter.planned,
        ),
        ends=ends,
        asides=tuple(asides),
        alarm=constant or far or bool(parameter.outside),
    )


def counted(name: str, note: str, histogram: Any, *, whole: bool = False) -> Card | None:
    """Return the card of a histogram {edges, counts}; None if nothing was counted.

    Parameters
    ----------
    whole : whether the bins hold whole numbers from one edge up to below the next
    """
    source = histogram if isinstance(histogram, Mapping) else {}
    found = read(Counts, source)
    total = sum(n or 0.0 for n in found.counts)
    if total <= 0 or len(found.edges) != len(found.counts) + 1:
        return None
    shares = tuple((n or 0.0) / total for n in found.counts)
    hints = _hints(found.edges, shares, whole=whole)
    last = found.edges[-1]
    end = (last or 0.0) - 1 if whole else last
    ends = (_short(found.edges[0]), _short(end))
    return Card(name, note, columns(shares, hints, name), ends)


@dataclass(frozen=True, slots=True)
class Counts:
    """A histogram as the survey writes it."""

    edges: Numbers
    counts: Numbers


def _ends(edges: Numbers) -> Numbers:
    """Return the first and last number; edges of whole numbers lie half-way between them."""
    if len(edges) < 2 or edges[0] is None or edges[-1] is None:
        return ()
    halves = all(edge is not None and edge % 1 == 0.5 for edge in edges)
    return (edges[0] + 0.5, edges[-1] - 0.5) if halves else (edges[0], edges[-1])


def _hints(edges: Numbers, shares: Numbers, *, whole: bool = False) -> tuple[str, ...]:
    """Return what to say of each bin when it is pointed at."""
    hints = []
    for low, high, share in zip(edges, edges[1:], shares, strict=False):
        if low is not None and high is not None and low % 1 == high % 1 == 0.5:
            low, high = low + 0.5, high - 0.5
            span = _short(low) if low == high else f"{_short(low)} to {_short(high)}"
        elif whole and low is not None and high is not None:
            span = _short(low) if high - low == 1 else f"{_short(low)} to {_short(high - 1)}"
        else:
            span = f"{_short(low)} to {_short(high)}"
        hints.append(f"{span}: {percent(share)}")
    return tuple(hints)


def columns(
    shares: Sequence[float | None],
    hints: Sequence[str],
    title: str,
    *,
    planned: Sequence[float | None] = (),
) -> Markup:
    """Draw shares as columns, and the planned shares of the same bins as a line over them."""
    bins = len(shares)
    if not bins:
        return BLANK
    planned = planned if len(planned) == bins else ()
    top = max([share or 0.0 for share in (*shares, *planned)]) or 1.0
    bars = "".join(
        f"M{k + 0.06:g} 100V{100 - 96 * share / top:.4g}H{k + 0.94:g}V100z"
        for k, share in enumerate(shares)
        if share
    )
    line = "".join(
        f"{'M0 ' if k == 0 else 'V'}{100 - 96 * (share or 0.0) / top:.4g}H{k + 1}"
        for k, share in enumerate(planned)
    )
    plan = f'<path class="plan" d="{line}"/>' if line else ""
    spots = "".join(
        f'<rect class="spot" x="{k}" y="0" width="1" height="100">'
        f"<title>{escape(visible(hint))}</title></rect>"
        for k, hint in enumerate(hints[:bins])
    )
    return Markup(
        f'<svg class="chart columns" role="img" width="100%" height="84" '
        f'viewBox="0 0 {bins} 100" preserveAspectRatio="none">'
        f"<title>{escape(visible(title))}</title>"
        f'<path class="drawn" d="{bars}"/>{plan}<path class="floor" d="M0 100H{bins}"/>'
        f"{spots}</svg>"
    )


def levels(
    found: Any, *, total: float | None = None, planned: Sequence[float | None] = (), limit: int
) -> Levels:
    """Return [[name, n]] with a bar each; `planned` shares are a mark on the bar."""
    pairs = [_pair(item) for item in found] if isinstance(found, list) else []
    known = [(name, n) for name, n in pairs if n is not None]
    shares = list(planned) + [None] * (len(known) - len(planned))
    whole = total or sum(n for _, n in known) or 1.0
    top = max([n / whole for _, n in known] + [s for s in shares if s is not None], default=0.0)
    shown = list(zip(known, shares, strict=False))[:limit]
    rows = tuple((name, count(n), _bar(n / whole, share, top, name)) for (name, n), share in shown)
    return Levels(rows, max(0, len(known) - limit))


def _pair(item: Any) -> tuple[str, float | None]:
    if isinstance(item, list) and len(item) == 2:
        return text(item[0]), finite(item[1])
    if isinstance(item, Mapping):
        return text(item.get("name")), finite(item.get("objects"))
    return "", None


def _bar(share: float, planned: float | None, top: float, title: str) -> Markup:
    scale = 98 / top if top > 0 else 0.0
    mark = ""
    if planned is not None:
        x = f"{scale * planned:.4g}%"
        mark = f'<line class="goal" x1="{x}" x2="{x}" y1="0" y2="12"/>'
    return Markup(
        f'<svg class="chart" role="img" width="100%" height="12">'
        f"<title>{escape(visible(title))}: {percent(share)}</title>"
        f'<rect class="bar synthetic" x="0" y="2" height="8" width="{scale * share:.4g}%"/>'
        f"{mark}</svg>"
    )


def _swatches(colors: Sequence[str]) -> Markup:
    known = [color for color in colors if _COLOR.fullmatch(color)]
    cells = "".join(
        f'<rect x="{100 * k / len(known):.4g}%" width="{100 / len(known) + 0.2:.4g}%" y="0" '
        f'height="36" fill="{color}"/>'
        for k, color in enumerate(known)
    )
    return Markup(
        '<svg class="chart swatches" role="img" width="100%" height="36">'
        f"<title>Colours that were drawn</title>{cells}</svg>"
    )


def _decimals(value: float | None) -> str:
    return "—" if value is None else f"{value:.3f}"


def _part(share: float | None) -> str:
    """Write a share in whole percent."""
    return percent(share) if share is None or 0 < share < 0.01 else f"{100 * share:.0f}{NARROW}%"


def _short(value: float | None) -> str:
    """Write a number with a few significant digits."""
    if value is None:
        return "—"
    if value == round(value) and abs(value) < 1e6:
        return f"{value:,.0f}".replace("-", "\u2212")
    return f"{value:.4g}".replace("e-0", "e-").replace("e+0", "e").replace("-", "\u2212")
