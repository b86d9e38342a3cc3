"""Light from all around: day with its sun and clouds, night, studios, panoramas from files.

Panoramas are (h, 2 h, 3) float32 linear radiance as `stage.Environment` has it: row 0 looks up,
the middle column along +x, columns to the left of it towards +y. Units are relative: a high sun
in clear air gives an irradiance of about 3.5, a blue sky has a radiance of 0.1 to 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from abbild.core import Seed
from abbild.images.colors import decode_srgb
from abbild.images.errors import AssetError, SceneError
from abbild.images.pictures import read_hdr, read_picture, resized
from abbild.images.stage import Sun
from abbild.images.textures.blending import smoothstep
from abbild.images.textures.noise import fractal, looked_up

__all__ = ["constant", "directions", "irradiance_up", "load_environment", "night", "sky", "studio"]

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]

KILOCANDELA = 1 / 32  # our unit of radiance for 1 kcd/m^2
SPACE_SUN = 4.6  # irradiance above the atmosphere
GREY = np.array([0.2126, 0.7152, 0.0722])  # luminance of linear sRGB

# Preetham, Shirley and Smits (1999), "A practical analytic model for daylight", appendix A.2:
# coefficients of Perez et al. for Y, x and y, each linear in turbidity (slope, constant).
PEREZ = np.array(
    [
        [[0.1787, -1.4630], [-0.0193, -0.2592], [-0.0167, -0.2608]],
        [[-0.3554, 0.4275], [-0.0665, 0.0008], [-0.0950, 0.0092]],
        [[-0.0227, 5.3251], [-0.0004, 0.2125], [-0.0079, 0.2102]],
        [[0.1206, -2.5771], [-0.0641, -0.8989], [-0.0441, -1.6537]],
        [[-0.0670, 0.3703], [-0.0033, 0.0452], [-0.0109, 0.0529]],
    ]
)
# Chromaticity at the zenith: powers of turbidity (2, 1, 0) by powers of the sun's angle (3 .. 0).
ZENITH_X = np.array(
    [
        [0.00166, -0.00375, 0.00209, 0.0],
        [-0.02903, 0.06377, -0.03202, 0.00394],
        [0.11693, -0.21196, 0.06052, 0.25886],
    ]
)
ZENITH_Y = np.array(
    [
        [0.00275, -0.00610, 0.00317, 0.0],
        [-0.04214, 0.08970, -0.04153, 0.00516],
        [0.15346, -0.26756, 0.06670, 0.26688],
    ]
)
SRGB_FROM_XYZ = np.array(
    [[3.2406, -1.5372, -0.4986], [-0.9689, 1.8758, 0.0415], [0.0557, -0.2040, 1.0570]]
)


def sky(
    sun_elevation: float = 40.0,
    sun_azimuth: float = 0.0,
    turbidity: float = 3.0,
    cloudiness: float = 0.3,
    ground: Sequence[float] | Singles = (0.1, 0.09, 0.07),
    *,
    seed: Seed,
    height_px: int = 64,
) -> tuple[Singles, Sun]:
    """Make a clear, cloudy or overcast sky, and its sun apart from it.

    Parameters
    ----------
    sun_elevation : degrees above the horizon, [-90, 90]; below -6 it is dark
    sun_azimuth : degrees from +x towards +y
    turbidity : haze; 2 is very clear, 3 clear, 6 hazy; held within [1.7, 10]
    cloudiness : share of the sky that clouds cover, [0, 1]; at 1 the sun is gone
    ground : (3,) linear colour below the horizon, lit by this sky and sun
    seed : which clouds

    Returns
    -------
    radiance : (height_px, 2 height_px, 3), without the sun's disc
    sun : irradiance zero if it is below the horizon or behind thick clouds

    Raises
    ------
    SceneError
        Numbers that are not finite or out of range.

    References
    ----------
    Clear sky: Preetham, Shirley and Smits (1999). Overcast: Moon and Spencer (1942). Sun through
    air: Rayleigh and Angstrom transmittance as in Preetham's appendix A.1.
    """
    _in_range("sun_elevation", sun_elevation, -90, 90)
    _in_range("sun_azimuth", sun_azimuth, -1e6, 1e6)
    _in_range("turbidity", turbidity, 1, 100)
    _in_range("cloudiness", cloudiness, 0, 1)
    haze = float(np.clip(turbidity, 1.7, 10))
    toward = _toward(sun_elevation, sun_azimuth)
    look = directions(height_px)
    clear = _clear(look, toward, haze) * smoothstep(-7, 1, float(sun_elevation))
    lit = _sunlight(sun_elevation, haze)
    density, at_sun = _clouds(look, toward, cloudiness, seed)
    radiance = clear + density[..., None] * (
        _cloud_light(look, density, lit, clear, cloudiness) - clear
    )
    closed = smoothstep(0.75, 1.0, float(cloudiness))
    irradiance = lit * np.exp(-5 * at_sun) * (1 - closed)
    irradiance = irradiance if irradiance.max() > 1e-3 else np.zeros(3)
    below = look[..., 2] < 0
    radiance[below] = 0
    arrives = irradiance_up(radiance) + irradiance * max(toward[2], 0.0)
    radiance[below] = np.asarray(ground, np.float64) * arrives / np.pi
    return radiance.astype(np.float32), Sun(toward, irradiance)


def studio(
    boxes: int = 3, strength: float = 3.0, fill: float = 0.3, *, seed: Seed, height_px: int = 64
) -> Singles:
    """Make soft boxes at random places above the horizon around an evenly lit room.

    Parameters
    ----------
    boxes : how many, 0 to 100
    strength : radiance of a box
    fill : radiance of the walls; the floor has half of it

    Returns
    -------
    radiance : (height_px, 2 height_px, 3)
    """
    _in_range("boxes", boxes, 0, 100)
    _in_range("strength", strength, 0, 1e6)
    _in_range("fill", fill, 0, 1e6)
    look = directions(height_px)
    wall = fill * (0.75 + 0.25 * np.clip(2 * look[..., 2] + 0.5, -1, 1))
    radiance = np.repeat(wall[..., None], 3, axis=-1)
    rng = seed.rng()
    start = rng.uniform(0, 360)
    for k in range(int(boxes)):
        around = start + 360 * (k + rng.uniform(-0.25, 0.25)) / boxes
        middle = _toward(rng.uniform(15, 65), around)
        size = np.tan(np.radians(rng.uniform(7, 19, 2)))
        tint = 1 + rng.uniform(-0.08, 0.08) * np.array([1.0, 0.0, -1.0])
        cover = _box(look, middle, size)[..., None]
        radiance += cover * (strength * rng.uniform(0.6, 1.4) * tint - radiance)
    return radiance.astype(np.float32)


def constant(color: Sequence[float] = (0.5, 0.5, 0.5), height_px: int = 16) -> Singles:
    """Return the same linear radiance, (3,), from everywhere."""
    value = np.asarray(color, np.float32)
    if value.shape != (3,) or not np.isfinite(value).all() or (value < 0).any():
        raise SceneError(f"a radiance is three numbers that are not negative, not {color!r}")
    return np.broadcast_to(value, (height_px, 2 * height_px, 3)).copy()


def night(strength: float = 0.02, height_px: int = 64) -> Singles:
    """Return a dark blue sky with the glow of a town on the horizon; its mean is `strength`."""
    _in_range("strength", strength, 0, 1e6)
    up = directions(height_px)[..., 2]
    glow = np.exp(-np.abs(up) / 0.15)[..., None] * np.array([1.6, 1.1, 0.6])
    blue = np.array([0.45, 0.6, 1.0]) * np.where(up > 0, 0.6 + 0.4 * (1 - up), 0.15)[..., None]
    radiance = glow + blue
    return np.asarray(strength * radiance / radiance.mean(), np.float32)


def load_environment(path: str | Path, height_px: int = 256) -> Singles:
    """Read a panorama (latitude and longitude, up is up): .hdr, or a photograph.

    A photograph is decoded to linear light; its white is a radiance of 1, so that no sun in it is
    as strong as the real one. Panoramas with more than `height_px` rows are averaged down, others
    than 2 : 1 are stretched to it.

    Returns
    -------
    radiance : (h, 2 h, 3), h at most `height_px`

    Raises
    ------
    AssetError
        Missing, damaged, not a picture, OpenEXR.
    """
    ending = Path(path).suffix.lower()
    if ending == ".exr":
        raise AssetError(f"{path} is OpenEXR, which is not read", hint="save it as Radiance .hdr")
    if ending in (".hdr", ".pic", ".rgbe"):
        radiance = read_hdr(path)
    else:
        radiance = decode_srgb(read_picture(path))
    height = min(height_px, radiance.shape[0], max(radiance.shape[1] // 2, 1))
    return resized(radiance, height, 2 * height)


def directions(height_px: int) -> Floats:
    """Return the unit direction of every pixel of a panorama, (h, 2 h, 3)."""
    if not 2 <= height_px <= 4096:
        raise SceneError(f"height_px must lie in [2, 4096], not {height_px!r}")
    up = np.pi * (0.5 - (np.arange(height_px) + 0.5) / height_px)
    around = 2 * np.pi * (0.5 - (np.arange(2 * height_px) + 0.5) / (2 * height_px))
    level = np.cos(up)[:, None]
    return np.stack(
        np.broadcast_arrays(
            level * np.cos(around), level * np.sin(around), np.sin(up)[:, None] + 0 * around
        ),
        axis=-1,
    )


def irradiance_up(radiance: NDArray[np.floating]) -> Floats:
    """Return what arrives on level ground from the upper half of a panorama, (3,).

    A panorama of constant radiance 1 gives pi, within 0.1 % at 64 rows.
    """
    height = radiance.shape[0]
    up = np.pi * (0.5 - (np.arange(height) + 0.5) / height)
    weight = np.where(up > 0, np.cos(up) * np.sin(up), 0) * (np.pi / height) ** 2
    return np.asarray(np.einsum("h,hwc->c", weight, radiance.astype(np.float64)))


def _in_range(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise SceneError(f"{name} of a sky must lie in [{low:g}, {high:g}], not {value!r}")


def _toward(elevation: float, azimuth: float) -> Floats:
    e, a = np.radians(elevation), np.radians(azimuth)
    return np.array([np.cos(e) * np.cos(a), np.cos(e) * np.sin(a), np.sin(e)])


def _clear(look: Floats, toward: Floats, haze: float) -> Floats:
    """Radiance of cloudless air, (h, w, 3) linear sRGB; the lower half repeats the horizon."""
    sun_height = max(float(toward[2]), np.sin(np.radians(0.5)))
    theta = float(np.arccos(sun_height))
    a, b, c, d, e = np.einsum("kct,t->kc", PEREZ, [haze, 1.0])  # (5, 3)
    cosine = np.maximum(look[..., 2], 0.01)[..., None]
    gamma = np.arccos(np.clip(look @ toward, -1, 1))[..., None]
    angle = _zenith_of(haze, theta)
    shape = (1 + a * np.exp(b / cosine)) * (1 + c * np.exp(d * gamma) + e * np.cos(gamma) ** 2)
    norm = (1 + a * np.exp(b)) * (1 + c * np.exp(d * theta) + e * np.cos(theta) ** 2)
    luminance, x, y = np.moveaxis(angle * shape / norm, -1, 0)
    y = np.maximum(y, 0.05)
    xyz = np.stack([x / y, np.ones_like(x), (1 - x - y) / y], axis=-1) * luminance[..., None]
    return np.asarray(np.maximum(xyz @ SRGB_FROM_XYZ.T, 0) * KILOCANDELA)


def _zenith_of(haze: float, theta: float) -> Floats:
    """Luminance (kcd/m^2) and chromaticity x, y straight above, (3,)."""
    chi = (4 / 9 - haze / 120) * (np.pi - 2 * theta)
    luminance = (4.0453 * haze - 4.9710) * np.tan(chi) - 0.2155 * haze + 2.4192
    powers = np.array([haze**2, haze, 1.0])
    angles = np.array([theta**3, theta**2, theta, 1.0])
    return np.array([max(luminance, 0.05), powers @ ZENITH_X @ angles, powers @ ZENITH_Y @ angles])


def _sunlight(elevation: float, haze: float) -> Floats:
    """Irradiance on a surface that faces the sun, after the air, (3,)."""
    height = max(elevation, 0.0)
    air = 1 / (np.sin(np.radians(height)) + 0.15 * (height + 3.885) ** -1.253)
    wavelength = np.array([0.61, 0.55, 0.465])  # micrometres
    rayleigh = np.exp(-0.008735 * air * wavelength**-4.08)
    aerosol = np.exp(-max(0.04608 * haze - 0.04586, 0.0) * air * wavelength**-1.3)
    risen = smoothstep(-0.5, 0.5, float(elevation))
    return np.asarray(SPACE_SUN * rayleigh * aerosol * risen)


def _clouds(look: Floats, toward: Floats, share: float, seed: Seed) -> tuple[Floats, float]:
    """Density of clouds at every pixel, (h, w) in [0, 1], and in front of the sun."""
    if share == 0:
        return np.zeros(look.shape[:2]), 0.0
    field = fractal((256, 256), 5, seed.rng(), 6, 0.55)
    values = _overhead(field, look)
    edge = float(np.quantile(field, 1 - share)) if share < 1 else float(field.min()) - 1
    soft = 0.12
    density = smoothstep(edge - soft / 2, edge + soft, values)
    far = 1 - smoothstep(0.03, 0.3, look[..., 2])  # too small to be told apart there
    density = density + far * (0.8 * share - density)
    sun = smoothstep(edge - soft / 2, edge + soft, _overhead(field, toward[None, None]))
    return np.asarray(density), float(sun[0, 0])


def _overhead(field: Floats, look: Floats) -> Floats:
    """Look a flat layer up that hangs above; towards the horizon it is squeezed."""
    far = 70 / (np.maximum(look[..., 2], 0) + 0.18)
    return looked_up(field, 128 + far * look[..., 0], 128 + far * look[..., 1])


def _cloud_light(look: Floats, density: Floats, lit: Floats, clear: Floats, share: float) -> Floats:
    """Radiance of clouds: sun through their thin parts, light of the sky, grey below."""
    above = np.maximum(look[..., 2], 0)
    mean = (clear * above[..., None]).mean(axis=(0, 1)) * 4
    grey = 0.6 * mean + 0.4 * float(mean @ GREY)
    thin = 1 - 0.55 * density
    bright = 0.16 * lit * thin[..., None] + 0.8 * grey
    overcast = (0.12 * float(lit @ GREY) + 0.5 * float(mean @ GREY)) * (1 + 2 * above) / 2.4
    closed = smoothstep(0.6, 1.0, float(share))
    texture = 0.8 + 0.2 * thin
    cold = np.array([0.97, 1.0, 1.04])
    return np.asarray(bright + closed * ((overcast * texture)[..., None] * cold - bright))


def _box(look: Floats, middle: Floats, size: Floats) -> Floats:
    """How far a direction lies in a rectangle seen in `middle`, (h, w) in [0, 1]."""
    side = np.array([-middle[1], middle[0], 0.0]) / np.hypot(middle[0], middle[1])
    up = np.cross(middle, side)
    ahead = look @ middle
    depth = np.maximum(ahead, 1e-6)
    x, y = np.abs(look @ side) / depth / size[0], np.abs(look @ up) / depth / size[1]
    return np.where(ahead > 0, 1 - smoothstep(0.85, 1.1, np.maximum(x, y)), 0)
