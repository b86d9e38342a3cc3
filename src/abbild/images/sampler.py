"""A scene as a source of rows: any image by its number, in blocks of eight."""

from __future__ import annotations

import io
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa

from abbild.core import Batch, Seed, unknown_name
from abbild.core.dataset import Rejected
from abbild.images.annotation import Example
from abbild.images.capture import Picture, Taken, capture
from abbild.images.errors import AssetError, RejectedSceneError, SceneError
from abbild.images.formats import Failed, to_table
from abbild.images.layers import Layers
from abbild.images.png import png_bytes
from abbild.images.scene.building import build
from abbild.images.scene.drawing import draw
from abbild.images.scene.nodes import Scene

__all__ = ["LAYERS", "SceneSampler"]

BLOCK = 8  # scenes; what a killed run loses at most for each worker

LAYERS = ("instance", "z", "distance", "normal", "uv", "object_coordinates", "position")


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
            ``rejects`` (reasons of the attempts before). A scene with several cameras has a row
            for each. What could not be made is a row that says why, and stands in `rejected`.
        """
        made: list[Example | Failed] = []
        files: list[bytes | None] = []
        kept: list[bytes | None] = []
        checks: list[list[tuple[str, float]]] = []
        rejects: list[list[str]] = []
        rejected: list[Rejected] = []
        for index in rows:
            taken = self.take(index, seed=seed)
            if taken.reason:
                made.append(Failed(index, taken.reason))
                rejected.append(Rejected(index, taken.reason))
                files.append(None)
                kept.append(None)
                checks.append([])
                rejects.append(list(taken.rejects))
            for picture in taken.pictures:
                made.append(replace(picture.example, file=self._name(index, picture)))
                files.append(png_bytes(picture.pixels))
                kept.append(self._layers(picture.layers) if self.layers else None)
                checks.append(list(picture.checks.items()))
                rejects.append(list(taken.rejects) if picture is taken.pictures[0] else [])
        table = to_table(made)
        table = table.append_column("bytes", pa.array(files, pa.binary()))
        table = table.append_column("layers", pa.array(kept, pa.binary()))
        pairs = pa.map_(pa.string(), pa.float64())
        table = table.append_column("checks", pa.array(checks, pairs))
        table = table.append_column("rejects", pa.array(rejects, pa.list_(pa.string())))
        return Batch({"images": table}, tuple(rejected))

    def try_first(self, *, seed: Seed) -> None:
        """Draw and build the first scene, so that what can never work is said at once.

        Raises
        ------
        SceneError, AssetError
            For a scene that cannot be built, whatever is drawn, or a file that cannot be used.
        """
        drawn = draw(self.scene, seed=seed / "scene")
        with suppress(RejectedSceneError):
            build(drawn.scene, seed=seed / "image" / 0 / 0)

    def take(self, index: int, *, seed: Seed) -> Taken:
        """Take the pictures of one scene; what is wrong with this draw alone is its reason."""
        try:
            taken = capture(self.scene, index, self.renderer, seed=seed)
        except (SceneError, AssetError) as error:
            return Taken((), error.args[0], 1)
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
