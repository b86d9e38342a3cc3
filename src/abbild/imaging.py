"""The straight line from a scene to labelled images: draw, render, write, look."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import platform
import shutil
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa

from abbild import __version__
from abbild.core import (
    AbbildError,
    Batch,
    InconclusiveError,
    Seed,
    WorkerLostError,
    atomically,
    names,
    progress,
    read_parquet,
    resolve,
    track,
    unknown_name,
    write_parquet,
)
from abbild.execute import executor
from abbild.images.annotation import Example
from abbild.images.asset_files import licence_of
from abbild.images.contact_sheet import contact_sheet, sample_pictures
from abbild.images.formats import FORMATS, SCHEMA, failures, from_table, write_examples
from abbild.images.pictures import read_picture
from abbild.images.plans import planned_values
from abbild.images.png import write_png
from abbild.images.recipes import load_recipe
from abbild.images.sampler import BLOCK, LAYERS, SceneSampler
from abbild.images.scene.document import parse_value, to_document
from abbild.images.scene.nodes import Scene
from abbild.images.scene.paths import change
from abbild.images.survey import survey
from abbild.options import check_whole
from abbild.report.pictures import write_pictures_report
from abbild.runs import RunFolder, stamp

__all__ = ["Rendered", "preview", "render"]

_log = logging.getLogger(__name__)

_PACKAGES = ("numpy", "numba", "pillow", "trimesh", "embreex", "mujoco-core", "mitsuba", "pyoidn")
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")
SHOWN = 24  # pictures on the report
RECYCLE = 40  # blocks a worker takes before it is replaced, so that no leak can grow
LOST = 2  # how often lost workers are replaced before the run gives up; what exists stays


@dataclass(frozen=True, eq=False)
class Rendered:
    """A data set of labelled images.

    Attributes
    ----------
    folder : the run folder
    labels : ``labels.parquet`` as a table, one row for each image
    report : the content of ``report.json``
    """

    folder: Path
    labels: pa.Table
    report: dict[str, Any]

    def examples(self) -> Iterator[Example]:
        """Yield every image that was made, with its labels."""
        return from_table(self.labels)


def render(
    recipe: str | Path | Scene,
    n: int,
    out: Path | str,
    *,
    renderer: str = "quality",
    format: str | Sequence[str] = (),
    size: str | tuple[int, int] | None = None,
    set: Mapping[str, Any] | Sequence[str] = (),
    layers: str | Sequence[str] = (),
    workers: int = 1,
    seed: int = 0,
    force: bool = False,
) -> Rendered:
    """Make `n` labelled images of a scene.

    Parameters
    ----------
    recipe : name from ``abbild list``, a YAML or JSON file, or a `Scene`
    n : scenes to draw; each gives one image for each of its cameras
    out : run folder; a killed run of the same recipe is continued there
    renderer : "quality" (path traced) or "fast" (direct light), or a plugin's name
    format : names of data set formats to write besides ``labels.parquet``
    size : width and height in pixels, (640, 480) or "640x480"; as the recipe says unless given
    set : path in the scene to a value or distribution; or ``["path=value"]`` as on the command line
    layers : exact layers to keep as ``layers/<image>.npz``: instance, z, distance, normal ...
    workers : processes; the bytes do not depend on them

    Raises
    ------
    SceneError
        If the scene cannot be built at all.
    InconclusiveError
        If not one image could be made under the scene's conditions.
    """
    check_whole("n", n, least=1)
    check_whole("seed", seed, least=0)
    check_whole("workers", workers, least=1)
    name, scene = _scene(recipe, size, set)
    formats = _names("format", format, tuple(FORMATS))
    kept = _names("layer", layers, LAYERS)
    engine = _renderer(renderer)
    about = {
        "command": "render",
        "recipe": name,
        "scene": to_document(scene),
        "files": _hashes(scene),
        "renderer": {"name": renderer, **_described(engine)},
        "formats": formats,
        "layers": kept,
        "n": n,
        "seed": seed,
        "versions": _versions(),
    }
    sampler = SceneSampler(scene, engine, kept)
    with RunFolder.open(Path(out), about, force=force) as folder:
        start = time.perf_counter()
        if not folder.has("labels.parquet"):
            if not any((folder / "blocks").glob("*.parquet")):
                sampler.try_first(seed=Seed(seed))
            _make(folder, sampler, n, Seed(seed), workers)
            _join(folder, n)
        labels = read_parquet(folder / "labels.parquet")
        _write_formats(folder, labels, formats, scene)
        seconds = round(time.perf_counter() - start, 2)
        content = _report(folder, labels, scene, about, seconds)
        shutil.rmtree(folder / "blocks", ignore_errors=True)
    if not labels.num_rows or not any(s == "ok" for s in labels["status"].to_pylist()):
        reason = labels["reason"][0].as_py()
        raise InconclusiveError(
            f"not one of {n} images could be made: {reason}",
            hint=f"{folder / 'labels.parquet'} has the reason of each",
        )
    return Rendered(folder.path, labels, content)


def preview(
    recipe: str | Path | Scene,
    out: Path | str,
    *,
    n: int = 12,
    renderer: str = "fast",
    size: str | tuple[int, int] | None = None,
    set: Mapping[str, Any] | Sequence[str] = (),
    seed: int = 0,
) -> Path:
    """Write a contact sheet of `n` images with their labels drawn, a PNG file.

    Raises
    ------
    InconclusiveError
        If not one image could be made.
    """
    check_whole("n", n, least=1)
    check_whole("seed", seed, least=0)
    if Path(out).suffix.lower() != ".png":
        raise AbbildError(f"a preview is a PNG file, not {str(out)!r}", hint="end it in .png")
    name, scene = _scene(recipe, size, set)
    sampler = SceneSampler(scene, _renderer(renderer))
    sampler.try_first(seed=Seed(seed))
    pictures: list[Any] = []
    reasons: list[str] = []
    for index in track(range(n), "preview", n):
        taken = sampler.take(index, seed=Seed(seed))
        pictures += [(picture.pixels, picture.example) for picture in taken.pictures]
        reasons += [taken.reason] if taken.reason else []
    if not pictures:
        raise InconclusiveError(f"not one of {n} images could be made: {reasons[0]}")
    write_png(contact_sheet(pictures, title=f"{name}, seed {seed}"), Path(out))
    return Path(out)


def _scene(recipe: Any, size: Any, settings: Any) -> tuple[str, Scene]:
    name, scene = load_recipe(recipe)
    if size is not None:
        width, height = _size(size)
        scene = change(scene, "/cameras/*/width", width)
        scene = change(scene, "/cameras/*/height", height)
    for path, value in _settings(settings):
        scene = change(scene, path, value)
    return name, scene


def _size(size: Any) -> tuple[int, int]:
    parts = str(size).lower().split("x") if isinstance(size, str) else list(size)
    try:
        width, height = (int(part) for part in parts)
    except (TypeError, ValueError) as error:
        raise AbbildError(f"size {size!r} cannot be read", hint="write it as 640x480") from error
    if not (1 <= width <= 16384 and 1 <= height <= 16384):
        raise AbbildError(f"size {size!r} is out of range", hint="from 1 to 16384 pixels a side")
    return width, height


def _settings(settings: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(settings, Mapping):
        yield from settings.items()
        return
    for text in settings:
        path, equals, value = text.partition("=")
        while equals and path.count("[") > path.count("]"):  # an "=" within [label=cup]
            more, equals, value = value.partition("=")
            path = f"{path}={more}"
        if not equals or not path:
            raise AbbildError(f"--set {text!r} cannot be read", hint="write it as path=value")
        yield path.strip(), parse_value(value)


def _names(what: str, given: str | Sequence[str], known: Sequence[str]) -> tuple[str, ...]:
    parts = given.split(",") if isinstance(given, str) else given
    found = tuple(dict.fromkeys(part.strip() for part in parts if part.strip()))
    for name in found:
        if name not in known:
            raise unknown_name(what, name, known)
    return found


def _renderer(name: str) -> Any:
    if name not in (known := names("renderers")):
        raise unknown_name("renderer", name, known)
    return resolve("renderers", name)()


def _described(engine: Any) -> dict[str, str]:
    """Return how a renderer works on this machine; what the bytes depend on."""
    return {"variant": str(engine.variant)} if hasattr(engine, "variant") else {}


def _hashes(scene: Scene) -> dict[str, str]:
    """Return a hash of every file the scene names; a changed mesh or photograph is another run."""
    found: dict[str, str] = {}
    for path in sorted(_paths_in(to_document(scene))):
        place = Path(path)
        files = sorted(f for f in place.iterdir() if f.is_file()) if place.is_dir() else [place]
        for file in files:
            if file.is_file():
                with file.open("rb") as content:
                    found[str(file)] = hashlib.file_digest(content, "sha256").hexdigest()
    return found


def _paths_in(document: Any) -> Iterator[str]:
    """Yield every value that stands under the name "path" in a scene's document."""
    if isinstance(document, Mapping):
        for key, value in document.items():
            if key == "path" and isinstance(value, str):
                yield value
            else:
                yield from _paths_in(value)
    elif isinstance(document, list):
        for item in document:
            yield from _paths_in(item)


