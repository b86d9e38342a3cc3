"""The report as one HTML page that needs no network, no script and no other file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from abbild.report import (
    content,
    dependence,
    distributions,
    evidence,
    figures,
    scores,
    words,
)

__all__ = ["environment", "render"]

NAME = 48  # characters of a name that are shown; the rest is in its tooltip
TOOLTIP = 240
ARM = "The arm "  # how a note begins that belongs to the table of scores
LISTED = 300  # columns whose treatment is listed; beyond it the first ones and the kinds


def render(report: Mapping[str, Any], card: Mapping[str, Any]) -> str:
    """Return the report as one self-contained HTML page.

    Parameters
    ----------
    report : the numbers, as described in docs/report-format.md. Every part may be absent or null:
        the page then says that it was not computed, and why
    card : the provenance: command, seed, versions, hashes

    Notes
    -----
    The same input gives the same bytes. Every text of the input is escaped, and a content
    security policy in the page forbids scripts and any address outside it.
    """
    report, card = content.plain(report), content.plain(card)
    arms, notes = content.arms(report), _texts(report.get("notes"))
    return (
        environment()
        .get_template("page.html")
        .render(
            report=report,
            card=card,
            title=content.text(report.get("title")) or "Synthetic data",
            audit=report.get("kind") == "audit",
            made=words.made(report, card),
            rivals=sum(not arm.is_null for arm in arms) > 1,
            notes=[note for note in notes if not note.startswith(ARM)],
            arm_notes=[note for note in notes if note.startswith(ARM)],
            answers=scores.answers(report, arms),
            families=scores.families(arms),
            gaps=scores.gaps(arms),
            untested=_texts(report.get("not_tested")) or words.UNTESTED,
            distributions=distributions.distributions(report),
            tails=distributions.shares(report, "tails"),
            missing_values=distributions.shares(report, "missing"),
            further=evidence.further(report),
            distances=distributions.distances(report),
            dependence=dependence.dependence(report),
            detection=evidence.detection(report),
            usefulness=evidence.usefulness(report),
            ranking=evidence.ranking(report),
            attacks=evidence.attacks(report),
            copies=evidence.copies(report),
            rules=evidence.rules(report),
            columns=_columns(report),
            provenance=_provenance(report, card),
        )
    )


@cache
def environment() -> Environment:
    """Return the templates with the filters that write numbers and names."""
    environment = Environment(
        loader=PackageLoader("abbild.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        name=_name,
        num=figures.number,
        percent=figures.percent,
        count=figures.count,
        things=figures.things,
        prose=figures.prose,
        visible=figures.visible,
    )
    environment.globals["missing"] = words.missing
    return environment


def _name(value: str, limit: int = NAME) -> Markup:
    """Set a name of the user's: cut if it is long, apart from the direction of the text around."""
    value = figures.visible(value[: 4 * TOOLTIP])
    if not value.strip():
        return Markup('<span class="quiet">(no name)</span>')
    if len(value) <= limit:
        return Markup(f"<bdi>{escape(value)}</bdi>")
    return Markup(f'<bdi title="{escape(value[:TOOLTIP])}">{escape(value[: limit - 1])}…</bdi>')


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(content.text(item) for item in value) if isinstance(value, list) else ()


def _columns(report: Mapping[str, Any]) -> Mapping[str, Any]:
    every = content.rows_of(report.get("columns"), content.ColumnNote)
    kinds = Counter(column.kind or "unknown" for column in every)
    shown = every if len(every) <= LISTED else every[: distributions.SHOWN]
    treated = any(column.treatment for column in every)
    return {"shown": shown, "total": len(every), "kinds": kinds.most_common(), "treated": treated}


def _provenance(report: Mapping[str, Any], card: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return how to make the same rows again; the schema is left to schema.yaml."""
    recipe, made = words.mapping(card, "recipe"), words.mapping(report, "made")
    seeds = (card.get("seed"), recipe.get("seed"), made.get("seed"))
    shown = dict(card)
    if recipe:
        shown["recipe"] = {key: value for key, value in recipe.items() if key != "schema"}
    return {
        "command": words.command(report, card),
        "seed": next((seed for seed in seeds if seed is not None), None),
        "pairs": [pair for pair in evidence.flat(shown) if pair[0] != "command"],
    }
