"""Bytes as text: which encoding they have, told by a mark or by their look."""

from __future__ import annotations

import codecs

from abbild.core import FileFormatError
from abbild.source.counts import counted

_HEAD = 1 << 16  # bytes looked at
_SOME_ZEROS = 0.1  # share of NUL bytes from which text that could be UTF-8 is UTF-16
# the marks of UTF-32 first: that of UTF-16 is the start of one of them
_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


def as_utf8(data: bytes, where: str) -> tuple[bytes, str, bool]:
    """Return `data` as UTF-8 without a mark, the encoding it had, and whether it had a mark.

    UTF-16 and UTF-32 are known without a mark, too. Bytes that are no UTF-8 are taken for
    Windows-1252, or Latin-1 where that has no character.

    Raises
    ------
    FileFormatError
        If the bytes are no text, or hold a NUL; names the place of the first.
    """
    encoding, marked = _encoding(data[:_HEAD])
    if encoding is None:
        return (*_unmarked(data, where), False)
    body = data[len(_mark(encoding)) :] if marked else data
    text = _recoded(body, encoding)
    if text is None:
        raise FileFormatError(
            f"{where} is no text: it starts like {encoding.upper()}, but does not go on so",
            hint="export it again as CSV in UTF-8, Parquet, JSON lines or Excel (.xlsx)",
        )
    if 0 in text:
        raise _nul(text, where)
    return text, encoding, marked


def _unmarked(data: bytes, where: str) -> tuple[bytes, str]:
    if 0 in data:
        raise _nul(data, where)
    if _is_utf8(data):
        return data, "utf-8"
    for legacy in ("cp1252", "latin-1"):
        try:
            return data.decode(legacy).encode(), legacy
        except UnicodeDecodeError:
            continue
    raise AssertionError("Latin-1 decodes every byte")


def start_of(data: bytes, size: int) -> bytes:
    """Return about the first `size` bytes of `data` as UTF-8, as far as they are text."""
    encoding, marked = _encoding(data[:_HEAD])
    if encoding is None:
        return data[:size]
    body = data[len(_mark(encoding)) if marked else 0 :][:size]
    return body if encoding == "utf-8" else body.decode(encoding, errors="ignore").encode()


def _encoding(head: bytes) -> tuple[str | None, bool]:
    """Return the encoding that `head` has by its mark or its NUL bytes, and whether by a mark."""
    for mark, encoding in _BOMS:
        if head.startswith(mark):
            return encoding, True
    zeros = head.count(0)
    if not zeros or (zeros < _SOME_ZEROS * len(head) and _is_utf8(head, whole=False)):
        return None, False
    for encoding in ("utf-32-le", "utf-32-be", "utf-16-le", "utf-16-be"):
        try:  # the look may end inside of a letter
            text = codecs.getincrementaldecoder(encoding)().decode(head)
        except UnicodeDecodeError:
            continue
        if "\0" not in text and _same_lines(head, text):
            return encoding, False
    return None, False


def _same_lines(head: bytes, text: str) -> bool:
    """Whether most bytes that end a line do so in `text`: other bytes decode, too, to nonsense."""
    ends = sum(map(head.count, (b"\n", b"\r")))
    if not ends:
        return text[:1] in ("[", "{")
    return 2 * sum(map(text.count, "\n\r")) > ends


def _mark(encoding: str) -> bytes:
    return next(mark for mark, named in _BOMS if named == encoding)


def _recoded(data: bytes, encoding: str) -> bytes | None:
    if encoding == "utf-8":
        return data if _is_utf8(data) else None
    try:
        return data.decode(encoding).encode()
    except UnicodeError:
        return None


def _nul(text: bytes, where: str) -> FileFormatError:
    at = text.index(0)
    line = text.count(b"\n", 0, at) + 1
    return FileFormatError(
        f"{where} is no text: it holds {counted(text.count(0), 'NUL byte')}, "
        f"the first in line {line:,} (byte {at + 1:,})",
        hint="is it a binary file, or a damaged or half written copy? Export the table again as "
        "CSV in UTF-8, Parquet, JSON lines or Excel (.xlsx)",
    )


def _is_utf8(data: bytes, *, whole: bool = True) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()
    view = memoryview(data)
    try:
        for start in range(0, len(data), 1 << 20):  # in pieces: never a second copy of the file
            decoder.decode(view[start : start + (1 << 20)])
        decoder.decode(b"", final=whole)
    except UnicodeDecodeError:
        return False
    return True