def _make(folder: RunFolder, sampler: SceneSampler, n: int, seed: Seed, workers: int) -> None:
    """Render every block that is not there yet; a block exists once all its files do."""
    blocks = [range(k, min(k + BLOCK, n)) for k in range(0, n, BLOCK)]
    with _one_thread_each(workers):
        todo = [rows for rows in blocks if not folder.has(_block(rows))]
        done, lost, start = len(blocks) - len(todo), 0, time.monotonic()
        _log.info("%d of %d blocks exist already", done, len(blocks))
        while todo:
            part = todo[: RECYCLE * workers]
            try:
                with executor(workers) as pool:
                    shared = {"sampler": sampler, "seed": seed}
                    batches = pool.map(_sample, part, shared=shared)
                    for rows, batch in zip(part, batches, strict=True):
                        _keep(folder, rows, batch)
                        done += 1
                        progress("render", min(done * BLOCK, n), n, time.monotonic() - start)
            except WorkerLostError:
                lost += 1
                if lost > LOST:
                    raise
                _log.warning("a worker was lost; going on with new ones")
            todo = [rows for rows in todo if not folder.has(_block(rows))]


@contextmanager
def _one_thread_each(workers: int) -> Iterator[None]:
    """Keep the libraries of several workers to one thread each; spawned processes inherit it."""
    added = [name for name in _THREADS if workers > 1 and name not in os.environ]
    for name in added:
        os.environ[name] = "1"
    try:
        yield
    finally:
        for name in added:
            os.environ.pop(name, None)


