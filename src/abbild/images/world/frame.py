"""What a camera of a world sees, worked out only as far as it is asked for."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from abbild.core import Seed
from abbild.images.annotate import annotate
from abbild.images.annotation import Annotation
from abbild.images.atmosphere import apply_fog
from abbild.images.develop import develop
from abbild.images.errors import RendererError
from abbild.images.exposure import Moment, Renderer, banded_layers, expose
from abbild.images.labels import find_silhouettes
from abbild.images.layers import Layers

__all__ = ["Frame", "Renderer"]


class Frame:
    """What one camera sees at one time; every part of it is made when it is first asked for.

    Attributes
    ----------
    stage, view : what there is, and the camera
    time : seconds since the reset
    """

    def __init__(
        self,
        moment: Moment,
        *,
        time: float,
        renderer: Renderer | None,
        seed: Seed,
    ) -> None:
        self.stage, self.view = moment(0.0)
        self.time = time
        self._moment, self._renderer, self._seed = moment, renderer, seed

    @cached_property
    def radiance(self) -> NDArray[np.float32]:
        """Linear light of the picture, (h, w, 3), with motion blur and rolling shutter."""
        if self._renderer is None:
            raise RendererError(
                "this world has no renderer", hint="give one to World(make, renderer)"
            )
        known = self.__dict__.get("layers")
        light = expose(self._renderer, self._moment, seed=self._seed / "light", layers=known)
        if self.stage.fog is not None:
            light = apply_fog(light, self.layers.distance, self.stage.fog)
        return light

    @cached_property
    def rgb(self) -> NDArray[np.uint8]:
        """The picture, (h, w, 3) sRGB."""
        return develop(self.radiance, self.view.sensor, seed=self._seed / "sensor")

    @cached_property
    def layers(self) -> Layers:
        """Exact layers at the frame's time; under a rolling shutter, of each row at its own."""
        return banded_layers(self._moment)

    @cached_property
    def annotations(self) -> tuple[Annotation, ...]:
        """Labelled bodies, also those that are hidden or out of view."""
        labelled = [k for k, body in enumerate(self.stage.bodies, 1) if body.label]
        silhouettes = find_silhouettes(self.stage, self.view, labelled)
        return annotate(self.stage, self.view, self.layers, silhouettes)
