"""Paths of light by the variant of Mitsuba that needs no compiler.

Slower and plainer than `compiled`: every part is a mesh with Mitsuba's own material, suns and
bulbs are points, and what guides the denoiser comes from the label engine.
"""

from __future__ import annotations

import weakref
from dataclasses import replace
from math import atan, degrees, pi
from typing import Any

import mitsuba as mi
import numpy as np

from abbild.core import Seed
from abbild.images.colors import decode_srgb
from abbild.images.errors import RendererError
from abbild.images.labels import cast_pixels, find_layers, rays
from abbild.images.layers import Layers
from abbild.images.quality.geometry import anchors, merge_parts, panel_soup, radiance_of
from abbild.images.quality.lamps import panels_of
from abbild.images.quality.meshes import clean_radiance, make_mesh, make_sky
from abbild.images.quality.palette import SMOOTHEST, check_surface
from abbild.images.quality.scaling import rescale
from abbild.images.quality.sums import Paths, Sums, limit_of
from abbild.images.stage import Bulb, Floats, Lamp, Singles, Stage, Sun, Surface, View

__all__ = ["Plain"]

WIDEST = 5.0  # half width of the pinhole image that a bent lens is cut from, focal lengths


class Plain:
    """What is kept between pictures: textures."""

    def __init__(self) -> None:
        self.textures: dict[tuple[int, bool, bool], tuple[Any, Any]] = {}

    def trace(self, stage: Stage, view: View, paths: Paths, seed: Seed) -> Sums:
        """Follow paths of light from the camera."""
        straight = _straighten(view)
        guide = _guide(stage, straight)
        picture = self._render(stage, straight, paths, seed)
        if _glows(stage):
            # emitters are seen then, the environment among them
            sky = np.maximum(picture[..., :3] - guide.beyond, 0)
            sums = replace(guide, seen=np.where(guide.hit[..., None] > 0, sky, 0))
        else:
            hit = np.clip(picture[..., 3], 0, 1)
            share = ((1 - hit) / np.maximum(guide.missed, 1e-6))[..., None]
            beyond = np.where(guide.missed[..., None] > 0, guide.beyond * share, guide.beyond)
            sums = replace(guide, seen=picture[..., :3], hit=hit, missed=1 - hit, beyond=beyond)
        return sums if straight is view else _bend(sums, view, straight)

    def _render(self, stage: Stage, view: View, paths: Paths, seed: Seed) -> Singles:
        samples, depth = paths.samples, paths.depth
        stage, view = rescale(stage, view)
        scene = mi.load_dict(self._scene(stage), parallel=False, optimize=False)
        integrator = mi.load_dict(
            {
                "type": "path",
                "max_depth": depth,
                "rr_depth": 2,
                "hide_emitters": not _glows(stage),
                "block_size": 32,  # else it follows the number of threads, and the noise with it
            }
        )
        kind = "multijitter" if samples > 1 else "independent"
        sensor = mi.load_dict(_sensor(view) | {"sampler": {"type": kind, "sample_count": samples}})
        number = seed.key() & 0x7FFFFFFF
        image = mi.render(scene, sensor=sensor, integrator=integrator, seed=number, spp=samples)
        picture = np.nan_to_num(np.array(image, np.float32), posinf=0.0, neginf=0.0)
        light = picture[..., :3]
        if paths.clamp:
            np.minimum(light, limit_of(light.max(axis=-1).ravel()), out=light)
        return picture

    def _scene(self, stage: Stage) -> dict[str, Any]:
        parts: dict[str, Any] = {"type": "scene"}
        black = mi.load_dict({"type": "diffuse", "reflectance": 0.0})
        for k, (soup, surface, light) in enumerate(merge_parts(stage)):
            parts[f"part{k}"] = make_mesh(soup, self._material(surface), light)
        for k, panel in enumerate(panels_of(stage.lamps)):
            parts[f"panel{k}"] = make_mesh(panel_soup(panel), black, radiance_of(panel.radiance))
        parts["anchors"] = make_mesh(anchors(), black, (0.0, 0.0, 0.0))
        for k, lamp in enumerate(stage.lamps):
            if (point := _point_lamp(lamp)) is not None:
                parts[f"lamp{k}"] = point
        if np.any(stage.environment.radiance > 0):
            parts["sky"] = make_sky(stage.environment.radiance)
        return parts

    def _material(self, surface: Surface) -> Any:
        check_surface(surface)
        smooth = surface.smooth_texture
        roughness = self._texture(surface.roughness, False, smooth)
        inner: dict[str, Any] = {
            "type": "principled",
            "base_color": self._texture(surface.color, True, smooth),
            "roughness": max(roughness, SMOOTHEST) if isinstance(roughness, float) else roughness,
            "metallic": self._texture(surface.metallic, False, smooth),
            "specular": float(np.clip(surface.specular, 0, 1)),
        }
        if surface.normal_map is not None:
            bumps = self._texture(surface.normal_map, False, True)
            inner = {"type": "normalmap", "normalmap": bumps, "inner": inner}
        return mi.load_dict({"type": "twosided", "inner": inner})

    def _texture(self, value: Any, is_color: bool, smooth: bool) -> Any:
        """Return a number, or a texture that is kept as long as its array lives."""
        if np.ndim(value) == 0:
            return float(np.clip(value, 0, 1))
        if np.ndim(value) == 1:
            rgb = np.clip(value, 0, 1).astype(float).tolist()
            return mi.load_dict({"type": "rgb", "value": rgb})
        key = (id(value), is_color, smooth)
        if key not in self.textures:
            decoded = decode_srgb(value) if is_color else value.astype(np.float32) / 255
            # Mitsuba's row 0 is at v = 0, ours at v = 1
            image = np.ascontiguousarray(np.atleast_3d(decoded)[::-1])
            texture = mi.load_dict(
                {
                    "type": "bitmap",
                    "bitmap": mi.Bitmap(image),
                    "raw": True,
                    "filter_type": "bilinear" if smooth else "nearest",
                }
            )
            gone = weakref.ref(value, lambda _: self.textures.pop(key, None))
            self.textures[key] = (gone, texture)
        return self.textures[key][1]


