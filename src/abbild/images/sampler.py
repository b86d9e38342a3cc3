"""A scene as a source of rows: any image by its number, in blocks of eight."""

from __future__ import annotations

import io
import logging
import traceback
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from abbild.core import AbbildError, Batch, Seed, unknown_name
from abbild.core.dataset import Rejected
from abbild.images.annotation import Example
from abbild.images.capture import Picture, Taken, capture
from abbild.images.errors import RejectedSceneError, RendererError
from abbild.images.formats import Failed, to_table
from abbild.images.layers import Layers
from abbild.images.png import png_bytes
from abbild.images.scene.building import build
from abbild.images.scene.drawing import draw
from abbild.images.scene.living import situation_of
from abbild.images.scene.nodes import Scene

__all__ = ["LAYERS", "SceneSampler"]

BLOCK = 8  # scenes; what a killed run loses at most for each worker

# what is wrong with one scene, also by a mistake of ours or a plugin's, must not end the run;
# want of memory or disk must, as the next attempt may do better
_OF_ONE_SCENE = (
    *(ArithmeticError, LookupError, TypeError, ValueError, AttributeError, RuntimeError),
    AssertionError,
)
_log = logging.getLogger(__name__)

LAYERS = ("instance", "z", "distance", "normal", "uv", "object_coordinates", "position")


@dataclass(frozen=True)
class _Row:
    label: Example | Failed
    png: bytes | None = None
    layers: bytes | None = None
    checks: Sequence[tuple[str, float]] = ()
    rejects: Sequence[str] = ()


@dataclass(frozen=True, eq=False)
class SceneSampler:
    """Draws labelled images of one scene.

    Attributes
    ----------
    scene : with its distributions
    renderer : turns a stage into light, see `exposure.Renderer`
    layers : names out of `LAYERS` that are kept beside each image
    """

    scene: Scene
    renderer: Any
    layers: tuple[str, ...] = ()

    @property
    def block(self) -> int:
        """Scenes drawn together."""
        return BLOCK

    def sample(self, rows: range, *, seed: Seed) -> Batch:
        """Take the pictures of these scenes.

        Returns
        -------
        Batch
            One table: the columns of `formats.SCHEMA` and then ``bytes`` (PNG; null for what
            failed), ``layers`` (npz; null unless asked for), ``checks`` (name to worst error) and
            ``rejects`` (reasons of the attempts before). A scene has a row for each of its
            cameras, and the number of an image is that of the scene times that of the cameras,
            plus the camera's place. What could not be made is a row that says why, and its scene
            stands in `rejected`.
        """
        made: list[_Row] = []
        rejected: list[Rejected] = []
        for index in rows:
            taken = self.take(index, seed=seed)
            if taken.reason:
                rejected.append(Rejected(index, taken.reason))
            made += self._rows(index, taken)
        table = to_table([row.label for row in made])
        pairs = pa.map_(pa.string(), pa.float64())
        for name, values, kind in (
            ("bytes", [row.png for row in made], pa.binary()),
            ("layers", [row.layers for row in made], pa.binary()),
            ("checks", [row.checks for row in made], pairs),
            ("rejects", [row.rejects for row in made], pa.list_(pa.string())),
        ):
            table = table.append_column(name, pa.array(values, kind))
        return Batch({"images": table}, tuple(rejected))

    def _rows(self, index: int, taken: Taken) -> Iterator[_Row]:
        """Yield a row for each camera; the attempts before stand in the first."""
        cameras = list(self.scene.cameras)
        first = index * len(cameras)
        pictures = {picture.camera: picture for picture in taken.pictures}
        for place, name in enumerate(cameras):
            rejects = [] if place else list(taken.rejects)
            if taken.reason:
                yield _Row(Failed(first + place, taken.reason), rejects=rejects)
                continue
            picture = pictures[name]
            label = replace(picture.example, index=first + place, file=self._name(index, picture))
            yield _Row(
                label,
                png_bytes(picture.pixels),
                self._layers(picture.layers) if self.layers else None,
                list(picture.checks.items()),
                rejects,
            )

    def try_first(self, *, seed: Seed) -> None:
        """Draw and build the first scene, so that what can never work is said at once.

        Raises
        ------
        SceneError, AssetError
            For a scene that cannot be built, whatever is drawn, or a file that cannot be used.
        """
        drawn = draw(self.scene, seed=seed / "scene").scene
        with suppress(RejectedSceneError):
            built = build(drawn, seed=seed / "image" / 0 / 0)
            situation_of(built, drawn)  # names what moves

    def take(self, index: int, *, seed: Seed) -> Taken:
        """Take the pictures of one scene; what is wrong with this scene alone is its reason."""
        try:
            taken = capture(self.scene, index, self.renderer, seed=seed)
        except _OF_ONE_SCENE as error:
            if isinstance(error, RendererError):
                raise  # none of its scenes will do better
            if isinstance(error, AbbildError):
                return Taken((), error.args[0], 1)
            place = traceback.extract_tb(error.__traceback__)[-1]
            where = f"{Path(place.filename).name}, line {place.lineno}"
            _log.info("scene %d: a mistake in Abbild", index, exc_info=True)
            return Taken((), f"a mistake in Abbild, not yours: {error!r} in {where}"[:500], 1)
        if taken.reason and taken.attempts > 1:
            return replace(taken, reason=f"{taken.reason} ({taken.attempts} attempts)")
        return taken

    def _name(self, index: int, picture: Picture) -> str:
        tail = f"-{picture.camera}" if len(self.scene.cameras) > 1 else ""
        return f"images/{index:06d}{tail}.png"

    def _layers(self, layers: Layers) -> bytes:
        arrays = {name: _array(layers, name) for name in self.layers}
        buffer = io.BytesIO()
        np.savez_compressed(buffer, allow_pickle=False, **arrays)
        return buffer.getvalue()


def _array(layers: Layers, name: str) -> Any:
    if name not in LAYERS:
        raise unknown_name("layer", name, LAYERS)
    return layers.body if name == "instance" else getattr(layers, name)
