"""Rows of the page's tables, every number written; and the parts of the evidence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

__all__ = ["Panel", "Row", "section"]


BLANK = Markup("")


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a table: a name, cells as written, and a drawing."""

    name: str
    cells: tuple[str, ...]
    plot: Markup = BLANK
    more: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Panel:
    """Rows on one scale."""

    title: str
    low: str
    high: str
    rows: tuple[Row, ...]


def section(report: Mapping[str, Any], name: str) -> Any:
    """Return a part of the evidence, None if it is absent."""
    evidence = report.get("evidence")
    return evidence.get(name) if isinstance(evidence, Mapping) else None