def _glows(stage: Stage) -> bool:
    return any(np.any(part.surface.emission > 0) for b in stage.bodies for part in b.parts)


def _point_lamp(lamp: Lamp) -> dict[str, Any] | None:
    if isinstance(lamp, Sun) and np.any(lamp.irradiance > 0):
        light = {"type": "rgb", "value": [float(x) for x in lamp.irradiance]}
        away = [-float(x) for x in lamp.direction]
        return {"type": "directional", "direction": away, "irradiance": light}
    if isinstance(lamp, Bulb) and np.any(lamp.intensity > 0):
        light = {"type": "rgb", "value": [float(x) for x in lamp.intensity]}
        place = [float(x) for x in lamp.position]
        if lamp.cone >= pi / 2:
            return {"type": "point", "position": place, "intensity": light}
        return {
            "type": "spot",
            "to_world": mi.ScalarTransform4f(_facing(lamp)),
            "intensity": light,
            "cutoff_angle": degrees(lamp.cone),
            "beam_width": degrees(0.95 * lamp.cone),
        }
    return None


def _facing(bulb: Bulb) -> Floats:
    """Return a pose at the bulb that looks along its axis."""
    axis = np.asarray(bulb.direction, np.float64)
    axis = axis / np.linalg.norm(axis)
    across = np.cross(np.eye(3)[int(np.argmin(np.abs(axis)))], axis)
    across /= np.linalg.norm(across)
    pose = np.eye(4)
    pose[:3] = np.stack([across, np.cross(axis, across), axis, bulb.position], axis=1)
    return pose


