"""A report with its provenance: kept in a run folder, held in memory, shown in a notebook."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from abbild.core import FileFormatError, atomically, write_json
from abbild.report.content import plain
from abbild.report.page import render

__all__ = ["Report", "write_page", "write_report"]


@dataclass(frozen=True, slots=True, eq=False)
class Report:
    """What was measured, and how it came to be.

    Attributes
    ----------
    content : what ``report.json`` holds, described in docs/report-format.md
    card : what ``card.json`` holds: recipe, versions, hashes, times
    """

    content: Mapping[str, Any]
    card: Mapping[str, Any]

    @classmethod
    def load(cls, folder: Path) -> Report:
        """Read the report of a run folder.

        Raises
        ------
        FileFormatError
            If the folder holds no whole report.
        """
        return cls(_read(folder / "report.json"), _read(folder / "card.json"))

    @property
    def verdicts(self) -> Mapping[str, Any]:
        """The answers of the first page, by question."""
        found = self.content.get("verdicts")
        return found if isinstance(found, Mapping) else {}

    def html(self) -> str:
        """Return the page."""
        return render(self.content, self.card)

    def save(self, path: Path | str) -> None:
        """Write the page to `path`, whole or not at all."""
        write_page(self.html(), Path(path))

    def __str__(self) -> str:
        return "\n".join(
            f"{name}: {verdict.get('level')}. {verdict.get('sentence')}"
            for name, verdict in self.verdicts.items()
            if isinstance(verdict, Mapping)
        )


def write_report(report: Mapping[str, Any], card: Mapping[str, Any], folder: Path) -> None:
    """Write ``report.json``, ``card.json`` and ``report.html``, each whole or not at all.

    NaN becomes null. The page is written last, so its existence means that all three are there.

    Raises
    ------
    OutputError
        If `folder` cannot be written to.
    """
    report, card = plain(report), plain(card)
    page = render(report, card)
    write_json(report, folder / "report.json")
    write_json(card, folder / "card.json")
    write_page(page, folder / "report.html")


def write_page(page: str, path: Path) -> None:
    """Write a page, whole or not at all."""
    with atomically(path) as part:
        part.write_text(page, encoding="utf-8", newline="\n")


def _read(path: Path) -> Mapping[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise FileFormatError(
            f"{path} is missing or no JSON", hint="name the folder of a finished run"
        ) from error
    if not isinstance(found, dict):
        raise FileFormatError(f"{path} is no report", hint="name the folder of a finished run")
    return found
