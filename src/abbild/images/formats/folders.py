"""Class folders: ``folders/<label>/<index>.png``, as ImageFolder and its like read them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote

from abbild.core import FileFormatError
from abbild.images.annotation import Example
from abbild.images.formats import entries
from abbild.images.formats.destination import Add, Destination, numbered, write_file

__all__ = ["finds", "folder_name", "label_of", "read", "with_index", "writer"]

_FORBIDDEN = re.compile(r'[\x00-\x1f<>:"/\\|?*%\x7f-\x9f\u2028\u2029]')  # by Windows, and "%"
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)
_DIGITS = 5
_LIKE_PADDED = re.compile(r"0\d{4}", re.ASCII)


@contextmanager
def writer(destination: Destination) -> Iterator[Add]:
    """Write images into a folder for the label of the whole image.

    Labels that are whole numbers get five digits, so that folders sort as numbers; signs that no
    file system takes are written as ``%`` and their code.
    """

    def add(example: Example) -> None:
        if not example.label:
            raise FileFormatError(
                f"class folders cannot hold image {example.index}: it has no label",
                hint="choose a format for objects, such as coco or yolo",
            )
        folder = destination.folder / "folders" / folder_name(example.label)
        write_file(folder / numbered(example), destination.image(example))

    yield add


def folder_name(label: str) -> str:
    """Return the name of a label's folder; different labels have different ones.

    Examples
    --------
    >>> folder_name("7"), folder_name("food/cup"), label_of("00007"), label_of("food%2Fcup")
    ('00007', 'food%2Fcup', '7', 'food/cup')
    """
    if label.isascii() and label.isdigit() and str(int(label[:18])) == label:
        return label.zfill(_DIGITS)
    name = _FORBIDDEN.sub(lambda found: _escaped(found[0]), label)
    if _LIKE_PADDED.fullmatch(name) or _RESERVED.fullmatch(name) or name[0] == ".":
        name = _escaped(name[0]) + name[1:]
    if name[-1] in ". ":
        name = name[:-1] + _escaped(name[-1])
    return name


def _escaped(letter: str) -> str:
    return "".join(f"%{code:02X}" for code in letter.encode("utf-8"))


def label_of(folder: str) -> str:
    """Return the label of a folder's name."""
    return str(int(folder)) if _LIKE_PADDED.fullmatch(folder) else unquote(folder)


def finds(path: Path) -> bool:
    """Return whether there are folders with images below `path`."""
    return any(is_image(file) for folder in _subfolders(_base(path)) for file in _sorted(folder))


def read(path: Path) -> Iterator[Example]:
    """Read class folders: the label of an image is the name of its folder.

    Parameters
    ----------
    path : the folder of the class folders, or a folder with ``folders/`` in it

    Raises
    ------
    FileFormatError
        If there is no image, an image is damaged or a link leads out of the folder.
    """
    base = _base(path)
    files = [file for folder in _subfolders(base) for file in _sorted(folder) if is_image(file)]
    if not files:
        raise entries.broken(path, "no folder with images", hint="one folder for each class")
    for index, file in with_index(files):
        name = entries.beside(path, file.relative_to(path).as_posix(), file)
        width, height = entries.image_size(file, file)
        yield Example(index, name, width, height, label=label_of(file.parent.name))


def with_index(files: Iterable[Path]) -> list[tuple[int, Path]]:
    """Return files with their numbers in ascending order.

    The number is the file's name where all are different whole numbers, else its place.
    """
    files = list(files)
    stems = [file.stem for file in files]
    if all(stem.isascii() and stem.isdigit() and len(stem) < 16 for stem in stems):
        numbers = [int(stem) for stem in stems]
        if len(set(numbers)) == len(files):
            return sorted(zip(numbers, files, strict=True))
    return list(enumerate(files))


def is_image(file: Path) -> bool:
    """Return whether a file's name ends like an image's and does not begin with a dot."""
    return file.suffix.lower() in entries.IMAGE_SUFFIXES and not file.name.startswith(".")


def _base(path: Path) -> Path:
    inner = path / "folders"
    return inner if inner.is_dir() else path


def _subfolders(base: Path) -> list[Path]:
    return [one for one in _sorted(base) if one.is_dir() and not one.name.startswith(".")]


def _sorted(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else []
