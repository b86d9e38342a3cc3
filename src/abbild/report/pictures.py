"""The report on an image data set as one HTML page, like that on tables."""

from __future__ import annotations

import base64
import binascii
import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from abbild.core import write_json
from abbild.report import content, evidence, figures, spread, words
from abbild.report.content import finite, read, rows_of, text
from abbild.report.page import environment
from abbild.report.record import write_page
from abbild.report.rows import Row
from abbild.report.words import mapping

__all__ = ["render_pictures", "write_pictures_report"]

PICTURES = 24
BYTES = 6_000_000  # of all pictures together, as text
CLASSES = 120  # classes that are drawn one by one
REASONS = 30
CHECKS = 100
LEVELS = {"problem": "alarm", "note": "unsure", "fine": "plain"}
FACTS = ("recipe", "renderer", "variant", "seed", "size", "images", "workers", "seconds")


@dataclass(frozen=True, slots=True)
class Picture:
    """A sample with its labels drawn, as base 64."""

    png: str
    width: int
    height: int
    name: str
    note: str
    alt: str


@dataclass(frozen=True, slots=True)
class Finding:
    """A sentence and how serious it is."""

    level: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Check:
    """The worst error of a self-check, and its limit."""

    name: str
    worst: float | None
    limit: float | None
    unit: str
    n: float | None


def render_pictures(report: Mapping[str, Any], card: Mapping[str, Any]) -> str:
    """Return the report on an image data set as one self-contained HTML page.

    Parameters
    ----------
    report : title, made, notes, survey and samples, as described in docs/report-format.md. Every
        part may be absent or null: the page then says so
    card : the provenance: recipe, seed, renderer, versions, licences

    Notes
    -----
    The same input gives the same bytes. Every text of the input is escaped; a content security
    policy in the page forbids scripts and any address outside it.
    """
    report, card = content.plain(report), content.plain(card)
    survey = mapping(report, "survey")
    title = text(report.get("title"))
    template = environment().get_template("pictures.html")
    return template.render(
        title=title or "Synthetic images",
        made=_made(report, survey),
        notes=_texts(report.get("notes")),
        findings=_findings(survey),
        pictures=_pictures(report.get("samples")),
        labels=_classes(survey, "labels"),
        categories=_classes(survey, "categories"),
        objects=_objects(survey),
        parameters=spread.parameters(survey),
        tones=_tones(survey),
        duplicates=_duplicates(survey),
        checks=_checks(survey),
        failures=_failures(survey),
        facts=_facts(report, card),
        licences=_licences(report, card),
        command=words.command(report, card),
        pairs=[pair for pair in evidence.flat(card) if pair[0] != "command"][:400],
    )


def write_pictures_report(report: Mapping[str, Any], card: Mapping[str, Any], folder: Path) -> None:
    """Write ``report.json``, ``card.json`` and ``report.html``, each whole or not at all.

    The pictures are in the page alone. The page is written last, so its existence means that all
    three are there.

    Raises
    ------
    OutputError
        If `folder` cannot be written to.
    """
    report, card = content.plain(report), content.plain(card)
    page = render_pictures(report, card)
    samples = report.get("samples")
    if isinstance(samples, list):
        kept = [_without_png(sample) for sample in samples]
        report = {**report, "samples": kept}
    write_json(report, folder / "report.json")
    write_json(card, folder / "card.json")
    write_page(page, folder / "report.html")


def _without_png(sample: Any) -> Any:
    if not isinstance(sample, Mapping):
        return sample
    return {key: value for key, value in sample.items() if key != "png"}


def _mappings(value: Any) -> list[Mapping[str, Any]]:
    return [row for row in value if isinstance(row, Mapping)] if isinstance(value, list) else []


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(text(item) for item in value) if isinstance(value, list) else ()


def _made(report: Mapping[str, Any], survey: Mapping[str, Any]) -> str:
    """Return the sentence below the title."""
    images, made = mapping(survey, "images"), mapping(report, "made")
    number = finite(images.get("made"))
    first = "Synthetic images" if number is None else figures.things(number, "synthetic image")
    sizes = images.get("sizes")
    if isinstance(sizes, list) and len(sizes) == 1 and isinstance(sizes[0], list):
        first += f" of {_size(sizes[0])} pixels"
    parts = [first]
    if recipe := text(made.get("recipe")):
        parts.append(f"made by the recipe {recipe[:80]}")
    if renderer := text(made.get("renderer")):
        variant = f" ({text(made.get('variant'))[:40]})" if made.get("variant") else ""
        parts.append(f"{'with' if recipe else 'made with'} the renderer {renderer[:40]}{variant}")
    seconds = finite(made.get("seconds"))
    if seconds is not None and seconds > 0:
        rate = f" ({number / seconds:.3g} images a second)" if number else ""
        parts.append(f"in {figures.duration(seconds)}{rate}")
    return f"{parts[0]}{', ' if len(parts) > 1 else ''}{' '.join(parts[1:])}."


