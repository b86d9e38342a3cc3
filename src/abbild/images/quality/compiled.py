"""Paths of light by the compiled variant of Mitsuba."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import drjit as dr
import mitsuba as mi
import numpy as np
from numpy.typing import NDArray

from abbild.core import Seed
from abbild.images.quality.cameras import cast, footprint
from abbild.images.quality.geometry import (
    FAR,
    anchors,
    join,
    merge,
    panel_soup,
    radiance_of,
)
from abbild.images.quality.lamps import COLUMNS, lamp_rows, panels_of
from abbild.images.quality.meshes import make_mesh, make_sky
from abbild.images.quality.palette import make_palette
from abbild.images.quality.plugins import Paint, make_lamps, make_matter
from abbild.images.quality.scaling import rescale
from abbild.images.quality.sums import Paths, Sums, limit_of
from abbild.images.stage import Panel, Singles, Stage, Surface, View

__all__ = ["Compiled"]

AT_ONCE = 1 << 22  # samples of one pass; each takes 44 bytes
DARK = (0.0, 0.0, 0.0)  # what does not shine
GREY = Surface(np.full(3, 0.5, np.float32))  # of a stage without bodies


class Compiled:
    """What is kept between pictures: plugins, samplers and environments, but no scene.

    A scene that is loaded anew for each picture depends on nothing before it. Updating one in
    place does not: one pixel in 262,144 followed the picture before (Mitsuba 3.9.1).
    """

    def __init__(self) -> None:
        self.matters = [make_matter()]
        self.lamps = make_lamps()
        self.black = mi.load_dict({"type": "diffuse", "reflectance": 0.0})

    def trace(self, stage: Stage, view: View, paths: Paths, seed: Seed) -> Sums:
        """Follow paths of light from the camera."""
        samples, depth = paths.samples, paths.depth
        sampler = _sampler(min(samples, max(1, AT_ONCE // (view.width * view.height))))
        at_once = sampler.sample_count()
        stage, view = rescale(stage, view)
        scene, hidden = self._load(stage, view, footprint(view, samples))
        passes = -(-samples // at_once)
        total = Sums.empty(view.width, view.height)
        with dr.suspend_grad(), self._unbound():
            for k in range(passes):
                sampler.seed((seed / k).key() & 0x7FFFFFFF, view.width * view.height * at_once)
                ray, exists = cast(view, at_once, sampler, seed / k)
                ray = _pass_by(scene, hidden, ray, exists)
                traced = _follow(scene, ray, exists, sampler, depth)
                total = total.plus(_collect(traced, at_once, view, paths.clamp))
        return total.over(passes)

    @contextmanager
    def _unbound(self) -> Iterator[None]:
        """Leave no arrays behind.

        Dr.Jit gives the lowest free number to a new array and orders its code by them: what is
        alive when a picture begins decides whether a kernel is found again.
        """
        try:
            yield
        finally:
            for plugin in (*self.matters, self.lamps):
                plugin.unbind()

    def _load(self, stage: Stage, view: View, spread: tuple[float, float]) -> tuple[Any, list[Any]]:
        """Return the scene, and the shapes that the camera does not see."""
        soups, surfaces = merge(stage)
        soups[DARK] = join([soups[DARK], anchors()]) if DARK in soups else anchors()
        paint = Paint(make_palette(surfaces or [GREY]), view.matrix[:3, 3], spread)
        # Dr.Jit compiles every plugin that is alive, used or not
        del self.matters[len(soups) :]
        self.matters += [make_matter() for _ in range(len(soups) - len(self.matters))]
        parts: dict[str, Any] = {"type": "scene"}
        for k, (light, matter) in enumerate(zip(sorted(soups), self.matters, strict=True)):
            matter.bind(paint, soups[light])
            parts[f"bodies{k}"] = make_mesh(soups[light], matter, light)
        panels = panels_of(stage.lamps)
        for k, panel in enumerate(panels):
            light = radiance_of(panel.radiance)
            parts[f"panel{k}"] = make_mesh(panel_soup(panel), self.black, light)
        parts |= self._lights(stage)
        hidden = [parts[f"panel{k}"] for k in _in_sight(panels, view)]
        return mi.load_dict(parts, parallel=False, optimize=False), hidden

    def _lights(self, stage: Stage) -> dict[str, Any]:
        """Return what shines and is no mesh."""
        lights = {}
        rows = lamp_rows(stage.lamps)
        self.lamps.bind(rows if len(rows) else np.zeros((1, COLUMNS), np.float32), FAR)
        if len(rows):
            lights["lamps"] = self.lamps
        if np.any(stage.environment.radiance > 0):
            lights["sky"] = make_sky(stage.environment.radiance)
        return lights


def _sampler(samples: int) -> Any:
    """Return a sampler whose number of samples is at least `samples`."""
    kind = "multijitter" if samples > 1 else "independent"
    sampler = mi.load_dict({"type": kind, "sample_count": samples})
    sampler.set_samples_per_wavefront(sampler.sample_count())
    return sampler


def _integrator(depth: int) -> Any:
    # Roulette from the second bounce on: 25 % less time for 0.15 dB
    return mi.load_dict({"type": "path", "max_depth": depth, "rr_depth": 2})


def _in_sight(panels: list[Panel], view: View) -> list[int]:
    """Return which panels a straight view may look at; any other lens may see all of them."""
    if view.projection != "pinhole" or any(view.distortion) or view.aperture > 0:
        return list(range(len(panels)))
    return [k for k, panel in enumerate(panels) if _may_see(panel, view)]


def _may_see(panel: Panel, view: View) -> bool:
    square = np.array([[-0.5, -0.5, 0, 1], [0.5, -0.5, 0, 1], [0.5, 0.5, 0, 1], [-0.5, 0.5, 0, 1]])
    x, y, z = ((square @ panel.matrix.T) @ view.camera_from_world.T).T[:3]
    # a rectangle is outside if all its corners are on the outer side of one plane of the view
    left, right = view.fx * x + view.cx * z, view.fx * x + (view.cx - view.width) * z
    above, below = view.fy * y + view.cy * z, view.fy * y + (view.cy - view.height) * z
    outside = [(z < 0).all(), (left < 0).all(), (right > 0).all(), (above < 0).all()]
    return not any([*outside, (below > 0).all()])


def _follow(scene: Any, ray: Any, exists: Any, sampler: Any, depth: int) -> list[Any]:
    """Return light, albedo, normal, and whether a body was hit or missed, for each sample."""
    light, _, _ = _integrator(depth).sample(scene, sampler, ray, None, exists)
    si = scene.ray_intersect(ray, exists)
    hit = exists & si.is_valid()
    albedo = dr.select(hit, si.bsdf(ray).eval_diffuse_reflectance(si, hit), 0.0)
    normal = dr.select(hit, si.sh_frame.n, 0.0)
    light = dr.select(exists, light, 0.0)
    which = [dr.select(hit, 1.0, 0.0), dr.select(exists & ~hit, 1.0, 0.0)]
    traced = [*light, *albedo, *normal, *which]
    dr.eval(traced)
    return traced


def _pass_by(scene: Any, hidden: list[Any], ray: Any, exists: Any) -> Any:
    """Start rays behind the lamps that they meet first."""
    if not hidden:
        return ray
    for _ in hidden:
        found = scene.ray_intersect_preliminary(ray, active=exists)
        lamp = mi.Bool(False)
        for shape in hidden:
            lamp |= found.is_valid() & (found.shape == mi.ShapePtr(shape))
        ray.o = dr.select(lamp, ray.o + ray.d * (found.t * (1 + 1e-5)), ray.o)
    return ray


def _collect(traced: list[Any], samples: int, view: View, clamp: bool) -> Sums:
    """Average the samples of each pixel."""
    arrays = [np.asarray(channel.numpy(), np.float32) for channel in traced]
    count = view.width * view.height * samples
    arrays = [np.broadcast_to(a, count) if len(a) != count else a for a in arrays]
    light, hit = arrays[:3], arrays[9]
    for channel in light:
        np.nan_to_num(channel, copy=False, nan=0.0, posinf=0.0, neginf=0.0)
    highest = limit_of(np.max(light, axis=0)) if clamp else np.inf
    seen = [np.minimum(channel, highest) * hit for channel in light]
    beyond = [channel * arrays[10] for channel in light]
    ones = np.full(samples, 1 / samples, np.float32)

    def stack(channels: list[NDArray[np.float32]]) -> Singles:
        means = [channel.reshape(-1, samples) @ ones for channel in channels]
        return np.stack(means, axis=-1).reshape(view.height, view.width, -1)

    return Sums(
        stack(seen),
        stack(beyond),
        stack(arrays[3:6]),
        stack(arrays[6:9]),
        stack(arrays[9:10])[..., 0],
        stack(arrays[10:11])[..., 0],
    )