def _sample(rows: range, *, sampler: SceneSampler, seed: Seed) -> Batch:
    return sampler.sample(rows, seed=seed)


def _block(rows: range) -> str:
    return f"blocks/{rows.start:08d}.parquet"


def _keep(folder: RunFolder, rows: range, batch: Batch) -> None:
    """Write the files of a block, and last the block itself, which says that they are whole."""
    table = batch.table
    for row in table.select(["image", "bytes", "layers"]).to_pylist():
        if row["bytes"] is not None:
            _write(folder / row["image"], row["bytes"])
        if row["layers"] is not None:
            _write(folder / "layers" / f"{Path(row['image']).stem}.npz", row["layers"])
    write_parquet([table.drop_columns(["bytes", "layers"])], folder / _block(rows))


def _write(path: Path, content: bytes) -> None:
    with atomically(path) as part:
        part.write_bytes(content)


def _join(folder: RunFolder, n: int) -> None:
    def tables() -> Iterator[pa.Table]:
        for k in range(0, n, BLOCK):
            yield read_parquet(folder / _block(range(k, k + BLOCK))).select(SCHEMA.names)

    write_parquet(tables(), folder / "labels.parquet")


def _checks(folder: RunFolder) -> dict[str, float]:
    """Return the worst error of each self-check over all images."""
    worst: dict[str, float] = {}
    for file in sorted((folder / "blocks").glob("*.parquet")):
        for pairs in read_parquet(file)["checks"].to_pylist():
            for name, error in pairs:
                worst[name] = max(worst.get(name, 0.0), error)
    return worst


def _write_formats(
    folder: RunFolder, labels: pa.Table, formats: tuple[str, ...], scene: Scene
) -> None:
    if not formats or folder.has("report.html"):  # the report is written after the formats
        return
    write_examples(
        from_table(labels),
        folder.path,
        formats,
        categories=_categories(labels, scene),
        read_image=lambda example: (folder / example.file).read_bytes(),
    )


def _categories(labels: pa.Table, scene: Scene) -> list[str]:
    """Return the categories of the objects: as the scene lists them, then as they come."""
    found: dict[str, None] = dict.fromkeys(scene.categories)
    for example in from_table(labels):
        found.update(dict.fromkeys(sorted({a.label for a in example.annotations})))
    return list(found)


def _report(
    folder: RunFolder, labels: pa.Table, scene: Scene, about: Mapping[str, Any], seconds: float
) -> dict[str, Any]:
    if not all(folder.has(name) for name in ("report.json", "card.json", "report.html")):

        def read(example: Example) -> Any:
            return read_picture(folder / example.file)

        found = survey(
            from_table(labels),
            _rejects(folder, labels),
            read,
            planned={"images": about["n"] * len(scene.cameras), **planned_values(scene)},
            checks=_checks(folder),
        )
        shown = islice(((read(example), example) for example in from_table(labels)), SHOWN)
        made = {key: about[key] for key in ("recipe", "n", "seed")} | about["renderer"]
        content = {
            "title": about["recipe"],
            "made": made,
            "samples": sample_pictures(shown),
            "survey": found,
        }
        write_pictures_report(content, _card(about, scene, seconds), folder.path)
    loaded: dict[str, Any] = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    return loaded


def _rejects(folder: RunFolder, labels: pa.Table) -> list[tuple[int, str]]:
    """Return every attempt that gave no image, with its reason."""
    found: list[tuple[int, str]] = []
    for file in sorted((folder / "blocks").glob("*.parquet")):
        for row in read_parquet(file).select(["index", "rejects"]).to_pylist():
            found += [(row["index"], reason) for reason in row["rejects"]]
    rejected = {index for index, _ in found}
    return found + [(f.index, f.reason) for f in failures(labels) if f.index not in rejected]


def _card(about: Mapping[str, Any], scene: Scene, seconds: float) -> dict[str, Any]:
    return {
        "synthetic": True,
        "made_with": f"Abbild {__version__}",
        "made_at": stamp(),
        "machine": platform.platform(terse=True),
        "seconds": seconds,
        "licences": _licences(scene, about["files"]),
        "recipe": dict(about),
    }


def _licences(scene: Scene, files: Iterable[str]) -> dict[str, str]:
    found = {"recipe": scene.licence} if scene.licence else {}
    return found | {file: licence_of(file) or "not stated" for file in files}


def _versions() -> dict[str, str]:
    """Versions the bytes of a run depend on."""
    found = {"abbild": __version__, "python": platform.python_version()}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
