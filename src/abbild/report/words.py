"""What is said in words: names and meanings of the scores, threats, gaps, the first sentence."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

from abbild.report.content import finite, text
from abbild.report.figures import duration, things

__all__ = [
    "FAMILIES",
    "UNTESTED",
    "answer",
    "command",
    "family",
    "label",
    "made",
    "mapping",
    "meaning",
    "missing",
    "tone",
]

FAMILIES = {
    "fidelity": "Faithfulness",
    "detection": "Detection",
    "utility": "Usefulness",
    "privacy": "Attacks",
    "overfit": "Overfit",
    "copies": "Copies (diagnostics, not evidence of anonymity)",
    "rules": "Rules",
}

# A metric that failed as a whole is a score with the name of the metric.
METRICS = {
    "accuracy": "fidelity",
    "dependence": "fidelity",
    "marginals": "fidelity",
    "missingness": "fidelity",
    "tails": "fidelity",
    "membership": "privacy",
}

# Longest matching beginning of a score's name wins.
MEANINGS = {
    "privacy.membership": (
        "Membership attack on everyone, AUC",
        "The chance that the attack ranks a person of the training data above a person who was "
        "not in it. 0.5 is a coin.",
    ),
    "privacy.membership.tpr": (
        "Membership attack on everyone, hits at 1 % false alarms",
        "Share of the people of the training data who are found where 1 % of the others are "
        "falsely named. 0.01 is a coin.",
    ),
    "privacy.membership.isolated": (
        "Membership attack on the most isolated people, AUC",
        "The same attack on the people who are least like anyone else.",
    ),
    "privacy.membership.isolated.tpr": (
        "Membership attack on the most isolated people, hits at 1 % false alarms",
        "The same share among the people who are least like anyone else.",
    ),
    "rules.declared": (
        "Declared rules kept",
        "Share of rows that keep the rules of the schema, mean over rules.",
    ),
    "rules.mined": (
        "Found rules kept",
        "Share of rows that keep rules found in the training data, mean over rules.",
    ),
    "utility.ranking": (
        "Ranking of models",
        "Kendall’s τ between the order of models trained on synthetic and on real rows, over the "
        "pairs of models that real rows can tell apart.",
    ),
    "copies.exact": (
        "Copies",
        "Share of rows equal to a training row in every judged column.",
    ),
    "copies.near": (
        "Near copies",
        "Share of rows nearer to a training row than the nearest 2 % of held-out rows are.",
    ),
    "copies.share": (
        "Nearer to training rows",
        "Share of rows nearer to a training row than to one of equally many held-out rows.",
    ),
    "fidelity.accuracy.1": (
        "Single columns",
        "One minus the total variation distance to the training rows, averaged over columns.",
    ),
    "fidelity.accuracy.2": (
        "Pairs of columns",
        "The same for the joint table of two columns, averaged over pairs.",
    ),
    "fidelity.accuracy.3": (
        "Triples of columns",
        "The same for the joint table of three columns, averaged over triples.",
    ),
    "fidelity.marginals": (
        "Distance of single columns",
        "Total variation distance of the bars drawn below, averaged over columns: 0 if equal.",
    ),
    "fidelity.missing": (
        "Distance of missing values",
        "Total variation distance between the patterns of values that are missing together.",
    ),
    "fidelity.tails": (
        "Distance of the tails",
        "Relative difference in the share of rows beyond the outermost percent of the training "
        "rows, averaged over both ends of all quantities: 0 if equal, 1 if none is there.",
    ),
    "fidelity.dependence": (
        "Dependence",
        "One minus the mean difference in normalised mutual information of two columns; pairs "
        "count by the strength of their dependence.",
    ),
    "detection.holdout": (
        "Indistinguishable from unseen real rows",
        "One minus (2 max(AUC, 0.5) − 1) of boosted trees trained to tell synthetic rows from "
        "held-out real rows, averaged over three folds: 1 if they cannot, 0 if they always can.",
    ),
    "detection.train": (
        "Indistinguishable from the training rows",
        "The same against the training rows. It can be bought by copying them, so the score "
        "against unseen rows leads.",
    ),
    "detection.holdout.auc": (
        "Detector against unseen real rows, AUC",
        "The chance that the detector ranks a synthetic row above a held-out real one.",
    ),
    "detection.train.auc": (
        "Detector against the training rows, AUC",
        "The chance that the detector ranks a synthetic row above a training row.",
    ),
    "detection.overfit": (
        "Nearer to training rows than to unseen rows",
        "How much more synthetic the training rows look than unseen real rows, to a detector that "
        "was told of neither. 0 for a generator that only learned the distribution.",
    ),
}

SKILL = (
    "AUC, or R² of a quantity, on held-out real rows, of boosted trees trained on the rows judged; "
    "fresh real: trained on the real training rows."
)
LOSS = "The same, minus what training on real rows reaches; below 0 synthetic rows are worse."

UNTESTED = (
    "No formal guarantee, such as differential privacy, stands behind these rows. The attacks "
    "named above were tried; an attack that is not named may reach more.",
    "Attackers who hold the model itself, who planted rows in the training data, or who join "
    "several releases made from the same people.",
    "Risk by group: whether a minority carries more of the risk than the average row.",
    "Whether standard errors and p-values computed on synthetic rows are valid. They do not "
    "contain the uncertainty of the synthesis: confirm a finding on real data.",
    "Fairness of models trained on these rows.",
)

_ALARM = ("leak found", "alarm", "no", "clearly")
_UNSURE = ("", "too weak to say", "cannot say", "not computed", "inconclusive")


def family(name: str) -> str:
    """Return the family a score belongs to."""
    first = name.partition(".")[0]
    return METRICS.get(first, first)


def label(name: str) -> str:
    """Return what a score is called in a table."""
    known = _known(name)
    if name.startswith("utility.") and not known:
        target = name.removeprefix("utility.")
        gap = target.removesuffix(".gap")
        return f"Predicting {target}" if gap == target else f"Predicting {gap}, difference"
    if known:
        rest = name[len(known) :].strip(".").replace(".", ", ").replace("_", " ")
        return MEANINGS[known][0] + (f": {rest}" if rest else "")
    _, _, rest = name.partition(".")
    words = (rest or name).replace(".", ": ").replace("_", " ")
    return words[:1].upper() + words[1:]


def meaning(name: str) -> str:
    """Return the definition of a score, empty if it has none here."""
    known = _known(name)
    if name.startswith("utility.") and not known:
        return LOSS if name.endswith(".gap") else SKILL
    return MEANINGS[known][1] if known else ""


def _known(name: str) -> str:
    matches = [key for key in MEANINGS if name == key or name.startswith(key + ".")]
    return max(matches, key=len, default="")


def tone(level: str) -> str:
    """Return how a verdict is set: ``alarm``, ``unsure`` or ``plain``.

    There is no tone for "good": a page that turns green would promise more than was measured.
    """
    low = level.strip().lower()
    if low in _UNSURE:
        return "unsure"
    return "alarm" if low in _ALARM else "plain"


def answer(level: str, sentence: str) -> str:
    """Return `sentence` without a beginning that only repeats `level`, which stands above it."""
    opening = f"{level}, "
    if level and sentence.lower().startswith(opening.lower()):
        sentence = sentence[len(opening) :]
        return sentence[:1].upper() + sentence[1:]
    head, colon, rest = sentence.partition(": ")
    repeats = set(level.lower().split()) <= set(head.lower().split())
    if not (colon and level and repeats and len(head) <= len(level) + 12):
        return sentence
    return rest[:1].upper() + rest[1:]


def made(report: Mapping[str, Any], card: Mapping[str, Any]) -> str:
    """Say in one or two sentences what was made or judged, from what."""
    rows, how = mapping(report, "rows"), mapping(report, "made")
    columns = report.get("columns")
    width = f" of {things(len(columns), 'column')}" if isinstance(columns, list) and columns else ""
    synthetic = finite(rows.get("synthetic"))
    what = things(synthetic, "synthetic row") if synthetic is not None else "Synthetic rows"
    train = finite(rows.get("train"))
    source = things(train, "real row") if train is not None else "real rows"
    if report.get("kind") == "audit":
        first = f"{what}{width}, made elsewhere, judged against {source} they were learned from."
    else:
        seconds = finite(how.get("seconds"))
        seconds = finite(card.get("seconds")) if seconds is None else seconds
        first = f"{what}{width}, made {_by(how, seconds)}from {source}."
    return f"{first} {_control(rows)}"


def _by(how: Mapping[str, Any], seconds: float | None) -> str:
    engine, preset = text(how.get("engine")), text(how.get("preset"))
    parts = f"by the engine {engine} " if engine else ""
    parts += f"(preset {preset}) " if engine and preset else ""
    return parts + (f"in {duration(seconds)} " if seconds is not None else "")


def _control(rows: Mapping[str, Any]) -> str:
    holdout = finite(rows.get("holdout"))
    if not rows:
        return "How many rows were held out as a control is not recorded."
    if holdout is None:
        return (
            "No real rows were held out, so there is no control: statements about fresh real "
            "rows and about leaks are limited."
        )
    held = "was held out and is" if holdout == 1 else "were held out and are"
    return f"{things(holdout, 'real row')} {held} the control of every claim below."


def command(report: Mapping[str, Any], card: Mapping[str, Any]) -> str:
    """Return the command that makes the same rows again, empty if too little is known of it."""
    recipe, how = mapping(card, "recipe"), mapping(report, "made")
    given = card.get("command")
    if isinstance(given, list):
        return shlex.join(text(word) for word in given)
    if given or recipe.get("command") not in ("proxy", "audit"):
        return text(given)
    title = shlex.quote(text(report.get("title")) or "SOURCE")
    parts = [f"abbild {recipe['command']} {title}"]
    if recipe["command"] == "audit":
        parts.append("--train TRAIN" + (" --holdout HOLDOUT" if recipe.get("holdout") else ""))
    parts += [
        f"--{name} {shlex.quote(text(value))}"
        for name, value in (
            ("engine", ",".join(mapping(recipe, "engines"))),
            ("preset", how.get("preset")),
            ("target", how.get("target")),
            ("unit", how.get("unit")),
            ("profile", recipe.get("profile")),
        )
        if value
    ]
    rows = recipe.get("rows")
    parts.append(f"-n {rows}" if rows is not None else "")
    if recipe["command"] == "proxy":
        parts.append(f"--holdout {_held(recipe.get('holdout'))}")
    return " ".join([*filter(None, parts), f"--seed {text(recipe.get('seed'))}", "-o OUT"])


def _held(value: Any) -> str:
    if value is None:
        return "none"
    return text(value) if isinstance(value, float) else "HOLDOUT"


def mapping(source: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Return a part that should be a mapping, empty if it is absent or something else."""
    part = source.get(name)
    return part if isinstance(part, Mapping) else {}


def missing(report: Mapping[str, Any], part: str, families: tuple[str, ...]) -> str:
    """Say that a part of the evidence was not computed, and why as far as it is known.

    The reason is the part's own (``{"reason": ...}``), one under ``reasons``, or that of a score
    of the same family.
    """
    own = mapping(mapping(report, "evidence"), part).get("reason")
    reason = own or mapping(report, "reasons").get(part) or _score_reason(report, families)
    if reason:
        return f"Not computed: {text(reason)}"
    return "Not computed: this run did not include it."


def _score_reason(report: Mapping[str, Any], families: tuple[str, ...]) -> str:
    arms = report.get("arms")
    for arm in arms if isinstance(arms, list) else []:
        scores = arm.get("scores") if isinstance(arm, Mapping) else None
        for score in scores if isinstance(scores, list) else []:
            if not isinstance(score, Mapping) or score.get("status") != "not computed":
                continue
            if text(score.get("name")).startswith(families):
                return text(score.get("reason"))
    return ""
