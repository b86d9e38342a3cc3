"""Materials of files to surfaces: factors, textures, vertex colours."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from abbild.images.colors import decode_srgb, encode_srgb
from abbild.images.errors import AssetError
from abbild.images.pictures import channels
from abbild.images.stage import Surface

__all__ = ["GREY", "Paint", "color_atlas", "paint_of"]

Floats = NDArray[np.float64]
Pixels = NDArray[np.uint8]
LONGEST = 2048  # pixels of a texture that are kept
SMOOTHEST = 0.03  # roughness below this only makes noise
ATLAS_FACES = 400_000  # beyond this vertex colours are averaged
GREY = 0.43  # linear, of what has no material

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Paint:
    """A surface, and texture coordinates that go with it.

    Attributes
    ----------
    surface : for `stage.Part`
    uv : (v, 2) or, for each corner, (f, 3, 2); None if the file has none
    """

    surface: Surface
    uv: Floats | None


def paint_of(
    mesh: Any, materials: tuple[Mapping[str, Any], ...], name: str, *, linear_colors: bool
) -> Paint:
    """Return the paint of a trimesh mesh.

    Parameters
    ----------
    materials : glTF materials as written, in which a material's name is its number
    name : for messages
    linear_colors : whether vertex colours lack the sRGB curve, as in glTF
    """
    visual = mesh.visual
    colors = _corner_colors(mesh, linear=linear_colors)
    uv = getattr(visual, "uv", None)
    has_uv = uv is not None and len(uv) == len(mesh.vertices)
    coordinates = np.nan_to_num(np.asarray(uv, np.float64))[:, :2] if has_uv else None
    material = getattr(visual, "material", None) if visual.kind == "texture" else None
    number = str(getattr(material, "name", ""))
    if material is not None and number.isdigit() and int(number) < len(materials):
        surface = _physical(material, materials[int(number)], has_uv, name)
    elif material is not None and hasattr(material, "diffuse"):
        surface = _simple(material, has_uv, name)
    elif material is not None and hasattr(material, "baseColorFactor"):
        surface = _physical(material, {}, has_uv, name)
    else:
        surface = Surface(np.full(3, GREY, np.float32))
    if colors is None or surface.color.ndim == 3:
        return Paint(surface, coordinates)
    plain = surface if material is not None and materials else None
    return _colored(colors, plain, name)


def color_atlas(colors: Pixels) -> tuple[Pixels, Floats]:
    """Make a texture that gives every triangle its own three corner colours.

    Each triangle has a block of 2 x 2 texels; looked up with interpolation they give exactly the
    linear course between its corners.

    Parameters
    ----------
    colors : (f, 3, 3) uint8 sRGB

    Returns
    -------
    pixels : (h, w, 3) uint8
    uv : (f, 3, 2)
    """
    count = len(colors)
    across = max(int(np.ceil(np.sqrt(count))), 1)
    down = -(-count // across)
    wide = colors.astype(np.int64)
    fourth = np.clip(wide[:, 1] + wide[:, 2] - wide[:, 0], 0, 255)
    block = np.stack([wide[:, 0], wide[:, 1], wide[:, 2], fourth], axis=1).reshape(count, 2, 2, 3)
    padded = np.zeros((down * across, 2, 2, 3), np.uint8)
    padded[:count] = block
    pixels = padded.reshape(down, across, 2, 2, 3).transpose(0, 2, 1, 3, 4)
    number = np.arange(count)
    column, row = 2 * (number % across), 2 * (number // across)
    x = column[:, None] + np.array([0.5, 1.5, 0.5])
    y = row[:, None] + np.array([0.5, 0.5, 1.5])
    uv = np.stack([x / (2 * across), 1 - y / (2 * down)], axis=-1)
    return np.ascontiguousarray(pixels.reshape(2 * down, 2 * across, 3)), uv


def _corner_colors(mesh: Any, *, linear: bool) -> Pixels | None:
    """Colours of each corner, (f, 3, 3) sRGB, or None."""
    visual = mesh.visual
    if visual.kind == "face":
        return np.repeat(np.asarray(visual.face_colors, np.uint8)[:, None, :3], 3, axis=1)
    values: Any = None
    if visual.kind == "vertex":
        values = np.asarray(visual.vertex_colors)
    elif "color" in getattr(visual, "vertex_attributes", {}):
        values = np.asarray(visual.vertex_attributes["color"])
    if values is None or len(values) != len(mesh.vertices) or values.shape[-1] < 3:
        return None
    if linear:  # glTF stores vertex colours without the sRGB curve
        scale = 1.0 if values.dtype.kind == "f" else float(np.iinfo(values.dtype).max)
        values = np.rint(255 * encode_srgb(np.asarray(values[:, :3], np.float64) / scale))
    corners: Pixels = np.asarray(values[:, :3], np.uint8)[mesh.faces]
    return corners


def _colored(colors: Pixels, plain: Surface | None, name: str) -> Paint:
    """Vertex colours as a texture; with too many triangles, as their mean."""
    roughness = 0.6 if plain is None else plain.roughness
    metallic = 0.0 if plain is None else plain.metallic
    factor = np.ones(3) if plain is None else np.asarray(plain.color, np.float64)
    if len(colors) > ATLAS_FACES:
        log.warning("%s has colours at %d faces: their mean is taken", name, len(colors))
        mean = decode_srgb(colors).reshape(-1, 3).mean(axis=0) * factor
        return Paint(Surface(mean.astype(np.float32), roughness, metallic), None)
    pixels, uv = color_atlas(_multiplied(colors, factor))
    return Paint(Surface(pixels, roughness, metallic), uv)


def _physical(material: Any, written: Mapping[str, Any], has_uv: bool, name: str) -> Surface:
    """Metallic-roughness material of glTF 2.0, section 3.9."""
    core = written.get("pbrMetallicRoughness", {})
    factor = _numbers(core.get("baseColorFactor"), [1.0, 1, 1, 1])[:3]
    rough = float(_numbers(core.get("roughnessFactor"), [1.0])[0])
    metal = float(_numbers(core.get("metallicFactor"), [1.0])[0])
    glow = _numbers(written.get("emissiveFactor"), [0.0, 0, 0])[:3]
    strength = written.get("extensions", {}).get("KHR_materials_emissive_strength", {})
    glow = glow * float(_numbers(strength.get("emissiveStrength"), [1.0])[0])
    if written.get("alphaMode", "OPAQUE") != "OPAQUE":
        log.warning("%s has transparent materials: they are shown solid", name)
    if material.emissiveTexture is not None:
        glow = np.zeros(3)
        log.warning("%s has emissive textures: they are left dark", name)
    picture = _texture(material.baseColorTexture, "baseColorTexture" in core, has_uv, name)
    both = _texture(
        material.metallicRoughnessTexture, "metallicRoughnessTexture" in core, has_uv, name
    )
    relief = _texture(material.normalTexture, "normalTexture" in written, has_uv, name)
    color: Any = factor.astype(np.float32) if picture is None else _multiplied(picture, factor)
    if picture is None and "baseColorTexture" in core:
        color = np.full(3, GREY, np.float32)
    return Surface(
        color=color,
        roughness=max(rough, SMOOTHEST) if both is None else _scaled(both[..., 1], rough),
        metallic=metal if both is None else np.rint(both[..., 2] * metal).astype(np.uint8),
        emission=glow.astype(np.float32),
        normal_map=relief,
    )


def _simple(material: Any, has_uv: bool, name: str) -> Surface:
    """Material of an .mtl file: Kd is linear; a map_Kd stands alone."""
    extra = material.kwargs
    picture = _texture(material.image, "map_kd" in extra, has_uv, name)
    shown = [GREY] * 3 if extra.get("kd") is None else extra["kd"]
    color: Any = picture if picture is not None else _numbers(shown, [GREY] * 3).astype(np.float32)
    shine = float(_numbers(extra.get("ns"), [0.0])[0])
    rough = float(np.sqrt(2 / (max(shine, 0.0) + 2)))  # Blinn-Phong exponent to a Beckmann slope
    rough = float(_numbers(extra.get("pr"), [rough])[0])
    metal = float(_numbers(extra.get("pm"), [0.0])[0])
    glow = _numbers(extra.get("ke"), [0.0, 0, 0])
    return Surface(
        color=color,
        roughness=float(np.clip(rough, SMOOTHEST, 1)),
        metallic=float(np.clip(metal, 0, 1)),
        emission=glow.astype(np.float32) if len(glow) == 3 else np.zeros(3, np.float32),
    )


def _texture(image: Any, wanted: bool, has_uv: bool, name: str) -> Pixels | None:
    if image is None:
        if wanted:
            log.warning("%s: a texture is missing or damaged, a plain colour is shown", name)
        return None
    if not has_uv:
        log.warning("%s has a texture but no texture coordinates", name)
        return None
    try:
        return channels(image, LONGEST)
    except AssetError as error:
        log.warning("%s: %s; a plain colour is shown", name, error)
        return None


def _multiplied(pixels: Pixels, factor: Floats) -> Pixels:
    """Multiply sRGB pixels (..., 3) by linear factors."""
    if (factor == 1).all():
        return pixels
    table = encode_srgb(decode_srgb(np.arange(256, dtype=np.uint8))[:, None] * factor)
    table = np.rint(255 * table).astype(np.uint8)  # (256, 3)
    return np.stack([table[pixels[..., k], k] for k in range(3)], axis=-1)


def _scaled(values: Pixels, factor: float) -> Pixels:
    least = np.ceil(255 * SMOOTHEST)
    return np.asarray(np.clip(np.rint(values * factor), least, 255), np.uint8)


def _numbers(value: Any, default: list[float]) -> Floats:
    """Numbers in [0, 1e6] as a file has them; the default if they are missing or broken."""
    try:
        array = np.atleast_1d(np.asarray(default if value is None else value, np.float64))
    except (TypeError, ValueError):
        array = np.asarray(default, np.float64)
    if not np.isfinite(array).all() or len(array) < min(len(default), 3):
        array = np.asarray(default, np.float64)
    return np.clip(array, 0, 1e6)
