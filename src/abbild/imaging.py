"""The straight line from a scene to labelled images: draw, render, write, look."""

from __future__ import annotations

import json
import logging
import os
import platform
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from abbild import __version__
from abbild.core import (
    AbbildError,
    Batch,
    FileFormatError,
    InconclusiveError,
    Seed,
    WorkerLostError,
    names,
    progress,
    read_parquet,
    resolve,
    track,
    unknown_name,
)
from abbild.execute import executor
from abbild.images.annotation import Example
from abbild.images.blocks import (
    block_file,
    blocks,
    join_blocks,
    keep_block,
    layers_file,
    rejects_of,
    worst_checks,
)
from abbild.images.contact_sheet import contact_sheet, sample_pictures
from abbild.images.formats import FORMATS, examples_of, labels_of, status_of, write_examples
from abbild.images.origin import file_hashes, licences, versions
from abbild.images.pictures import read_picture
from abbild.images.plans import planned_values
from abbild.images.png import write_png
from abbild.images.recipes.settings import scene_of
from abbild.images.sampler import BLOCK, LAYERS, SceneSampler
from abbild.images.scene.document import to_document
from abbild.images.scene.nodes import Scene
from abbild.images.survey import survey
from abbild.options import check_whole
from abbild.report.pictures import write_pictures_report
from abbild.runs import RunFolder, stamp

__all__ = ["Rendered", "Sheet", "preview", "render"]

_log = logging.getLogger(__name__)

_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")
SHOWN = 24  # pictures on the report
MOST_SHOWN = 1000  # scenes on a sheet
RECYCLE = 40  # blocks a worker takes before it is replaced, so that no leak can grow
PER_PROCESSOR = 4  # workers at most
LOST = 2  # how often lost workers are replaced before the run gives up; what exists stays


@dataclass(frozen=True, eq=False)
class Rendered:
    """A data set of labelled images.

    Attributes
    ----------
    folder : the run folder
    report : the content of ``report.json``
    images, failed : rows of ``labels.parquet`` with a picture and without
    """

    folder: Path
    report: dict[str, Any]
    images: int
    failed: int

    @cached_property
    def labels(self) -> pa.Table:
        """``labels.parquet`` as a table, a row for each image; read whole when first asked for."""
        return read_parquet(self.folder / "labels.parquet")

    def examples(self) -> Iterator[Example]:
        """Yield every image that was made, with its labels; memory does not grow with them."""
        return examples_of(self.folder / "labels.parquet")


@dataclass(frozen=True)
class Sheet:
    """A contact sheet.

    Attributes
    ----------
    file : the PNG file
    images : pictures on it
    failed : scenes of which no picture could be made
    reason : why the first of them could not, or ""
    """

    file: Path
    images: int
    failed: int
    reason: str


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
    name, scene = scene_of(recipe, size, set)
    formats = _names("format", format, tuple(FORMATS))
    kept = _names("layer", layers, LAYERS)
    if "bop" in formats and "z" not in kept:  # its depth images are made of it
        kept = (*kept, "z")
    engine = _renderer(renderer)
    about = {
        "command": "render",
        "recipe": name,
        "scene": to_document(scene),
        "files": file_hashes(scene),
        "renderer": {"name": renderer, **_described(engine)},
        "formats": formats,
        "layers": kept,
        "n": n,
        "seed": seed,
        "versions": {"abbild": __version__, **versions()},
    }
    sampler, key, place = SceneSampler(scene, engine, kept), Seed(seed), Path(out)
    _check_formats(scene, formats)
    if force or not _begun(place):  # a mistake is said before anything is made or replaced
        sampler.try_first(seed=key)
    with RunFolder.open(place, about, force=force) as folder:
        start = time.perf_counter()
        if not folder.has("labels.parquet"):
            _make(folder.path, sampler, n, key, workers)
            join_blocks(folder.path, n)
        _write_formats(folder, formats, scene)
        card = {"command": _command(recipe, n, size, set, about)} | _card(
            about, scene, time.perf_counter() - start
        )
        content = _report(folder, scene, about, card)
        shutil.rmtree(folder / "blocks", ignore_errors=True)
        made, failed, reason = status_of(folder / "labels.parquet")
    if not made:
        raise InconclusiveError(
            f"not one of {n} images could be made: {reason}",
            hint=f"{place / 'labels.parquet'} has the reason of each",
        )
    return Rendered(place, content, made, failed)


