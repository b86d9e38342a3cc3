"""PASCAL VOC: ``voc/Annotations/*.xml`` with boxes whose pixels count from 1, both ends included.

Bodies of which nothing is seen are left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from abbild.core import FileFormatError
from abbild.images.annotation import Annotation, Example
from abbild.images.formats import entries
from abbild.images.formats.coco import tidy
from abbild.images.formats.destination import Add, Destination, numbered, shown, write_file
from abbild.images.formats.folders import with_index

__all__ = ["finds", "read", "writer"]

_TRUNCATED = 0.15  # share outside of the image, as VOC's guidelines have it
_OCCLUDED = 0.05
_LARGEST = 1 << 24  # bytes of a file


@contextmanager
def writer(destination: Destination) -> Iterator[Add]:
    """Write ``voc/``: JPEGImages (in the images' own format), Annotations, ImageSets/Main."""
    root = destination.folder / "voc"
    stems: list[str] = []

    def add(example: Example) -> None:
        name = numbered(example)
        stem = Path(name).stem
        write_file(root / "JPEGImages" / name, destination.image(example))
        write_file(root / "Annotations" / f"{stem}.xml", _document(example, name, destination))
        stems.append(stem)

    yield add
    for subset in ("train", "trainval"):
        write_file(root / "ImageSets" / "Main" / f"{subset}.txt", "".join(f"{s}\n" for s in stems))


def _document(example: Example, name: str, destination: Destination) -> str:
    source = "synthetic, made by abbild" if destination.synthetic else "unknown"
    objects = [_object(one, destination) for one in shown(example)]
    return "\n".join(
        [
            "<annotation>",
            "  <folder>voc</folder>",
            f"  <filename>{escape(name)}</filename>",
            f"  <source><database>{source}</database></source>",
            f"  <size><width>{example.width}</width><height>{example.height}</height>"
            "<depth>3</depth></size>",
            "  <segmented>0</segmented>",
            *objects,
            "</annotation>\n",
        ]
    )


def _object(one: Annotation, destination: Destination) -> str:
    destination.category(one.label)
    x0, y0, x1, y1 = one.box or (0.0, 0.0, 0.0, 0.0)
    corners = zip(("xmin", "ymin", "xmax", "ymax"), (x0 + 1, y0 + 1, x1, y1), strict=True)
    box = "".join(f"<{key}>{tidy(value)}</{key}>" for key, value in corners)
    return (
        f"  <object>\n    <name>{escape(one.label)}</name>\n    <pose>Unspecified</pose>\n"
        f"    <truncated>{int(one.truncated > _TRUNCATED)}</truncated>\n"
        f"    <occluded>{int(one.occluded > _OCCLUDED)}</occluded>\n"
        f"    <difficult>0</difficult>\n    <bndbox>{box}</bndbox>\n  </object>"
    )


def finds(path: Path) -> bool:
    """Return whether there are Annotations of VOC in `path`."""
    return any((_base(path) / "Annotations").glob("*.xml"))


def _base(path: Path) -> Path:
    return path / "voc" if (path / "voc" / "Annotations").is_dir() else path


def read(path: Path) -> Iterator[Example]:
    """Read boxes of VOC; the flags truncated, occluded and difficult become attributes.

    Parameters
    ----------
    path : the folder of Annotations/ and JPEGImages/, or the one above it named ``voc/``

    Raises
    ------
    FileFormatError
        If a file is no XML of VOC, declares entities or names an image that is not there.
    """
    base = _base(path)
    files = sorted((base / "Annotations").glob("*.xml"))
    if not files:
        raise entries.broken(path, "no Annotations/*.xml")
    for index, file in with_index(files):
        tree = _parsed(file)
        name = _find(base, _text(tree, "filename", str(file)), file)
        width, height = (
            round(entries.decimal(_text(tree, f"size/{key}", str(file)), key, str(file)))
            for key in ("width", "height")
        )
        entries.known_size(width, height, str(file))
        found = tuple(
            _annotation(one, number, f"{file}, object {number}")
            for number, one in enumerate(tree.findall("object"), 1)
        )
        relative = (base / name).relative_to(path).as_posix()
        yield Example(index, relative, width, height, annotations=found)


class _Plain(ElementTree.TreeBuilder):
    """Refuses a document type: entities could stand for anything, or for very much."""

    def doctype(self, name: str, pubid: str | None, system: str | None) -> None:
        raise FileFormatError("a document type is declared, which VOC has not")


def _parsed(file: Path) -> ElementTree.Element:
    try:
        if file.stat().st_size > _LARGEST:
            raise FileFormatError("more than 16 MiB")
        parser = ElementTree.XMLParser(target=_Plain())
        parser.feed(file.read_bytes())
        tree: ElementTree.Element = parser.close()
    except (ElementTree.ParseError, OSError, ValueError, LookupError) as error:
        raise entries.broken(file, f"no annotation of VOC ({entries.said(error)})") from error
    if tree.tag != "annotation":
        raise entries.broken(file, f"no annotation of VOC but <{tree.tag}>")
    return tree


def _text(tree: ElementTree.Element, path: str, where: str) -> str:
    found = tree.findtext(path)
    if found is None or not found.strip():
        raise entries.broken(where, f"<{path}> is missing")
    return found.strip()


def _find(base: Path, name: str, file: Path) -> str:
    """Return the image; the name in the file may lack its ending."""
    relative = entries.inside(f"JPEGImages/{name}", file)
    if not (base / relative).is_file():
        for suffix in sorted(entries.IMAGE_SUFFIXES):
            if (base / (relative + suffix)).is_file():
                relative += suffix
                break
    return entries.beside(base, relative, file)


def _annotation(one: ElementTree.Element, number: int, where: str) -> Annotation:
    corners = [
        entries.decimal(_text(one, f"bndbox/{key}", where), key, where)
        for key in ("xmin", "ymin", "xmax", "ymax")
    ]
    x0, y0, x1, y1 = entries.box((corners[0], corners[1], corners[2], corners[3]), where)
    box = x0 - 1, y0 - 1, x1, y1
    flags = {}
    for key in ("truncated", "occluded", "difficult"):
        if (value := one.findtext(key)) is not None:
            flags[key] = value.strip() == "1"
    label = _text(one, "name", where)
    area = round((box[2] - box[0]) * (box[3] - box[1]))
    return Annotation(number, "", label, box, area_px=area, attributes=flags)
