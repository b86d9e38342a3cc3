"""Scores and evidence into answers in plain words, each with its interval."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from abbild.core import Score
from abbild.evaluate.judgement import Verdict
from abbild.evaluate.membership import FOUND, NOT_FOUND, TOO_WEAK
from abbild.evaluate.wording import odds, share, signed

__all__ = ["verdicts"]

ALARM = 0.01  # chance of an overfit alarm were the generator honest
# share of what a copy of the training rows shows: whatever learns from finitely many rows leans
# towards them, so less than this is told, but only more sounds the alarm
SLIGHT = 1 / 2
MIXED_UP = 1e-4  # the same upside down: the holdout was not unseen, or the tables are mixed up
GOOD = 0.9  # share of the real gain over independent columns that must be kept
POOR = 0.5
SIZES = ("small", "of few people", "medium", "large")  # of a leak, in their order


def verdicts(
    scores: list[Score], evidence: dict[str, Any], copy: list[Score] | None = None
) -> dict[str, Verdict]:
    """Answer the four questions of a report from the scores and evidence of the synthetic arm.

    `copy` are the scores of a copy of the training rows: the other end of the scale on which
    nearness to them is told.
    """
    by_name = {score.name: score for score in scores}
    return {
        "useful": _useful(by_name, evidence),
        "privacy": _privacy(by_name, evidence),
        "overfit": _overfit(by_name, evidence, copy or []),
        "faithful": _faithful(by_name, evidence),
    }


def _useful(scores: dict[str, Score], evidence: dict[str, Any]) -> Verdict:
    question = "Is it useful?"
    found = (evidence.get("utility") or [None])[0]
    if found is None:
        return Verdict(question, "cannot say", f"Usefulness {_why(scores, 'utility')}.")
    target, real, made = found["target"], found["real"], found["synthetic"]
    metric = found["metric"]
    told = (
        f"A model of {target} trained on synthetic rows reaches {metric} {made:.3f} on unseen "
        f"real people, trained on real rows {real:.3f} "
        f"(difference {signed(found['gap'])}, {_bounds(found)})"
    )
    used = _named(scores, f"utility.{target}", f"utility.{target}.gap")
    gain = real - found["floor"]
    if gain <= max(0.01, found["high"] - found["low"]):
        why = f"{told}; independent columns reach {found['floor']:.3f}, too near to tell."
        return Verdict(question, "cannot say", why, used)
    low, high = ((gain + found[side]) / gain for side in ("low", "high"))
    level = "yes" if low >= GOOD else "no" if high < POOR else "partly"
    return Verdict(question, level, f"{told}; independent columns {found['floor']:.3f}.", used)


def _privacy(scores: dict[str, Score], evidence: dict[str, Any]) -> Verdict:
    question = "What did the attacks find?"
    attacks = evidence.get("attacks") or []
    used = tuple(s for name, s in scores.items() if name.startswith("privacy."))
    if not attacks:
        why = _why(scores, "privacy", "membership")
        return Verdict(question, TOO_WEAK, f"Too weak to say: the attack {why}.", used)
    leaks = [a for a in attacks if a["verdict"] == FOUND]
    if leaks:
        size = max((a["size"] for a in leaks), key=SIZES.index)
        told = "; ".join(_attacked(a, short=a is not leaks[0]) for a in leaks)
        return Verdict(question, FOUND, f"Leak found, {size}: {told}.", used)
    everyone = attacks[0]
    if everyone["verdict"] == TOO_WEAK:
        why = next((s.reason for s in used if s.reason), "")
        told = f"Too weak to say: {why}; {_attacked(everyone)}."
        return Verdict(question, TOO_WEAK, told, used)
    told = f"No leak found by these attacks: {_attacked(everyone)}. {everyone['could_see']}"
    return Verdict(question, NOT_FOUND, told, used)


def _attacked(found: dict[str, Any], *, short: bool = False) -> str:
    """Say what an attack reached as a game anyone can picture, its numbers in brackets."""
    picked, guessed = odds(found["auc"])
    isolated = found["name"].endswith("isolated")
    among = " who are least like anyone else" if isolated else ""
    game = f"of two people{among}, one of whom was in the training data, the attack picks the right"
    if short and isolated:
        game = "of two of the people least like anyone else the right"
    bounds = f"(AUC {found['auc']:.3f}, {found['low']:.3f} to {found['high']:.3f})"
    told = f"{game} one {picked}, a guess {guessed} {bounds}"
    if found["few"]:
        return f"{told}; {_few(found)}"
    if math.isnan(found["tpr_at_1"]):
        return told
    caught = share(found["tpr_at_1"])
    return f"{told}; falsely naming 1 % of the others it finds {caught} of the members"


def _few(found: dict[str, Any]) -> str:
    hits, people = found["tail_hits"], found["tail_people"]
    guess = people * found["members"] / (found["members"] + found["outsiders"])
    luck = "p < 0.001" if found["tail_p"] < 0.001 else f"p = {found['tail_p']:.3f}"
    return (
        f"of the {people:,} people it is surest of {hits:,} were in the training data, "
        f"a guess gives {guess:,.0f} ({luck})"
    )


def _overfit(scores: dict[str, Score], evidence: dict[str, Any], copy: list[Score]) -> Verdict:
    question = "Is it nearer to the training rows than to unseen people?"
    found = (evidence.get("detection") or {}).get("overfit")
    used = _named(scores, "detection.train", "detection.holdout", "detection.overfit")
    if found is None:
        why = _why(scores, "detection.overfit", "detection")
        return Verdict(question, "cannot say", f"The comparison {why}.", used)
    told = (
        "one classifier's score against training rows, less the one against unseen rows, is "
        f"{signed(found['gap'])} ({_bounds(found)}); fresh rows would be at 0"
    )
    worst = next((s.value for s in copy if s.name == "detection.overfit"), math.nan)
    if not math.isnan(worst):
        told += f", a copy of the training rows is at {signed(worst)}"
    if found["p"] > 1 - MIXED_UP:
        return Verdict(question, "cannot say", f"The holdout was not unseen: {told}.", used)
    if found["p"] < ALARM and found["gap"] < SLIGHT * worst:
        told = f"Slightly, as whatever learns from so many rows: {told}."
        return Verdict(question, "slightly", told, used)
    if found["p"] < ALARM:
        return Verdict(question, "alarm", f"Overfit alarm: {told}.", used)
    return Verdict(question, "no alarm", f"No overfit alarm: {told}.", used)


def _faithful(scores: dict[str, Score], evidence: dict[str, Any]) -> Verdict:
    question = "Can it be told from real data?"
    found = evidence.get("detection") or {}
    used = _named(scores, "detection.holdout", "detection.holdout.auc", "fidelity.dependence")
    if not found:
        return Verdict(question, "cannot say", f"The detection test {_why(scores, 'detection')}.")
    told = (
        f"boosted trees tell synthetic rows from {_against(found)} with AUC {found['auc']:.3f} "
        f"({found['low']:.3f} to {found['high']:.3f})"
    )
    if found["reference_auc"] is not None:
        told += f", real from real with {found['reference_auc']:.3f}"
    if found["against"] != "holdout":
        return Verdict(question, "cannot say", f"Without a holdout: {told}.", used)
    if found["high"] - found["low"] > 0.2:
        return Verdict(question, "cannot say", f"Too few rows: {told}.", used)
    if found["high"] < 0.6:
        return Verdict(question, "hardly", f"Hardly: {told}.", used)
    level = "somewhat" if found["high"] < 0.75 else "clearly"
    column = found["columns"][0]["column"] if found["columns"] else ""
    return Verdict(question, level, f"{level.title()}: {told}; {column} shows it most.", used)


def _bounds(found: dict[str, Any]) -> str:
    return f"{signed(found['low'])} to {signed(found['high'])}"


def _against(found: dict[str, Any]) -> str:
    return "unseen real ones" if found["against"] == "holdout" else "training rows"


def _named(scores: dict[str, Score], *names: str) -> tuple[Score, ...]:
    return tuple(scores[name] for name in names if name in scores)


def _why(scores: dict[str, Score], *prefixes: str) -> str:
    """Say why a family of scores could not be computed."""
    reasons: Iterable[str] = (
        score.reason
        for name, score in scores.items()
        if score.reason and any(name.startswith(p) for p in prefixes)
    )
    return f"could not be made ({next(iter(reasons), 'the metric is not installed')})"
