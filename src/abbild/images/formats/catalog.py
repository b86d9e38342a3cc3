"""All formats by name: write several in one pass, tell what a folder holds, read it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from abbild.core import FileFormatError, unknown_name
from abbild.images.annotation import Example
from abbild.images.formats import (
    bop,
    coco,
    entries,
    folders,
    kitti,
    panoptic,
    parquet,
    voc,
    webdataset,
    yolo,
)
from abbild.images.formats.destination import Destination, Writer

__all__ = ["FORMATS", "Format", "Images", "detect_format", "read_examples", "write_examples"]

_LARGEST = 256 << 20  # bytes of an image file in a shard


@dataclass(frozen=True, slots=True)
class Format:
    """One way to store a data set.

    Attributes
    ----------
    summary : what is written, in a few words
    writer : opens the format for writing
    read : returns the examples of a path
    finds : whether a path looks like this format
    """

    summary: str
    writer: Writer
    read: Callable[[Path], Iterator[Example]]
    finds: Callable[[Path], bool]


def _yolo(kind: str, summary: str, writer: Writer) -> Format:
    return Format(summary, writer, yolo.read, partial(yolo.finds, kind=kind))


# in the order in which they are looked for: what holds most first
FORMATS: Mapping[str, Format] = MappingProxyType(
    {
        "parquet": Format(
            "images.parquet with labels and image files",
            parquet.writer,
            parquet.read,
            parquet.finds,
        ),
        "coco": Format("coco.json", coco.writer, coco.read, coco.finds),
        "coco-panoptic": Format(
            "coco_panoptic.json and panoptic/", panoptic.writer, panoptic.read, panoptic.finds
        ),
        "yolo": _yolo("yolo", "yolo/ with boxes", yolo.detection),
        "yolo-seg": _yolo("yolo-seg", "yolo-seg/ with polygons", yolo.segmentation),
        "yolo-pose": _yolo("yolo-pose", "yolo-pose/ with keypoints", yolo.pose),
        "bop": Format("bop/ with poses in space", bop.writer, bop.read, bop.finds),
        "kitti": Format("kitti/ with boxes in space", kitti.writer, kitti.read, kitti.finds),
        "voc": Format("voc/ with boxes in XML", voc.writer, voc.read, voc.finds),
        "webdataset": Format(
            "webdataset/ with tar shards", webdataset.writer, webdataset.read, webdataset.finds
        ),
        "folders": Format("folders/<label>/", folders.writer, folders.read, folders.finds),
    }
)


def write_examples(
    examples: Iterable[Example],
    folder: Path,
    formats: Sequence[str],
    *,
    categories: Sequence[str],
    read_image: Callable[[Example], bytes],
    synthetic: bool = True,
    read_depth: Callable[[Example], NDArray[np.float32] | None] | None = None,
) -> int:
    """Write examples in one or several formats in one pass and return their number.

    Parameters
    ----------
    examples : consumed once, in any order; memory does not grow with their number
    folder : the data set's folder, into which each format puts its own files
    formats : names out of `FORMATS`
    categories : of the objects, in the order of their numbers
    read_image : returns the bytes of an example's image file; formats that copy store them as
        they are
    synthetic : whether formats with room for it say that the data is synthetic
    read_depth : returns an example's z, (height, width) float32 metres along the optical axis, inf
        for none, for formats with depth (BOP); None where it is not known

    Raises
    ------
    UnknownNameError
        If a format is unknown, or an object's label is none of `categories`.
    FileFormatError
        If a format cannot hold an example, such as class folders one without a label.
    OutputError
        If the folder cannot be written to.

    Notes
    -----
    Each file appears under its name when it is whole. Same examples, same bytes.
    """
    writers = [_format(name).writer for name in dict.fromkeys(formats)]
    last = _Last(read_image)
    destination = Destination(folder, tuple(categories), last, synthetic, read_depth)
    count = 0
    with ExitStack() as stack:
        sinks = [stack.enter_context(writer(destination)) for writer in writers]
        for example in examples:
            for add in sinks:
                add(example)
            count += 1
    return count


class _Last:
    """Keeps the image read last, for the other formats of the same pass."""

    def __init__(self, read_image: Callable[[Example], bytes]) -> None:
        self._read = read_image
        self._kept: tuple[Example, bytes] | None = None

    def __call__(self, example: Example) -> bytes:
        if self._kept is None or self._kept[0] is not example:
            self._kept = example, self._read(example)
        return self._kept[1]


def _format(name: str) -> Format:
    if name not in FORMATS:
        raise unknown_name("format", name, FORMATS)
    return FORMATS[name]


def detect_format(path: str | Path) -> str:
    """Return the name of the format of a file or folder, by what is there.

    Raises
    ------
    FileFormatError
        If there is nothing, or nothing that we know.
    """
    path = Path(path)
    if not path.exists():
        raise entries.broken(path, "there is no such file or folder")
    for name, format in FORMATS.items():
        if format.finds(path):
            return name
    raise entries.broken(
        path,
        "no data set in a format that we know",
        hint=f"name the folder itself; known: {', '.join(sorted(FORMATS))}",
    )


def read_examples(path: str | Path, format: str | None = None) -> Iterator[Example]:
    """Return the examples of a data set; images are not decoded.

    Parameters
    ----------
    path : file or folder
    format : its name out of `FORMATS`; None to see by what is there

    Raises
    ------
    UnknownNameError
        If there is no such format.
    FileFormatError
        If the data is not what the format says; names the file and the line or entry.
    """
    known = _format(detect_format(path) if format is None else format)
    if not Path(path).exists():
        raise entries.broken(path, "there is no such file or folder")
    return known.read(Path(path))


class Images:
    """Reads the image files of examples, also out of tar shards and Parquet files.

    Parameters
    ----------
    path : what the examples were read from
    """

    def __init__(self, path: str | Path) -> None:
        self._root = Path(path) if Path(path).is_dir() else Path(path).parent
        self._shard: tuple[Path, dict[str, tuple[int, int]]] | None = None
        self._group: tuple[Path, range, pa.ChunkedArray] | None = None

    def __call__(self, example: Example) -> bytes:
        """Return the bytes of the example's image file.

        Raises
        ------
        FileFormatError
            If it is not there.
        """
        try:
            box, name = self._container(example.file)
            if box is None:
                return (self._root / name).read_bytes()
            return self._packed(box, name) if box.suffix == ".tar" else self._cell(box, name)
        except OSError as error:
            raise entries.broken(example.file, f"the image cannot be read ({error})") from error

    def _container(self, file: str) -> tuple[Path | None, str]:
        parts = file.split("/")
        for place in range(1, len(parts)):
            if parts[place - 1].lower().endswith((".tar", ".parquet")):
                box = self._root.joinpath(*parts[:place])
                if box.is_file():
                    return box, "/".join(parts[place:])
        return None, file

    def _packed(self, shard: Path, name: str) -> bytes:
        if self._shard is None or self._shard[0] != shard:
            self._shard = shard, webdataset.member_bytes(shard)
        if name not in self._shard[1]:
            raise entries.broken(shard, f"there is no {name}")
        start, size = self._shard[1][name]
        if size > _LARGEST:
            raise entries.broken(shard, f"{name} has more than 256 MiB")
        with shard.open("rb") as file:
            file.seek(start)
            return file.read(size)

    def _cell(self, path: Path, name: str) -> bytes:
        place = int(Path(name).stem)
        if self._group is None or self._group[0] != path or place not in self._group[1]:
            self._group = path, *_row_group(path, place)
        _, rows, column = self._group
        return parquet.image_of(column[place - rows.start].as_py(), f"{path}, row {place + 1}")


def _row_group(path: Path, place: int) -> tuple[range, pa.ChunkedArray]:
    """Return the row group of a row: its rows and the images in it."""
    try:
        with pq.ParquetFile(path) as file:
            column = parquet.image_column(file.schema_arrow)
            start = 0
            for number in range(file.num_row_groups if column else 0):
                end = start + file.metadata.row_group(number).num_rows
                if place < end:
                    return range(start, end), file.read_row_group(number, [column])[column]
                start = end
    except pa.ArrowInvalid as error:
        raise entries.broken(path, "no whole Parquet file") from error
    raise FileFormatError(f"{path}: there is no row {place + 1} with an image")