def preview(
    recipe: str | Path | Scene,
    out: Path | str,
    *,
    n: int = 12,
    renderer: str = "fast",
    size: str | tuple[int, int] | None = None,
    set: Mapping[str, Any] | Sequence[str] = (),
    seed: int = 0,
) -> Sheet:
    """Write a contact sheet of `n` scenes with their labels drawn, a PNG file.

    What could not be made is counted and said below the pictures.

    Raises
    ------
    InconclusiveError
        If not one image could be made.
    """
    check_whole("n", n, least=1)
    check_whole("seed", seed, least=0)
    if n > MOST_SHOWN:
        raise AbbildError(
            f"{n:,} scenes have no room on a sheet",
            hint=f"at most {MOST_SHOWN:,}; `abbild render` makes any number",
        )
    if Path(out).suffix.lower() != ".png":
        raise AbbildError(f"a preview is a PNG file, not {str(out)!r}", hint="end it in .png")
    name, scene = scene_of(recipe, size, set)
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
    lost = f"{len(reasons)} of {n} scenes could not be made: {reasons[0]}" if reasons else ""
    sheet = contact_sheet(pictures, title=f"{name}, seed {seed}", footer=lost)
    write_png(sheet, Path(out))
    return Sheet(Path(out), len(pictures), len(reasons), (*reasons, "")[0])


def _names(what: str, given: str | Sequence[str], known: Sequence[str]) -> tuple[str, ...]:
    parts = given.split(",") if isinstance(given, str) else given
    found = tuple(dict.fromkeys(name for part in parts if (name := str(part).strip())))
    for name in found:
        if name not in known:
            raise unknown_name(what, name, known)
    return found


def _renderer(name: str) -> Any:
    if name not in (known := names("renderers")):
        raise unknown_name("renderer", str(name), known)
    return resolve("renderers", name)()


def _described(engine: Any) -> dict[str, str]:
    """Return how a renderer works on this machine; what the bytes depend on."""
    return {"variant": str(engine.variant)} if hasattr(engine, "variant") else {}


def _begun(folder: Path) -> bool:
    """Return whether a run has made something here that it would go on with."""
    try:
        return (folder / "labels.parquet").exists() or any((folder / "blocks").glob("*.parquet"))
    except (OSError, ValueError):  # a name no folder can have; whoever makes it will say so
        return False


def _check_formats(scene: Scene, formats: Sequence[str]) -> None:
    """Refuse at once what would only be found out when all pictures are made."""
    if "folders" in formats and scene.label == "":
        raise FileFormatError(
            "class folders need a label of the whole image, and the scene has none",
            hint="set /label, or choose a format of objects, such as coco",
        )


