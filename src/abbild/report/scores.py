"""The first page's verdicts and the table of all scores, ready to be set."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from abbild.report import words
from abbild.report.charts import Mark, Scale, interval
from abbild.report.content import Arm, Measure, Verdict, read, text
from abbild.report.figures import MISSING, count, decimals, number, span

__all__ = ["QUESTIONS", "Answer", "Family", "answers", "families", "gaps"]

QUESTIONS = {
    "useful": "Is it useful?",
    "privacy": "What did the attacks find?",
    "faithful": "How faithful is it?",
    "overfit": "Does it repeat its training rows?",
}
BETTER = {
    "higher": "Higher is better",
    "lower": "Lower is better",
    "baseline": "Best at the value of fresh real rows",
}
SHOWN = 2  # scores drawn beside a verdict; all of them are in the table
LEADS = {  # drawn first: what the sentence of the verdict speaks of
    "faithful": ("detection.holdout.auc", "detection.holdout"),
    "overfit": ("detection.overfit",),
}


@dataclass(frozen=True, slots=True)
class Line:
    """One score of one arm, every number written."""

    label: str
    kind: str
    value: str
    span: str
    baseline: str
    n: str
    note: str
    plot: Markup


@dataclass(frozen=True, slots=True)
class Answer:
    """A verdict of the first page with the scores it rests on."""

    key: str
    question: str
    level: str
    tone: str
    sentence: str
    lines: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Block:
    """One score over all arms, drawn on one scale."""

    name: str
    label: str
    meaning: str
    better: str
    method: str
    low: str
    high: str
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Family:
    """Scores that belong together."""

    title: str
    blocks: tuple[Block, ...]


def answers(report: Mapping[str, Any], arms: tuple[Arm, ...]) -> tuple[Answer, ...]:
    """Return the answers to the four questions, whether or not they could be given."""
    found = report.get("verdicts")
    found = found if isinstance(found, Mapping) else {}
    return tuple(_answer(key, words.mapping(found, key), arms) for key in QUESTIONS)


def _answer(key: str, source: Mapping[str, Any], arms: tuple[Arm, ...]) -> Answer:
    verdict = read(Verdict, source)
    judged = next((arm for arm in arms if not arm.is_null), None)
    named = source.get("scores")
    named = [
        text(score.get("name") if isinstance(score, Mapping) else score)
        for score in (named if isinstance(named, list) else [])
    ]
    known = [name for name in named if judged is not None and judged.score(name)]
    leads = LEADS.get(key, ())
    known.sort(key=lambda name: leads.index(name) if name in leads else len(leads))
    sentence = verdict.sentence or "The report holds no answer to this question."
    return Answer(
        key=key,
        question=verdict.question or QUESTIONS[key],
        level=_sentence_case(verdict.level or "not computed"),
        tone=words.tone(verdict.level),
        sentence=words.answer(verdict.level, sentence),
        lines=tuple(_block(name, arms, brief=True) for name in known[:SHOWN]),
    )


def _sentence_case(words: str) -> str:
    return words[:1].upper() + words[1:]


def families(arms: tuple[Arm, ...]) -> tuple[Family, ...]:
    """Return every score of every arm, grouped by the first word of its name."""
    names = list(dict.fromkeys(score.name for arm in arms for score in arm.scores))
    groups: dict[str, list[str]] = {}
    for name in names:
        groups.setdefault(words.family(name), []).append(name)
    order = [*(f for f in words.FAMILIES if f in groups), *sorted(groups.keys() - words.FAMILIES)]
    return tuple(
        Family(
            words.FAMILIES.get(family, family.replace("_", " ").capitalize()),
            tuple(_block(name, arms) for name in groups[family]),
        )
        for family in order
    )


def gaps(arms: tuple[Arm, ...]) -> tuple[tuple[str, str], ...]:
    """Return the scores that were not computed or say nothing, each with its reason."""
    found: dict[str, str] = {}
    for arm in arms:
        for score in arm.scores:
            if not arm.is_null and score.status not in ("ok", ""):
                found.setdefault(words.label(score.name), _note(score))
    return tuple(found.items())


def _block(name: str, arms: tuple[Arm, ...], *, brief: bool = False) -> Block:
    pairs = [(arm, score) for arm in arms if (score := arm.score(name)) is not None]
    scores = [score for _, score in pairs]
    values = list(_numbers(scores))
    scale, digits = Scale.around(values), decimals(values, [_width(scores)])
    fresh = _fresh(pairs)
    drawn = pairs[:1] if brief else pairs
    first = next((score for score in scores if score.computed), scores[0])
    if not any(score.computed for score in scores) and len({_note(s) for s in scores}) == 1:
        drawn = drawn[:1]  # one reason for all arms is said once
    lines = tuple(
        _line(arm, score, arm is arms[0], scale, fresh, digits, pairs if brief else [])
        for arm, score in drawn
    )
    return Block(
        name=name,
        label=words.label(name),
        meaning=words.meaning(name),
        better=BETTER.get(first.better, "") if first.computed else "",
        method=_method(first) if first.computed else "",
        low=number(scale.low, digits) if scale else "",
        high=number(scale.high, digits) if scale else "",
        lines=lines,
    )


def _numbers(scores: Iterable[Measure]) -> Iterable[float | None]:
    for score in scores:
        if score.computed:
            yield from (score.value, score.low, score.high, score.baseline)


def _width(scores: Iterable[Measure]) -> float | None:
    """Return the width of the first interval: the arms are written alike, the judged one leads."""
    for score in scores:
        if score.low is not None and score.high is not None:
            return score.high - score.low
    return None


def _method(score: Measure) -> str:
    if score.level is None or not score.method:
        return ""
    return f"{100 * score.level:g}\u202f% interval ({score.method.replace('_', ' ')})"


def _fresh(pairs: list[tuple[Arm, Measure]]) -> Mark | None:
    """Return what fresh real rows get as an arm of their own, for scores without a baseline."""
    for arm, score in pairs:
        if arm.name == "holdout" and score.computed:
            return Mark("holdout", score.value, score.low, score.high)
    return None


def _line(
    arm: Arm,
    score: Measure,
    leads: bool,
    scale: Scale | None,
    fresh: Mark | None,
    digits: int,
    beside: list[tuple[Arm, Measure]],
) -> Line:
    kind = arm.name if arm.is_null else "synthetic" if leads else "other"
    # A score's own baseline was made with as many rows as the score; the arm has half of them.
    own = score.baseline is not None
    reference = Mark("holdout", score.baseline) if own else None if arm.is_null else fresh
    marks = [
        Mark(rival.name, other.value)
        for rival, other in beside
        if rival is not arm and rival.name != "holdout" and other.computed
    ]
    if score.computed:
        marks.append(Mark(kind, score.value, score.low, score.high))
    value, within = number(score.value, digits), span(score.low, score.high, digits)
    plain = f"{words.label(score.name)}, {arm.label}: {value}, interval {within}"
    if reference is not None and reference.value is not None:
        plain += f"; fresh real rows {number(reference.value, digits)}"
    baseline = reference.value if reference is not None else None
    return Line(
        label=arm.label,
        kind=kind,
        value=value if score.computed else MISSING,
        span=within if score.computed else MISSING,
        baseline=number(baseline, digits),
        n=count(score.n) if score.computed else MISSING,
        note=_note(score),
        plot=interval(scale, marks, plain, reference=reference) if marks else Markup(""),
    )


def _note(score: Measure) -> str:
    if score.computed and score.status in ("ok", ""):
        return ""
    head = "Too weak to say" if score.status == "inconclusive" else "Not computed"
    return f"{head}: {score.reason}" if score.reason else f"{head}: no reason was recorded."