def _size(size: list[Any]) -> str:
    return " \u00d7 ".join(figures.count(finite(side)) for side in size[:2])


def _findings(survey: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """Return (tone, sentence), problems first."""
    found = rows_of(survey.get("findings"), Finding)
    order = list(LEVELS)
    ranked = sorted(found, key=lambda f: order.index(f.level) if f.level in LEVELS else 1)
    return tuple((LEVELS.get(f.level, "unsure"), f.sentence) for f in ranked)


def _pictures(samples: Any) -> tuple[Picture, ...]:
    """Return the samples that hold a whole PNG, as many as the page has room for."""
    shown: list[Picture] = []
    room = BYTES
    for sample in _mappings(samples):
        png = text(sample.get("png"))
        size = _png_size(png)
        if size is None or len(shown) == PICTURES or len(png) > room:
            continue
        room -= len(png)
        shown.append(_picture(sample, png, size))
    return tuple(shown)


def _png_size(png: str) -> tuple[int, int] | None:
    """Return width and height of a PNG in base 64; None if it is none."""
    try:
        data = base64.b64decode(png, validate=True)
        width, height = struct.unpack(">2I", data[16:24])
    except (binascii.Error, ValueError, struct.error):
        return None
    return (width, height) if data[:8] == b"\x89PNG\r\n\x1a\n" else None


def _picture(sample: Mapping[str, Any], png: str, size: tuple[int, int]) -> Picture:
    label, caption = text(sample.get("label")), text(sample.get("caption"))
    objects, shown = finite(sample.get("objects")), finite(sample.get("shown"))
    notes = [figures.things(objects, "object")] if objects else []
    if objects and shown is not None and shown < objects:
        notes.append(f"{figures.count(shown)} visible")
    name = label or caption or text(sample.get("file"))
    if label and caption:
        notes.append(caption[:200])
    alt = " ".join(part for part in ("Synthetic image with its labels drawn:", name[:200]) if part)
    return Picture(png, *size, name=name, note=", ".join(notes), alt=alt)


@dataclass(frozen=True, slots=True)
class Classes:
    """Class balance."""

    total: int
    shown: spread.Levels
    missing: tuple[str, ...]
    unnamed: str


def _classes(survey: Mapping[str, Any], part: str) -> Classes | None:
    found = mapping(survey, part)
    counts, missing = found.get("counts"), _texts(found.get("missing"))
    if not (isinstance(counts, list) and counts) and not missing:
        return None
    listed = counts if isinstance(counts, list) else []
    if len(listed) > CLASSES:  # the rarest are those to look at
        listed = sorted(listed, key=_size_of_class)
    unnamed = finite(found.get("unnamed"))
    return Classes(
        total=int(finite(found.get("total")) or len(listed)),
        shown=spread.levels(listed, limit=CLASSES),
        missing=missing,
        unnamed=figures.count(unnamed) if unnamed else "",
    )


def _size_of_class(row: Any) -> float:
    value = row.get("objects") if isinstance(row, Mapping) else row[-1] if row else None
    return finite(value) or 0.0


def _objects(survey: Mapping[str, Any]) -> tuple[spread.Card, ...]:
    """Return the cards on objects: how many, how large, how visible."""
    objects, boxes = mapping(survey, "objects"), mapping(survey, "boxes")
    n = finite(boxes.get("n"))
    cards = [
        spread.counted("Objects in an image", _mean(objects), objects.get("per_image"), whole=True),
        spread.counted(
            "Size of boxes",
            "square root of the share of the image",
            boxes.get("relative"),
        ),
        _coco(boxes, n),
        _shares(survey, "visible", "Visible part", "1: nothing is hidden or cut off"),
        _shares(survey, "occluded", "Hidden part", "share that other objects hide"),
        _shares(survey, "truncated", "Part outside", "share that the border cuts off"),
    ]
    return tuple(card for card in cards if card is not None)


def _mean(objects: Mapping[str, Any]) -> str:
    mean = finite(objects.get("mean"))
    return "with a visible part" + ("" if mean is None else f", {mean:.3g} on average")


def _coco(boxes: Mapping[str, Any], n: float | None) -> spread.Card | None:
    if not n:
        return None
    names = {
        "small": "small, below 32 \u00d7 32",
        "medium": "medium",
        "large": "large, from 96 \u00d7 96",
        "tiny": "below 4 pixels",
    }
    rows = [[name, finite(boxes.get(key)) or 0.0] for key, name in names.items()]
    shown = spread.levels(rows, total=n, limit=4)
    return spread.Card("Size classes of COCO", "by visible pixels", levels=shown.rows)


def _shares(survey: Mapping[str, Any], part: str, name: str, note: str) -> spread.Card | None:
    found = mapping(mapping(survey, "visibility"), part)
    card = spread.counted(name, note, found)
    if card is None:
        return None
    total = sum(finite(n) or 0.0 for n in found["counts"])
    ends = [
        f"exactly {end} for {figures.percent(exact / total)} of the objects"
        for end, key in ((0, "zeros"), (1, "ones"))
        if (exact := finite(found.get(key))) and total
    ]
    return spread.Card(card.name, card.note, card.chart, card.ends, tuple(ends))


def _tones(survey: Mapping[str, Any]) -> tuple[tuple[spread.Card, ...], str]:
    found = mapping(survey, "pixels")
    notes = {
        "brightness": "mean grey; 0 is black, 1 white",
        "contrast": "standard deviation of grey",
        "sharpness": "root mean square of the Laplacian",
    }
    cards = [spread.counted(k.capitalize(), note, found.get(k)) for k, note in notes.items()]
    return tuple(card for card in cards if card), figures.count(finite(found.get("looked_at")))


def _duplicates(survey: Mapping[str, Any]) -> Mapping[str, Any] | None:
    found = mapping(survey, "duplicates")
    if not found:
        return None
    keys = ("compared", "of", "exact", "near", "same_values")
    pairs = found.get("pairs")
    rows = [
        tuple(text(part) for part in pair)
        for pair in (pairs if isinstance(pairs, list) else [])
        if isinstance(pair, list) and len(pair) == 3
    ]
    return {key: finite(found.get(key)) for key in keys} | {"pairs": rows[:12]}


def _checks(survey: Mapping[str, Any]) -> tuple[Row, ...]:
    """Return name, (worst, limit, number) and (tone, verdict) of each self-check."""
    rows = []
    for source in _mappings(survey.get("checks"))[:CHECKS]:
        check, kept = read(Check, source), source.get("kept")
        tone = "found" if kept is False else ""
        verdict = "held" if kept is True else "failed" if kept is False else "no limit given"
        cells = (_measure(check.worst, check.unit), _measure(check.limit, check.unit))
        rows.append(Row(check.name, (*cells, figures.count(check.n)), more=(tone, verdict)))
    return tuple(sorted(rows, key=lambda row: row.more[0] == ""))  # failed ones first


def _measure(value: float | None, unit: str) -> str:
    if value is None:
        return figures.MISSING
    written = re.sub(r"e([+-])0+", r"e\1", f"{value:.3g}").replace("e+", "e").replace("-", "\u2212")
    return f"{written}{figures.NARROW}{unit[:20]}" if unit else written


def _failures(survey: Mapping[str, Any]) -> Mapping[str, Any] | None:
    images = mapping(survey, "images")
    if not images:
        return None
    keys = ("made", "failed", "attempts", "retried")
    rows = [
        (text(row.get("reason")), *(figures.count(finite(row.get(k))) for k in ("times", "images")))
        for row in _mappings(images.get("reasons"))
    ]
    found = images.get("sizes")
    sizes = [
        (_size(size), figures.count(finite(size[2])))
        for size in (found if isinstance(found, list) else [])
        if isinstance(size, list) and len(size) == 3
    ]
    return {key: finite(images.get(key)) for key in keys} | {
        "reasons": rows[:REASONS],
        "sizes": sizes[:20] if len(sizes) > 1 else [],
    }


def _facts(report: Mapping[str, Any], card: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """Return recipe, seed, renderer and versions, wherever they were recorded."""
    made = mapping(report, "made")
    known = {key: made.get(key, card.get(key)) for key in FACTS}
    pairs = [
        pair for key, value in known.items() if value is not None for pair in _flat(key, value)
    ]
    pairs += evidence.flat(mapping(card, "versions"))
    return tuple(pairs[:60])


def _flat(key: str, value: Any) -> tuple[tuple[str, str], ...]:
    return evidence.flat({key: value})


def _licences(report: Mapping[str, Any], card: Mapping[str, Any]) -> tuple[tuple[str, ...], ...]:
    """Return (asset, licence, source) of everything that pictures were made from."""
    found = card.get("licences") or report.get("licences")
    if isinstance(found, Mapping):
        return tuple((text(name), text(licence), "") for name, licence in found.items())[:200]
    if not isinstance(found, list):
        return ()
    keys = (("asset", "name", "path"), ("licence", "license"), ("source", "url", "author"))
    return tuple(
        tuple(next((text(row[k]) for k in names if row.get(k)), "") for names in keys)
        for row in found[:200]
        if isinstance(row, Mapping)
    )