def _sensor(view: View) -> dict[str, Any]:
    """Return a straight camera; Mitsuba's has x to the left and y upwards."""
    pose = view.matrix @ np.diag([-1.0, -1.0, 1.0, 1.0])
    shift_x, shift_y = view.cx / view.width - 0.5, view.cy / view.height - 0.5  # to the right, down
    film = {
        "type": "hdrfilm",
        "width": view.width,
        "height": view.height,
        "pixel_format": "rgba",
        "rfilter": {"type": "box"},  # others join the noise of neighbours, which OIDN then keeps
    }
    near = max(view.near, 1e-4)
    common = {"film": film, "near_clip": near, "far_clip": 1e6 * near}
    if view.projection == "orthographic":
        half = np.array([view.width / view.fx, view.height / view.fy]) / 2
        pose = pose.copy()
        pose[:3, 3] -= view.matrix[:3, 0] * (shift_x * 2 * half[0])
        pose[:3, 3] -= view.matrix[:3, 1] * (shift_y * 2 * half[1])
        pose = pose @ np.diag([half[0], half[1] * view.width / view.height, 1.0, 1.0])
        return {"type": "orthographic", "to_world": mi.ScalarTransform4f(pose), **common}
    return {
        "type": "perspective",
        "fov": degrees(2 * atan(view.width / (2 * view.fx))),
        "fov_axis": "x",
        "principal_point_offset_x": -shift_x,
        "principal_point_offset_y": -shift_y,
        "to_world": mi.ScalarTransform4f(pose),
        **common,
    }


def _guide(stage: Stage, view: View) -> Sums:
    """Return what the denoiser is guided by, and the environment, from 2 x 2 exact samples."""
    fine = replace(
        view,
        width=2 * view.width,
        height=2 * view.height,
        fx=2 * view.fx,
        fy=2 * view.fy,
        cx=2 * view.cx,
        cy=2 * view.cy,
    )
    layers = find_layers(stage, fine)
    hit = (layers.body > 0).astype(np.float32)
    sky = look_up_sky(clean_radiance(stage.environment.radiance), rays(fine)[1])
    pictures = [sky * (1 - hit[..., None]), albedo_of(stage, layers), layers.normal]
    beyond, albedo, normal = (_halve(picture) for picture in pictures)
    share = _halve(hit[..., None])[..., 0]
    return Sums(np.zeros_like(beyond), beyond, albedo, normal, share, 1 - share)


def _halve(image: Singles) -> Singles:
    rows, columns = image.shape[0] // 2, image.shape[1] // 2
    means = image.reshape(rows, 2, columns, 2, -1).mean(axis=(1, 3))
    return np.asarray(means, np.float32)


def albedo_of(stage: Stage, layers: Layers) -> Singles:
    """Return the base colour at every pixel's centre, (h, w, 3), 0 where no body is."""
    albedo = np.zeros((*layers.body.shape, 3), np.float32)
    for k, body in enumerate(stage.bodies, 1):
        for place, part in enumerate(body.parts):
            at = (layers.body == k) & (layers.hits.part == place)
            color = part.surface.color
            if np.ndim(color) == 1:
                albedo[at] = color
            elif at.any():
                rows, columns = color.shape[:2]
                u, v = (layers.uv[at] % 1.0).T
                i = np.minimum(((1 - v) * rows).astype(int), rows - 1)
                j = np.minimum((u * columns).astype(int), columns - 1)
                albedo[at] = decode_srgb(color[i, j])
    return albedo


