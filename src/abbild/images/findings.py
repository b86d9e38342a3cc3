"""What a survey of a data set found, in sentences: problems first."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

__all__ = ["findings"]

Finding = tuple[str, str]  # level, sentence
Survey = Mapping[str, Any]

ORDER = ("problem", "note", "fine")
DARK = 1 / 20  # share of black, white or grey pictures that randomised light may give
FEW = 1 / 100  # share up to which something unwanted is a note, not a problem
CONSTANT_FROM = 20  # values from which one that never changed is no chance
COVERED_FROM = 200  # values from which a twentieth of a range that was not met is no chance
UNLUCKY = 0.01  # chance of one false alarm among all parameters
UNEVEN = 1.5  # ratio of class sizes
FAR = 0.1  # Kolmogorov distance beyond which a spread is another one, not a little bent
SAMPLED = 4096  # values of a parameter that are compared with the plan


def findings(survey: Survey) -> list[dict[str, str]]:
    """Return the sentences of a survey as [{level, sentence}].

    Levels are "problem" (should be looked at), "note" (should be known) and "fine"; problems come
    first. The sentences are plain text for people, with plain signs.
    """
    if not survey["images"]["made"]:
        why = f" {_most_often(survey['images'])}" if survey["images"]["reasons"] else ""
        return [{"level": "problem", "sentence": f"No image was made.{why}"}]
    parts = (_images, _checks, _classes, _objects, _values, _alike, _tones)
    found = [pair for part in parts for pair in part(survey)]
    found.sort(key=lambda pair: ORDER.index(pair[0]))  # stable: parts keep their order
    return [{"level": level, "sentence": sentence} for level, sentence in found]


def _images(survey: Survey) -> Iterator[Finding]:
    images = survey["images"]
    made, failed = images["made"], images["failed"]
    asked = max(images["asked"] or 0, made + failed)
    retried = images["retried"]
    again = f" {_share(retried, made)} needed another attempt." if retried else ""
    if made < asked:
        why = f" {_most_often(images)}" if images["reasons"] else ""
        missing = f"{asked - made:,} of {_many(asked, 'image')} could not be made."
        yield "problem", missing + why
        if again:
            yield "note", f"Of the images that were made,{again}"
    else:
        every = f"All {made:,} images were made." if made > 1 else "The image was made."
        yield "fine", every + again


def _most_often(images: Survey) -> str:
    worst = max(images["reasons"], key=lambda row: (row["images"], row["times"]))
    reason = worst["reason"][:160]
    return f"Most often: {reason.rstrip('.')}."


def _checks(survey: Survey) -> Iterator[Finding]:
    checks = survey["checks"]
    broken = [check for check in checks if check["kept"] is False]
    for check in broken[:5]:
        worst = "no number" if check["worst"] is None else _signed(check["worst"], check["unit"])
        limit = _signed(check["limit"], check["unit"])
        yield "problem", f'The self-check "{check["name"]}" failed: {worst}, at most {limit}.'
    held = sum(check["kept"] is True for check in checks)
    if held and not broken:
        yield "fine", f"All {held:,} self-checks held." if held > 1 else "The self-check held."


def _classes(survey: Survey) -> Iterator[Finding]:
    for part, what, of in (("labels", "image", "class"), ("categories", "object", "category")):
        missing = survey[part]["missing"]
        if missing:
            yield "problem", f"{_some(len(missing), of, 'has')} no {what}: {_listed(missing)}."
    labels = survey["labels"]
    if labels["unnamed"] and labels["total"]:
        yield "problem", f"{_some(labels['unnamed'], 'image', 'has')} no class, the others do."
    if labels["total"] > 1 and not labels["missing"]:
        yield _balance(labels)


def _balance(labels: Survey) -> Finding:
    counts = [n for _, n in labels["counts"]]
    low, high = min(counts), max(counts)
    each = f"in each of {labels['total']:,} classes"
    if high - low <= 1:
        images = _many(low, "image") if low == high else f"{low:,} or {high:,} images"
        return "fine", f"Class balance is exact: {images} {each}."
    level = "note" if high > UNEVEN * low else "fine"
    return level, f"There are {low:,} to {high:,} images {each}."


def _objects(survey: Survey) -> Iterator[Finding]:
    objects, boxes, images = survey["objects"], survey["boxes"], survey["images"]
    if not objects["total"]:
        return
    if empty := images["empty"]:
        share = _share(empty, images["made"])
        yield "problem", f"{_some(empty, 'image', 'shows')} no labelled object ({share})."
    if tiny := boxes["tiny"]:
        level = "problem" if tiny > FEW * boxes["n"] else "note"
        which = f"{_share(tiny, boxes['n'])} of the boxes ({tiny:,})"
        yield level, f"{which} are less than 4 pixels wide or high."
    if barely := boxes["barely"]:
        which = f"{_share(barely, boxes['n'])} of the boxes belong to objects"
        yield "note", f"{which} of which less than a tenth is visible."
    if hidden := objects["total"] - objects["visible"]:
        which = f"{_share(hidden, objects['total'])} of the objects"
        yield "note", f"{which} are hidden or outside of the image and have no box."
    kinds = survey["categories"]["total"]
    what = _many(objects["visible"], "visible object")
    of = f" of {kinds:,} categories" if kinds > 1 else ""
    low, high = objects["min"], objects["max"]
    span = f" ({low:,} to {high:,})" if low != high else ""
    yield "fine", f"{what}{of}, {objects['mean']:.3g} in an image{span}."


def _values(survey: Survey) -> Iterator[Finding]:
    parameters = survey["coverage"]["parameters"]
    constant = [p["path"] for p in parameters if _is_constant(p)]
    if constant:
        yield "problem", f"{_many(len(constant), 'parameter')} never varied: {_listed(constant)}."
    for p in [p for p in parameters if p.get("missing") and p["n"] >= 10 * len(p["levels"])][:3]:
        yield "problem", f"Never drawn at {p['path'][:80]}: {_listed(p['missing'])}."
    planned = [p for p in parameters if p.get("distance") is not None]
    off = sorted((p for p in planned if _is_off(p, len(planned))), key=lambda p: -p["distance"])
    if off:
        yield _off(off, len(planned))
    gaps = [p["path"] for p in planned if p["n"] >= COVERED_FROM and p["covered"] < 0.95]
    if gaps:
        yield "note", f"Part of the planned range was never met by {_listed(gaps)}."
    if planned and not off and not gaps:
        every = f"All {len(planned):,} parameters" if len(planned) > 1 else "The parameter"
        verb = "are" if len(planned) > 1 else "is"
        yield "fine", f"{every} with a planned range {verb} spread as planned."


def _off(off: list[Survey], tests: int) -> Finding:
    worst = off[0]
    level = "problem" if worst["distance"] > FAR or worst["outside"] > 0 else "note"
    distance = f"Kolmogorov distance {worst['distance']:.2f}"
    return level, (
        f"{_some(len(off), 'parameter', 'is')} not spread as planned, most of all "
        f"{worst['path'][:80]} ({distance}, by chance below {_threshold(worst, tests):.2f}). "
        "Refused images and what depends on other values change the spread."
    )


def _is_constant(parameter: Survey) -> bool:
    if parameter["n"] < CONSTANT_FROM:
        return False
    if parameter["kind"] == "number":
        fixed = parameter.get("planned_low", 0) == parameter.get("planned_high", 1)
        return bool(parameter["min"] == parameter["max"]) and not fixed
    options = [share for share in parameter.get("planned", ()) if share]
    return bool(parameter["distinct"] == 1) and len(options) != 1


def _threshold(parameter: Survey, tests: int) -> float:
    """Return the distance that one of `tests` true samples exceeds with a chance of `UNLUCKY`."""
    n = min(parameter["n"], SAMPLED)
    return math.sqrt(math.log(2 * tests / UNLUCKY) / (2 * n))


def _is_off(parameter: Survey, tests: int) -> bool:
    return bool(parameter["distance"] > _threshold(parameter, tests) or parameter["outside"] > 0)


def _alike(survey: Survey) -> Iterator[Finding]:
    found = survey["duplicates"]
    if same := found["same_values"]:
        yield (
            "problem",
            f"{_some(same, 'image', 'has')} exactly the drawn values of an earlier one.",
        )
    if "compared" not in found:
        return
    if exact := found["exact"]:
        yield "problem", f"{_some(exact, 'image', 'equals')} an earlier one, pixel by pixel."
    if near := found["near"]:
        level = "problem" if near > FEW * found["compared"] else "note"
        yield level, f"{_some(near, 'image', 'looks')} almost like an earlier one."
    if not exact and not near and found["compared"] > 1:
        whole = found["compared"] == found["of"]
        which = "images" if whole else f"of the {found['compared']:,} images compared"
        yield "fine", f"No two {which} look alike."


def _tones(survey: Survey) -> Iterator[Finding]:
    tones = survey["pixels"] or {}
    kinds = (("dark", "nearly black"), ("bright", "nearly white"), ("flat", "of a single grey"))
    for key, words in kinds:
        if n := tones.get(key):
            seen = f"{n:,} of the {_many(tones['looked_at'], 'image')} looked at"
            level = "problem" if n > DARK * tones["looked_at"] else "note"
            yield level, f"{seen} {'is' if n == 1 else 'are'} {words}."


def _many(n: int, what: str) -> str:
    if n == 1:
        return f"1 {what}"
    plural = (
        what[:-1] + "ies" if what.endswith("y") else what + ("es" if what.endswith("s") else "s")
    )
    return f"{n:,} {plural}"


def _some(n: int, what: str, verb: str) -> str:
    """Return a number of things with its verb, given in the singular."""
    plural = {"has": "have", "is": "are"}.get(verb, verb.removesuffix("s"))
    return f"{_many(n, what)} {verb if n == 1 else plural}"


def _share(part: int, whole: int) -> str:
    """Return a share in percent: never a false 0 or 100."""
    percent = 100 * part / max(1, whole)
    if 0 < percent < 0.1:
        return "less than 0.1 %"
    if 99.9 < percent < 100:
        return "more than 99.9 %"
    return f"{percent:.1f} %" if percent < 10 and round(percent, 1) % 1 else f"{percent:.0f} %"


def _listed(names: list[str]) -> str:
    """Return the first names, and how many more there are."""
    shown = ", ".join(name[:60] for name in names[:5])
    return shown if len(names) <= 5 else f"{shown} and {len(names) - 5:,} more"


def _signed(value: float, unit: str) -> str:
    return f"{value:.3g} {unit}".strip()
