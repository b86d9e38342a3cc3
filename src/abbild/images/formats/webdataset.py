"""WebDataset: tar shards in which the files of one example stand together under one key."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import IO, Any

from abbild.core import FileFormatError, atomically
from abbild.images.annotation import Example
from abbild.images.formats import entries
from abbild.images.formats.destination import Add, Destination, image_suffix
from abbild.images.formats.records import from_record, json_text, to_record

__all__ = ["finds", "member_bytes", "read", "writer"]

_EXAMPLES = 1000  # of a shard
_BYTES = 256 << 20  # after which a shard is closed
_LARGEST = 256 << 20  # bytes of a file read into memory
_BLOCK = 512
_MARK = "abbild"


@contextmanager
def writer(destination: Destination) -> Iterator[Add]:
    """Write ``webdataset/shard-000000.tar`` and so on: image, .json and, for a label, .cls.

    ``.json`` holds everything known; ``.cls`` is the label's place among the categories, or the
    label itself if that is a whole number. Files carry no time and no owner.
    """
    with ExitStack() as stack:
        shards = _Shards(destination, stack)
        yield shards.add
        shards.ensure()


class _Shards:
    def __init__(self, destination: Destination, stack: ExitStack) -> None:
        self._destination = destination
        self._stack = stack
        self._count = 0
        self._examples = 0
        self._bytes = 0
        self._tar: tarfile.TarFile | None = None

    def add(self, example: Example) -> None:
        """Add the files of one example, in the order of their names."""
        if self._examples >= _EXAMPLES or self._bytes >= _BYTES:
            self._stack.close()
            self._tar = None
        tar = self.ensure()
        key = f"{example.index:09d}"
        suffix = image_suffix(example)
        mark = {_MARK: {"synthetic": self._destination.synthetic}}
        record = to_record(example) | {"image": key + suffix} | mark
        files = {suffix: self._destination.image(example), ".json": json_text(record).encode()}
        number = _class(example.label, self._destination)
        if number is not None:
            files[".cls"] = str(number).encode()
        for ending, content in sorted(files.items()):
            member = tarfile.TarInfo(key + ending)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
            self._bytes += len(content)
        self._examples += 1

    def ensure(self) -> tarfile.TarFile:
        """Return the open shard; begin one if there is none."""
        if self._tar is None:
            path = self._destination.folder / "webdataset" / f"shard-{self._count:06d}.tar"
            part = self._stack.enter_context(atomically(path))
            opened = tarfile.open(part, "w", format=tarfile.USTAR_FORMAT)  # noqa: SIM115
            self._tar = self._stack.enter_context(opened)
            self._count, self._examples, self._bytes = self._count + 1, 0, 0
        return self._tar


def _class(label: str, destination: Destination) -> int | None:
    if label in destination.categories:
        return destination.category(label)
    return int(label) if label.isascii() and label.isdigit() and len(label) < 16 else None


def finds(path: Path) -> bool:
    """Return whether `path` is, or holds, tar shards."""
    return bool(_shards(path))


def _shards(path: Path) -> list[Path]:
    if path.is_file():
        return [path] if path.suffix.lower() == ".tar" else []
    return sorted(path.glob("*.tar")) or sorted(path.glob("webdataset/*.tar"))


def read(path: Path) -> Iterator[Example]:
    """Read tar shards: our own with everything, others with .cls (label) and .txt (caption).

    Parameters
    ----------
    path : a shard or a folder of them; an example's file is "shard.tar/key.png", which
        `images_of` knows to open

    Raises
    ------
    FileFormatError
        If a shard is cut off or damaged, or holds links, devices or names that lead out of it.
    """
    shards = _shards(path)
    if not shards:
        raise entries.broken(path, "no tar shards")
    root = path if path.is_dir() else path.parent
    count = 0
    for shard in shards:
        name = entries.beside(root, shard.relative_to(root).as_posix(), shard)
        with _opened(shard) as tar:
            members = groupby(_members(tar, shard), key=lambda found: found[0])
            for key, files in members:
                group = {ending: member for _, ending, member in files}
                example = _example(tar, f"{shard}, {key}", group, count)
                if example is not None:
                    yield replace(example, file=f"{name}/{example.file}")
                    count += 1


@contextmanager
def _opened(shard: Path) -> Iterator[tarfile.TarFile]:
    try:
        with tarfile.open(shard, "r:") as tar:
            yield tar
    except FileFormatError:
        raise
    except (tarfile.TarError, OSError, EOFError, ValueError, OverflowError) as error:
        raise entries.broken(
            shard, f"the shard is cut off or damaged ({entries.said(error)})"
        ) from error


def _members(tar: tarfile.TarFile, shard: Path) -> Iterator[tuple[str, str, tarfile.TarInfo]]:
    """Return key, ending and member of each file; both after checks."""
    length = shard.stat().st_size
    for member in tar:
        where = f"{shard}, {member.name[:60]!r}"
        if member.isdir():
            continue
        if member.type not in (tarfile.REGTYPE, tarfile.AREGTYPE):
            raise entries.broken(where, "a link, device or sparse file has no place in a shard")
        if member.size < 0 or member.offset_data + member.size > length:
            raise entries.broken(where, "the shard is cut off")
        name = entries.inside(member.name, where)
        folder, slash, base = name.rpartition("/")
        key, _, ending = base.partition(".")
        yield folder + slash + key, "." + ending.lower(), member
        tar.members = []  # type: ignore[attr-defined]  # or it would grow with the shard
    _check_end(tar, shard)


def _check_end(tar: tarfile.TarFile, shard: Path) -> None:
    """Raise if the shard does not end as one does: tarfile takes damage after a file as the end."""
    with shard.open("rb") as file:
        file.seek(tar.offset)
        rest = file.read(_BLOCK)
    if len(rest) < _BLOCK or any(rest):
        raise entries.broken(shard, "the shard is cut off or damaged")


def _example(
    tar: tarfile.TarFile, where: str, group: Mapping[str, tarfile.TarInfo], count: int
) -> Example | None:
    """Return the example of files under one key; None if there is no image among them."""
    endings = [ending for ending in sorted(group) if ending in entries.IMAGE_SUFFIXES]
    if not endings:
        return None
    image = group[endings[0]]
    name = entries.inside(image.name, where)
    content: Any = {}
    if ".json" in group:
        content = entries.parse_json(_text(tar, group[".json"], where), where)
    if isinstance(content, Mapping) and _MARK in content:
        return replace(from_record(content, where), file=name)
    width, height = entries.image_size(_file(tar, image, where), where)
    return Example(
        count,
        name,
        width,
        height,
        label=_text(tar, group[".cls"], where).strip() if ".cls" in group else "",
        caption=_text(tar, group[".txt"], where).strip() if ".txt" in group else "",
        parameters=content if isinstance(content, Mapping) else {"json": content},
    )


def _file(tar: tarfile.TarFile, member: tarfile.TarInfo, where: str) -> IO[bytes]:
    file = tar.extractfile(member)
    if file is None:
        raise entries.broken(where, "a link has no place in a shard")
    return file


def _text(tar: tarfile.TarFile, member: tarfile.TarInfo, where: str) -> str:
    if member.size > _LARGEST:
        raise entries.broken(where, "more than 256 MiB of text")
    try:
        return _file(tar, member, where).read().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise entries.broken(where, "the text is not UTF-8") from error


def member_bytes(shard: Path) -> dict[str, tuple[int, int]]:
    """Return where the files of a shard lie: name to offset and number of bytes."""
    found = {}
    with _opened(shard) as tar:
        for _, _, member in _members(tar, shard):
            name = entries.inside(member.name, shard)
            found[name] = member.offset_data, member.size
    return found