def _make(folder: Path, sampler: SceneSampler, n: int, seed: Seed, workers: int) -> None:
    """Render every block that is not there yet; a block exists once all its files do."""
    workers = _bounded(workers, -(-n // BLOCK))
    done = sum(1 for _ in (folder / "blocks").glob("*.parquet"))
    _log.info("%d of %d blocks exist already", done, -(-n // BLOCK))
    lost, start, todo = 0, time.monotonic(), _missing(folder, n)
    with _one_thread_each(workers):
        while part := list(islice(todo, RECYCLE * workers)):
            try:
                with executor(workers) as pool:
                    shared = {"sampler": sampler, "seed": seed}
                    batches = pool.map(_sample, part, shared=shared)
                    for rows, batch in zip(part, batches, strict=True):
                        keep_block(folder, rows, batch)
                        done += 1
                        progress("render", min(done * BLOCK, n), n, time.monotonic() - start)
            except WorkerLostError:
                lost += 1
                if lost > LOST:
                    raise
                _log.warning("a worker was lost; going on with new ones")
                todo = _missing(folder, n)


def _missing(folder: Path, n: int) -> Iterator[range]:
    return (rows for rows in blocks(n) if not block_file(folder, rows).exists())


def _bounded(workers: int, most: int) -> int:
    """Return a number of processes this machine can start and that have something to do."""
    room = min(PER_PROCESSOR * (os.cpu_count() or 1), 60)  # Windows waits for no more than 61
    if workers > room:
        _log.warning("%d workers are too many for this machine; %d are used", workers, room)
    return max(1, min(workers, room, most))


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


def _write_formats(folder: RunFolder, formats: tuple[str, ...], scene: Scene) -> None:
    if not formats or folder.has("report.html"):  # the report is written after the formats
        return
    labels = folder / "labels.parquet"
    write_examples(
        examples_of(labels),
        folder.path,
        formats,
        categories=list(dict.fromkeys([*scene.categories, *labels_of(labels)])),
        read_image=lambda example: (folder / example.file).read_bytes(),
        read_depth=lambda example: _depth(layers_file(folder.path, example.file)),
    )


def _depth(file: Path) -> NDArray[np.float32]:
    with np.load(file, allow_pickle=False) as layers:
        z: NDArray[np.float32] = layers["z"]
        return z


def _report(
    folder: RunFolder, scene: Scene, about: Mapping[str, Any], card: Mapping[str, Any]
) -> dict[str, Any]:
    if not all(folder.has(name) for name in ("report.json", "card.json", "report.html")):
        labels = folder / "labels.parquet"

        def read(example: Example) -> Any:
            return read_picture(folder / example.file)

        found = survey(
            examples_of(labels),
            rejects_of(folder.path),
            read,
            planned={"images": about["n"] * len(scene.cameras), **planned_values(scene)},
            checks=worst_checks(folder.path),
        )
        shown = islice(((read(example), example) for example in examples_of(labels)), SHOWN)
        made = {key: about[key] for key in ("recipe", "n", "seed")} | about["renderer"]
        content = {
            "title": about["recipe"],
            "made": made,
            "samples": sample_pictures(shown),
            "survey": found,
        }
        write_pictures_report(content, card, folder.path)
    loaded: dict[str, Any] = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    return loaded


def _card(about: Mapping[str, Any], scene: Scene, seconds: float) -> dict[str, Any]:
    return {
        "synthetic": True,
        "made_with": f"Abbild {__version__}",
        "made_at": stamp(),
        "machine": platform.platform(terse=True),
        "seconds": round(seconds, 2),
        "licences": licences(scene, about["files"]),
        "recipe": dict(about),
    }


def _command(recipe: Any, n: int, size: Any, settings: Any, about: Mapping[str, Any]) -> Any:
    """Return the words of the command that makes this again, or the call that does."""
    if isinstance(recipe, Scene) or isinstance(settings, Mapping):
        return f"abbild.render({about['recipe']}, {n}, out, seed={about['seed']}, ...)"
    words = ["abbild", "render", str(recipe), "-n", str(n)]
    if size is not None:
        words += ["--size", size if isinstance(size, str) else "x".join(map(str, size))]
    for text in [settings] if isinstance(settings, str) else settings:
        words += ["--set", str(text)]
    words += ["--renderer", about["renderer"]["name"]]
    for name in ("format", "layers"):
        given = about["formats" if name == "format" else name]
        words += [f"--{name}", ",".join(given)] if given else []
    return [*words, "--seed", str(about["seed"]), "-o", "OUT"]
