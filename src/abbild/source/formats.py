"""How a file writes its values: remembered on the way in, so that the way out looks the same."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from abbild.core import FileFormatError, unknown_name

FORMATS = {
    "csv": "delimited text (.csv, .tsv): any delimiter, encoding and decimal mark, gzip, zstd",
    "parquet": "Apache Parquet (.parquet)",
    "arrow": "Arrow IPC and Feather (.arrow, .feather), streams (.arrows)",
    "jsonl": "JSON lines (.jsonl, .ndjson) and arrays (.json), gzip, zstd",
    "xlsx": "Excel workbooks (.xlsx): the first sheet, or book.xlsx#Sheet",
}
# ending -> (format, delimiter)
_BY_ENDING = {
    ".parquet": ("parquet", ""),
    ".pq": ("parquet", ""),
    ".csv": ("csv", ","),
    ".tsv": ("csv", "\t"),
    ".tab": ("csv", "\t"),
    ".jsonl": ("jsonl", ""),
    ".ndjson": ("jsonl", ""),
    ".json": ("json", ""),
    ".xlsx": ("xlsx", ""),
    ".arrow": ("arrow", ""),
    ".feather": ("arrow", ""),
    ".ipc": ("arrow", ""),
    ".arrows": ("arrow-stream", ""),
}
_COMPRESSED = {".gz": "gzip", ".zst": "zstd"}


@dataclass(frozen=True, slots=True)
class CellFormat:
    """How one column writes its values as text.

    Attributes
    ----------
    decimal, thousands : marks inside numbers; no thousands mark is ``""``
    places : decimals every number is written with; None for as many as it needs
    prefix, suffix : what stands around every number, such as ``"$"`` or ``" %"``
    truth : the words for false and true
    pattern : strptime pattern of dates and times; None for ISO 8601
    missing : what stands for a missing value
    """

    decimal: str = "."
    thousands: str = ""
    places: int | None = None
    prefix: str = ""
    suffix: str = ""
    truth: tuple[str, str] = ("false", "true")
    pattern: str | None = None
    missing: str = ""


@dataclass(frozen=True, slots=True)
class FileFormat:
    """A file format down to its dialect.

    Attributes
    ----------
    name : "csv", "parquet", "arrow", "arrow-stream", "jsonl", "json", "xlsx" or "object"
    delimiter, encoding, bom, newline, quoted : of delimited text; `quoted` means that every cell
        stands in quotes
    compression : "gzip", "zstd" or None
    sheet : of a workbook
    suffix : ending of the user's own file, such as ``".csv.gz"``
    cells : column name to its `CellFormat`, for text; columns not named use the default
    arrow : Arrow schema of the source, serialized and in base 64, for typed formats
    """

    name: str
    delimiter: str = ","
    encoding: str = "utf-8"
    bom: bool = False
    newline: str = "\n"
    quoted: bool = False
    compression: str | None = None
    sheet: str | None = None
    suffix: str = ""
    cells: Mapping[str, CellFormat] = field(default_factory=dict)
    arrow: str = ""

    @property
    def extension(self) -> str:
        r"""Ending for a file of this format, dot included: the user's own where it is a usual one.

        Examples
        --------
        >>> FileFormat("csv", delimiter="\t", compression="gzip").extension
        '.tsv.gz'
        """
        if self.suffix:
            return self.suffix
        packed = {"gzip": ".gz", "zstd": ".zst"}.get(self.compression or "", "")
        plain = {"csv": ".tsv" if self.delimiter == "\t" else ".csv", "arrow-stream": ".arrows"}
        return plain.get(self.name, f".{self.name}" if self.name != "object" else ".parquet") + (
            packed if self.name in ("csv", "json", "jsonl") else ""
        )

    def cell(self, column: str) -> CellFormat:
        """Return how `column` is written."""
        return self.cells.get(column, CellFormat())


def suffix_of(path: Path) -> str:
    """Return the usual ending of `path` in lower case, ``".csv.gz"`` included; ``""`` if unusual.

    Examples
    --------
    >>> suffix_of(Path("a.b.CSV.gz")), suffix_of(Path("a.txt"))
    ('.csv.gz', '')
    """
    endings = [ending.lower() for ending in path.suffixes[-2:]]
    if endings and endings[-1] in _COMPRESSED:
        return "".join(endings) if len(endings) == 2 and endings[0] in _BY_ENDING else ""
    return endings[-1] if endings and endings[-1] in _BY_ENDING else ""


def named_format(path: Path) -> str | None:
    """Return the format the ending of `path` promises, or None if it promises nothing."""
    suffix = suffix_of(path)
    return _BY_ENDING["." + suffix.split(".")[1]][0] if suffix else None


def format_for(path: Path) -> FileFormat:
    """Return the plain format that the ending of `path` names.

    Raises
    ------
    FileFormatError
        If no format has this ending.

    Examples
    --------
    >>> format_for(Path("more.csv")).name
    'csv'
    """
    suffix = suffix_of(path)
    if not suffix:
        hint = unknown_name("ending", path.suffix, _BY_ENDING).hint
        raise FileFormatError(f"no format has the ending {path.suffix!r} of {path}", hint=hint)
    name, delimiter = _BY_ENDING["." + suffix.split(".")[1]]
    packed = _COMPRESSED.get("." + suffix.rsplit(".", 1)[1])
    return FileFormat(name, delimiter or ",", compression=packed, suffix=suffix)