def look_up_sky(radiance: Singles, directions: Floats) -> Singles:
    """Return the environment in directions (..., 3), bilinear; 0 for NaN."""
    rows, columns = radiance.shape[:2]
    exists = np.isfinite(directions).all(axis=-1, keepdims=True)
    x, y, z = np.moveaxis(np.where(exists, directions, 0), -1, 0)
    down = np.arccos(np.clip(z, -1, 1)) / pi * rows - 0.5
    along = (0.5 - np.arctan2(y, x) / (2 * pi)) * columns - 0.5
    top, left = np.floor(down).astype(int), np.floor(along).astype(int)
    q, p = (down - top)[..., None], (along - left)[..., None]
    i0, i1 = np.clip(top, 0, rows - 1), np.clip(top + 1, 0, rows - 1)
    j0, j1 = left % columns, (left + 1) % columns
    upper = radiance[i0, j0] * (1 - p) + radiance[i0, j1] * p
    lower = radiance[i1, j0] * (1 - p) + radiance[i1, j1] * p
    return np.where(exists, upper * (1 - q) + lower * q, 0).astype(np.float32)


def _straighten(view: View) -> View:
    """Return a pinhole view that covers what a bent lens sees; the view itself if it is straight.

    Raises
    ------
    RendererError
        where the lens sees further aside than a picture on a plane can hold
    """
    bent = view.projection == "fisheye" or any(view.distortion)
    if not bent and (view.projection == "orthographic" or view.fx == view.fy):
        return view
    local = rays(view)[1] @ view.matrix[:3, :3]
    local = local[np.isfinite(local).all(axis=-1)]
    if not len(local) or local[:, 2].min() <= 1e-3:
        raise RendererError(
            "this lens sees behind itself, which the uncompiled renderer cannot draw",
            hint="pip install karellen-llvm-core, or use the fast renderer",
        )
    reach = np.abs(local[:, :2] / local[:, 2:]).max(axis=0)
    if reach.max() > WIDEST:
        raise RendererError(
            f"this lens sees {degrees(atan(reach.max())):.0f} degrees aside, "
            f"the uncompiled renderer {degrees(atan(WIDEST)):.0f}",
            hint="pip install karellen-llvm-core, or use the fast renderer",
        )
    focal = max(view.fx, view.fy)
    width, height = (2 * int(np.ceil(r * focal + 2)) for r in reach)
    return replace(
        view,
        width=width,
        height=height,
        fx=focal,
        fy=focal,
        cx=width / 2,
        cy=height / 2,
        projection="pinhole",
        distortion=(),
    )


def _bend(sums: Sums, view: View, straight: View) -> Sums:
    """Look pixels of a bent lens up in the picture of a straight one, bilinear."""
    row, column = np.mgrid[: view.height, : view.width] + 0.5
    local = cast_pixels(view, np.stack([column, row], axis=-1))[1] @ view.matrix[:3, :3]
    exists = np.isfinite(local).all(axis=-1, keepdims=True)
    local = np.where(exists, local, (0, 0, 1))
    x = local[..., 0] / local[..., 2] * straight.fx + straight.cx - 0.5
    y = local[..., 1] / local[..., 2] * straight.fy + straight.cy - 0.5
    j, i = np.floor(x).astype(int), np.floor(y).astype(int)
    p, q = x - j, y - i

    def look_up(image: Singles) -> Singles:
        last_i, last_j = image.shape[0] - 1, image.shape[1] - 1
        wide = image.reshape(*image.shape[:2], -1)
        i0, i1 = np.clip(i, 0, last_i), np.clip(i + 1, 0, last_i)
        j0, j1 = np.clip(j, 0, last_j), np.clip(j + 1, 0, last_j)
        a, b = p[..., None], q[..., None]
        upper = wide[i0, j0] * (1 - a) + wide[i0, j1] * a
        lower = wide[i1, j0] * (1 - a) + wide[i1, j1] * a
        found = (upper * (1 - b) + lower * b) * exists
        return np.asarray(found.reshape(*view_shape, *image.shape[2:]), np.float32)

    view_shape = (view.height, view.width)
    channels = (sums.seen, sums.beyond, sums.albedo, sums.normal, sums.hit, sums.missed)
    return Sums(*map(look_up, channels))
