"""What models and attacks reached, copies, rules: the evidence behind the scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from abbild.report import charts
from abbild.report.charts import Mark, Scale
from abbild.report.content import (
    Attack,
    Detection,
    Giveaway,
    Ranked,
    Rule,
    Usefulness,
    finite,
    read,
    rows_of,
    text,
)
from abbild.report.figures import count, decimals, number, percent, span, things
from abbild.report.rows import Panel, Row, section

__all__ = [
    "attacks",
    "copies",
    "detection",
    "flat",
    "further",
    "ranking",
    "rules",
    "usefulness",
]

SHOWN = 60  # targets and models
COLUMNS = 12  # columns that give synthetic rows away
LISTED = 200
COPIES = frozenset(("exact", "exact_holdout", "n", "qdcr2", "qdcr2_holdout", "near_n")) | {
    "share",
    "share_low",
    "share_high",
}
DRAWN = frozenset(
    ("attacks", "columns", "copies", "dependence", "detection", "marginals", "missing")
) | {"ranking", "rules", "tails", "utility"}
SIDES = {"holdout": "unseen real rows", "train": "the training rows"}


@dataclass(frozen=True, slots=True)
class Telltale:
    """The detection test and the columns that give the synthetic rows away."""

    auc: str
    within: str
    score: str
    reference: str
    against: str
    train_auc: str
    train_score: str
    columns: tuple[Row, ...]


def detection(report: Mapping[str, Any]) -> Telltale | None:
    """Return the detection test, with the columns it used most."""
    part = section(report, "detection")
    found = read(Detection, part)
    if found.auc is None and found.score is None:
        return None
    used = rows_of(part.get("columns"), Giveaway)
    columns = sorted(used, key=lambda column: -(column.share or 0.0))[:COLUMNS]
    top = max((column.share or 0.0 for column in columns), default=0.0)
    return Telltale(
        auc=number(found.auc),
        within=span(found.low, found.high, 3),
        score=number(found.score),
        reference=number(found.reference_auc),
        against=SIDES.get(found.against, found.against),
        train_auc=number(found.train_auc),
        train_score=number(found.train_score),
        columns=tuple(
            Row(
                column.column,
                (percent(column.share),),
                charts.bars(None, column.share, top, f"share {percent(column.share)}"),
            )
            for column in columns
        ),
    )


def usefulness(report: Mapping[str, Any]) -> tuple[Panel, ...]:
    """Return one panel a metric, one row a target; the largest loss first."""
    found = rows_of(section(report, "utility"), Usefulness)[:SHOWN]
    metrics = dict.fromkeys(row.metric for row in found)
    return tuple(_panel(metric, [r for r in found if r.metric == metric]) for metric in metrics)


def _panel(metric: str, rows: list[Usefulness]) -> Panel:
    values = [v for r in rows for v in (r.real, r.synthetic, *r.bounds, r.floor)]
    widths = [r.high - r.low for r in rows if r.low is not None and r.high is not None]
    scale, digits = Scale.around(values), decimals(values, widths)
    rows = sorted(rows, key=lambda r: -abs((r.real or 0.0) - (r.synthetic or 0.0)))
    return Panel(
        title={"R2": "R²"}.get(metric, metric),
        low=number(scale.low, digits) if scale else "",
        high=number(scale.high, digits) if scale else "",
        rows=tuple(_target(row, scale, digits) for row in rows),
    )


def _target(row: Usefulness, scale: Scale | None, digits: int) -> Row:
    low, high = row.bounds
    cells = (
        number(row.real, digits),
        number(row.synthetic, digits),
        span(low, high, digits),
        number(row.floor, digits),
        number(row.gap, digits),
        span(row.low, row.high, digits) if row.gap is not None else "",
        count(row.n) if row.n is not None else "",
    )
    title = f"{row.target[:80]}: trained on real rows {cells[0]}, on synthetic rows {cells[1]}"
    mark = Mark("synthetic", row.synthetic, low, high)
    plot = charts.dumbbell(scale, row.real, mark, title, floor=row.floor)
    return Row(row.target, cells, plot, (row.task,))


def ranking(report: Mapping[str, Any]) -> tuple[Panel, str, tuple[str, ...]] | None:
    """Return the kinds of model in real rows' order, Kendall's tau, and what else to say."""
    part = section(report, "ranking")
    if not isinstance(part, Mapping):
        return None
    found = rows_of(part.get("models"), Ranked)[:SHOWN]
    if not found:
        return None
    values = [v for row in found for v in (row.real, row.synthetic)]
    scale, digits = Scale.around(values), decimals(values)
    places = {row.name: place for place, row in enumerate(_by(found, "synthetic"), 1)}
    rows = tuple(
        Row(
            row.name,
            (
                number(row.real, digits),
                number(row.synthetic, digits),
                f"{place} → {places[row.name]}",
            ),
            charts.dumbbell(
                scale,
                row.real,
                Mark("synthetic", row.synthetic),
                f"{row.name}: real {number(row.real, digits)}, "
                f"synthetic {number(row.synthetic, digits)}",
            ),
        )
        for place, row in enumerate(_by(found, "real"), 1)
    )
    low, high = (number(scale.low, digits), number(scale.high, digits)) if scale else ("", "")
    tau = number(finite(part.get("kendall")), 2)
    return Panel(text(part.get("target")), low, high, rows), tau, _asides(part)


def _asides(part: Mapping[str, Any]) -> tuple[str, ...]:
    pairs, agree = finite(part.get("pairs")), finite(part.get("agree"))
    said = []
    if pairs is not None:
        said.append(
            f"Real rows tell {things(pairs, 'pair')} of these models apart; synthetic rows put "
            f"{count(agree)} of them in the same order."
        )
    skipped = part.get("skipped")
    for row in skipped if isinstance(skipped, list) else []:
        if isinstance(row, Mapping):
            said.append(f"{text(row.get('name'))} was left out: {text(row.get('reason'))}")
    return tuple(said)


def _by(models: Sequence[Ranked], side: str) -> list[Ranked]:
    return sorted(models, key=lambda row: -(getattr(row, side) or -1e300))


def attacks(report: Mapping[str, Any]) -> Panel | None:
    """Return every attack: who the attacker is, what it reached, what it could have seen."""
    found = rows_of(section(report, "attacks"), Attack)
    if not found:
        return None
    values = [v for a in found for v in (a.auc, a.low, a.high, a.reference)]
    scale, digits = Scale.around([0.5, *values]), decimals(values)
    rows = tuple(_attack(attack, scale, digits) for attack in found)
    low, high = (number(scale.low, digits), number(scale.high, digits)) if scale else ("", "")
    return Panel("", low, high, rows)


def _attack(attack: Attack, scale: Scale | None, digits: int) -> Row:
    reference = 0.5 if attack.reference is None else attack.reference
    within = span(attack.low, attack.high, digits)
    hit = f"{percent(attack.tpr_low)} to {percent(attack.tpr_high)}"
    title = f"{attack.name}: AUC {number(attack.auc, digits)}, interval {within}"
    plot = charts.interval(
        scale,
        [Mark("synthetic", attack.auc, attack.low, attack.high)],
        title,
        reference=Mark("holdout", reference),
    )
    cells = (
        number(attack.auc, digits),
        within,
        percent(attack.tpr_at_1),
        hit if attack.tpr_low is not None or attack.tpr_high is not None else "",
        number(attack.reference, digits),
    )
    more = (attack.threat, attack.verdict, attack.could_see, _attempted(attack), attack.size)
    return Row(attack.name, cells, plot, more)


def _attempted(attack: Attack) -> str:
    """Say who was attacked, by what, and what came of the highest scores."""
    said = []
    if attack.members is not None and attack.outsiders is not None:
        said.append(f"{things(attack.members, 'member')}, {things(attack.outsiders, 'other')}.")
    if attack.chosen:
        said.append(f"Best on the half it was chosen on: {'; '.join(attack.chosen)}.")
    if attack.tail_p is not None:
        p = f"p = {number(attack.tail_p, 4)}" if attack.tail_p >= 1e-4 else "p < 0.0001"
        said.append(f"Members among the highest 1 % of scores: {p}.")
    return " ".join(said)


def copies(report: Mapping[str, Any]) -> tuple[Row, ...]:
    """Return the diagnostics of copies: what was counted, synthetic rows, fresh rows, records."""
    part = section(report, "copies")
    if not isinstance(part, Mapping) or "reason" in part:
        return ()
    known = {key: finite(part.get(key)) for key in COPIES}
    exact = (percent(known["exact"]), percent(known["exact_holdout"]), count(known["n"]))
    near, fresh = known["qdcr2"], known["qdcr2_holdout"]  # in percent
    within = f" ({percent(known['share_low'])} to {percent(known['share_high'])})"
    share = percent(known["share"]) + (within if known["share_low"] is not None else "")
    records = count(known["near_n"])
    written = {
        "exact": ("Equal to a training row in every column", *exact),
        "qdcr2": (
            "Nearer to a training row than the nearest 2 % of held-out rows are",
            percent(None if near is None else near / 100),
            percent(None if fresh is None else fresh / 100),
            records,
        ),
        "share": (
            "Nearer to a training row than to a held-out row, equally many of both",
            share,
            percent(0.5),
            records,
        ),
    }
    rows = [Row(what, tuple(cells)) for key, (what, *cells) in written.items() if key in part]
    rest = flat({key.replace("_", " "): value for key, value in part.items() if key not in COPIES})
    return (*rows, *(Row(name, (value, "", "")) for name, value in rest))


def rules(report: Mapping[str, Any]) -> tuple[Rule, ...]:
    """Return the rules, those kept least first."""
    found = rows_of(section(report, "rules"), Rule)
    return tuple(sorted(found, key=lambda rule: 1.0 if rule.synthetic is None else rule.synthetic))


def flat(value: Any, name: str = "") -> tuple[tuple[str, str], ...]:
    """Return the leaves of nested mappings and lists as pairs of dotted name and written value."""
    if isinstance(value, Mapping):
        items = [(f"{name}.{key}" if name else text(key), item) for key, item in value.items()]
        return tuple(pair for key, item in items for pair in flat(item, key))
    if isinstance(value, list) and any(isinstance(item, Mapping | list) for item in value):
        return tuple(pair for k, item in enumerate(value, 1) for pair in flat(item, f"{name}.{k}"))
    if isinstance(value, list):
        return ((name, ", ".join(text(item) for item in value)),)
    if isinstance(value, float):
        return ((name, number(value)),)
    return ((name, "not recorded" if value is None else text(value)),)


def further(report: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """Return evidence this page has no picture for, such as that of an added metric."""
    found = report.get("evidence")
    rest = {k: v for k, v in found.items() if k not in DRAWN} if isinstance(found, Mapping) else {}
    return flat(rest)[:LISTED]
