"""Cells of text, tidied: surrounding spaces gone, words that mean "missing" turned into nulls."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from abbild.source import dates, numerals

MARKERS = (
    "",
    "NA",
    "N/A",
    "n/a",
    "#N/A",
    "#NA",
    "NaN",
    "nan",
    "null",
    "NULL",
    "Null",
    "None",
    "NONE",
    "<NA>",
    "?",
    "-",
    "--",
    ".",
    "n.a.",
    "N.A.",
    "k.A.",
    "k. A.",
    "NaT",
)
HEAD = 1000  # values a first look is taken at
_ALSO_A_LEVEL = 0.5  # a marker in more cells than this share is a level of a category


@dataclass(frozen=True, slots=True, eq=False)
class Tidy:
    """A column of strings without spaces around them.

    Attributes
    ----------
    strings : trimmed; null where the cell is empty or a marker
    marker : how a missing value is written: empty if any cell is empty or several markers occur
    word : the only marker that is a word, ``""`` if there is none or several
    share : share of the cells that hold `word`
    """

    strings: pa.ChunkedArray
    marker: str = ""
    word: str = ""
    share: float = 0.0

    def kept(self, column: pa.ChunkedArray, *, untyped: bool) -> pa.ChunkedArray:
        """Return the untrimmed strings of `column` with nulls where a value is missing.

        In a typed file only its own nulls are missing.
        """
        strings = column.cast(pa.string())
        if not untyped:
            return strings
        absent = pc.is_null(self.strings)
        if self.word_is_level:
            absent = pc.and_(absent, pc.not_equal(pc.utf8_trim_whitespace(strings), self.word))
        return pc.if_else(absent, None, strings)

    @property
    def word_is_level(self) -> bool:
        """Whether the word is so frequent that it must be a level: "None" for no medal.

        Only a category asks; in a column of numbers or dates every marker is a missing value.
        """
        return (
            self.word not in ("", "NaN", "nan", "NaT", "<NA>")
            and self.share > _ALSO_A_LEVEL
            and self.strings.null_count < len(self.strings)
        )

    @property
    def level_marker(self) -> str:
        """How a category writes a missing value."""
        return "" if self.word_is_level else self.marker


@dataclass(frozen=True, slots=True)
class Habits:
    """What a file as a whole does where a single column may be unclear.

    Attributes
    ----------
    comma : whether ``1.234`` is one thousand two hundred and thirty-four
    day_first : whether ``01/02/2020`` is in February
    """

    comma: bool = False
    day_first: bool = False


def tidy(column: pa.ChunkedArray) -> Tidy:
    """Trim a column of strings and find its missing values."""
    trimmed = pc.utf8_trim_whitespace(column.cast(pa.string()))
    absent = pc.is_in(trimmed, value_set=pa.array(MARKERS, pa.string()))
    if not pc.any(absent).as_py():
        return Tidy(trimmed)
    counts = {c["values"]: c["counts"] for c in pc.value_counts(trimmed.filter(absent)).to_pylist()}
    words = [marker for marker in counts if marker]
    word = words[0] if len(words) == 1 else ""
    share = counts.get(word, 0) / len(column) if word else 0.0
    marker = word if len(counts) == 1 else ""
    return Tidy(pc.if_else(absent, None, trimmed), marker, word, share)


def head_of(strings: pa.ChunkedArray) -> pa.Array:
    """Return the first thousand values that are present."""
    part = strings.slice(0, 20 * HEAD).drop_null()
    if len(part) < HEAD:
        part = strings.drop_null()
    return part.slice(0, HEAD).combine_chunks()


def habits_of(columns: dict[str, Any], *, comma: bool) -> Habits:
    """Let every column of text vote on decimal commas and on the order of day and month.

    `comma` is the vote of the file's own look and decides a draw.
    """
    commas, days = 0, 0
    for strings in columns.values():
        sample = head_of(strings)
        if len(sample):
            commas += numerals.votes_for_comma(sample)
            days += dates.day_first_vote(sample)
    decided = commas > 0 or (commas == 0 and comma)
    return Habits(decided, days > 0 or (days == 0 and decided))
