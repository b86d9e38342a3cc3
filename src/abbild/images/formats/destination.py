"""Where a data set is written to, and what every format's writer needs to know for it."""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Protocol
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from abbild.core import FileFormatError, atomically, unknown_name
from abbild.images.annotation import Annotation, Example
from abbild.images.formats.entries import IMAGE_SUFFIXES, inside

__all__ = ["Add", "Destination", "Writer", "image_suffix", "numbered", "shown", "write_file"]

Add = Callable[[Example], None]
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufffe\uffff]")


@dataclass(frozen=True)
class Destination:
    """A folder for data sets.

    Attributes
    ----------
    folder : the data set's folder, which relative image names start from
    categories : names of the objects' categories in the order of their numbers, without repeats
    read_image : returns the bytes of an example's image file as they are to be stored
    read_depth : returns an example's z, (height, width) metres along the optical axis, inf for
        none; None where depth is not known
    synthetic : whether formats with room for it say that the data is synthetic

    Raises
    ------
    FileFormatError
        If a category is empty, twice there or holds control characters.
    """

    folder: Path
    categories: tuple[str, ...]
    read_image: Callable[[Example], bytes]
    synthetic: bool = True
    read_depth: Callable[[Example], NDArray[np.float32] | None] | None = None

    def __post_init__(self) -> None:
        for name in self.categories:
            if not name.strip() or _CONTROL.search(name):
                raise FileFormatError(f"{name!r} cannot name a category")
        if len(self._numbers) < len(self.categories):
            raise FileFormatError(f"a category is named twice: {', '.join(self.categories)}")

    @cached_property
    def _numbers(self) -> Mapping[str, int]:
        return {name: number for number, name in enumerate(self.categories)}

    def category(self, label: str) -> int:
        """Return the place of a label among the categories, from 0."""
        if label not in self._numbers:
            raise unknown_name("category", label, self.categories)
        return self._numbers[label]

    def image(self, example: Example) -> bytes:
        """Return the bytes of the image file."""
        try:
            return self.read_image(example)
        except OSError as error:
            raise FileFormatError(f"cannot read the image {example.file}: {error}") from error

    def depth(self, example: Example) -> NDArray[np.float32] | None:
        """Return z of the image's pixels, (height, width) metres; None if it is not known."""
        if self.read_depth is None:
            return None
        try:
            z = self.read_depth(example)
        except (OSError, ValueError, BadZipFile, zlib.error) as error:
            raise FileFormatError(f"cannot read the depth of {example.file}: {error}") from error
        if z is not None and z.shape != (example.height, example.width):
            raise FileFormatError(f"the depth of {example.file} is of another size")
        return z

    def image_name(self, example: Example) -> str:
        """Return the image's path below `folder`; copy it to images/ if it is not there."""
        try:
            name = inside(example.file, "an example")
        except FileFormatError:
            name = ""
        if name and (self.folder / name).is_file():
            return name
        name = f"images/{numbered(example)}"
        write_file(self.folder / name, self.image(example))
        return name


class Writer(Protocol):
    """Opens one format for writing.

    A context in which each example is given to the function it yields, one after the other;
    what belongs to the whole set is written when the context closes without an error.
    """

    def __call__(self, destination: Destination) -> AbstractContextManager[Add]:
        """Open the format."""
        ...


def image_suffix(example: Example) -> str:
    """Return the ending of the image's file name, ".png" if it has none that we know."""
    suffix = Path(example.file).suffix.lower()
    return suffix if suffix in IMAGE_SUFFIXES else ".png"


def numbered(example: Example) -> str:
    """Return the name of an image file by its index, such as "000007.png"."""
    return f"{example.index:06d}{image_suffix(example)}"


def shown(example: Example) -> list[Annotation]:
    """Return the annotations with a box: what formats of visible boxes can hold."""
    return [one for one in example.annotations if one.box is not None]


def write_file(path: Path, content: bytes | str) -> None:
    """Write a file whole or not at all; text as UTF-8 with newlines as they are."""
    data = content.encode("utf-8") if isinstance(content, str) else content
    with atomically(path) as part:
        part.write_bytes(data)
