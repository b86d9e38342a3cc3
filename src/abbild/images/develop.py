"""From linear radiance to the bytes of a picture: lens, sensor, tone curve, file."""

# mypy: allow-untyped-defs, allow-untyped-calls

from __future__ import annotations

from io import BytesIO
from math import ceil, exp, sqrt
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray
from PIL import Image

from abbild.core import Seed
from abbild.core.errors import ShapeError
from abbild.images.stage import Sensor

__all__ = ["automatic_exposure", "blurred", "develop"]

Singles = NDArray[np.float32]
Bytes = NDArray[np.uint8]

GREY = 0.18  # linear; what a photographer's grey card reflects
KNEE = 0.8  # linear light up to which the tone curve is straight
_BRIGHTEST = 1e6  # so that a single infinite pixel does not blur into the whole picture
RADIUS = 0.8  # pixels, of the surroundings against which edges are sharpened
_STEPS = 2048  # of the table of the sRGB curve, under a square root


def _srgb_table() -> Singles:
    """IEC 61966-2-1, for light (k / 2048)**2."""
    light = (np.arange(_STEPS + 2) / _STEPS) ** 2
    code = np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)
    return code.astype(np.float32)


_SRGB = _srgb_table()


def develop(radiance: Singles, sensor: Sensor, *, seed: Seed) -> Bytes:
    """Turn radiance into a picture.

    In this order: Gaussian blur and motion blur; shrinking by averaging; exposure and vignetting;
    shot and gain noise; white balance; tone curve; saturation, contrast and gamma on the encoded
    values; sharpening; JPEG; enlarging (bilinear) to the old size. What is at its default costs
    nothing.

    Parameters
    ----------
    radiance : (h, w, 3) float32, linear, sRGB primaries; what is not finite or negative is black
    sensor : see `Sensor`; with ``exposure=0``, `automatic_exposure`

    Returns
    -------
    picture : (h, w, 3) uint8, sRGB

    Raises
    ------
    ShapeError
        If `radiance` is not a picture of three channels.

    Notes
    -----
    The tone curve is straight up to 0.8 and then bends towards white without an edge,
    ``1 - 0.2 exp((0.8 - x) / 0.2)``, so that highlights keep their shape; radiance 1 becomes 247.
    Vignetting darkens by the square of the distance from the middle. ``gamma`` is the power of
    the encoded value: above 1 darkens. About 12 ms for 512 x 512 with noise.
    """
    if radiance.ndim != 3 or radiance.shape[2] != 3 or 0 in radiance.shape:
        raise ShapeError(
            f"radiance has the shape {radiance.shape}", hint="give an array (height, width, 3)"
        )
    light = np.ascontiguousarray(radiance, dtype=np.float32)
    light = _through_lens(light, sensor)
    exposure = sensor.exposure if sensor.exposure > 0 else automatic_exposure(radiance)
    noise = np.zeros((1, 1, 3), np.float32)
    if sensor.gain_noise > 0 or sensor.shot_noise > 0:
        noise = (seed / "noise").rng().standard_normal(light.shape, dtype=np.float32)
    balance = np.array([*sensor.white_balance, sensor.vignetting, exposure], np.float32)
    grain = np.array([sensor.gain_noise**2, sensor.shot_noise**2], np.float32)
    picture = np.empty(light.shape, np.uint8)
    _expose(picture, light, noise, balance, grain, float(sensor.saturation), _curve(sensor), _SRGB)
    if sensor.sharpen > 0:
        picture = _sharpened(picture, sensor.sharpen)
    if sensor.jpeg_quality > 0:
        picture = _through_jpeg(picture, sensor.jpeg_quality)
    if picture.shape != radiance.shape:
        picture = _enlarged(picture, radiance.shape[1], radiance.shape[0])
    return picture


def automatic_exposure(radiance: Singles) -> float:
    """Return the factor that brings the geometric mean of the luminance to 18 % grey.

    The key of Reinhard et al. (2002): a small bright sun does not darken everything else. Black
    pixels count as a thousandth of the arithmetic mean. 1 for a black picture.
    """
    return float(_automatic(np.ascontiguousarray(radiance, dtype=np.float32)))


def _through_lens(light: Singles, sensor: Sensor) -> Singles:
    """Blur, move and shrink."""
    is_moved = any(abs(each) > 1e-3 for each in sensor.motion)
    if sensor.blur <= 0 and not is_moved and sensor.downscale <= 1:
        return light
    light = _clean(light)
    if sensor.blur > 0:
        light = blurred(light, sensor.blur)
    if is_moved:
        light = _moved(light, float(sensor.motion[0]), float(sensor.motion[1]))
    if sensor.downscale > 1:
        rows = max(1, round(light.shape[0] / sensor.downscale))
        columns = max(1, round(light.shape[1] / sensor.downscale))
        light = _shrunk(light, rows, columns)
    return light


def blurred(light: Singles, deviation: float) -> Singles:
    """Convolve (h, w, c) float32 with a Gaussian of `deviation` pixels; the border repeats."""
    h, w, channels = light.shape
    rows = np.ascontiguousarray(light).reshape(h, w * channels)
    soft: Singles = _blurred(rows, _bell(deviation), channels).reshape(light.shape)
    return soft


def _bell(deviation: float) -> Singles:
    """Weights of a Gaussian, cut at four deviations."""
    reach = max(1, ceil(4 * deviation))
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / deviation) ** 2)
    bell: Singles = (weights / weights.sum()).astype(np.float32)
    return bell


def _curve(sensor: Sensor) -> Singles:
    """Return contrast and gamma as a table over encoded values, or nothing to do."""
    if sensor.saturation == sensor.contrast == sensor.gamma == 1.0:
        return np.zeros(0, np.float32)
    value = np.minimum(np.arange(_STEPS + 2) / _STEPS, 1.0)
    value = np.clip(0.5 + sensor.contrast * (value - 0.5), 0.0, 1.0)
    return (value**sensor.gamma).astype(np.float32)


def _sharpened(picture: Bytes, amount: float) -> Bytes:
    """Add to every pixel its difference from its surroundings, as cameras do."""
    coded = picture.astype(np.float32)
    sharp = coded + np.float32(amount) * (coded - blurred(coded, RADIUS))
    return np.clip(np.rint(sharp), 0, 255).astype(np.uint8)


def _through_jpeg(picture: Bytes, quality: int) -> Bytes:
    file = BytesIO()
    Image.fromarray(picture).save(file, "JPEG", quality=quality)
    with Image.open(file) as image:
        return np.array(image)


def _enlarged(picture: Bytes, width: int, height: int) -> Bytes:
    image = Image.fromarray(picture).resize((width, height), Image.Resampling.BILINEAR)
    return np.array(image)


@njit(cache=True)
def _clean(light: Singles) -> Singles:
    out = np.empty_like(light)
    for i in range(light.shape[0]):
        for j in range(light.shape[1]):
            for c in range(3):
                value = light[i, j, c]
                out[i, j, c] = min(value, _BRIGHTEST) if value > 0.0 else 0.0
    return out


@njit(cache=True)
def _automatic(light):
    total, count = 0.0, light.shape[0] * light.shape[1]
    for i in range(light.shape[0]):
        for j in range(light.shape[1]):
            total += _luminance(light, i, j)
    if total <= 0.0:
        return 1.0
    least, logs = 1e-3 * total / count, 0.0
    for i in range(light.shape[0]):
        for j in range(light.shape[1]):
            logs += np.log(max(_luminance(light, i, j), least))
    return GREY / np.exp(logs / count)


@njit(cache=True)
def _luminance(light, i, j):
    value = 0.2126 * light[i, j, 0] + 0.7152 * light[i, j, 1] + 0.0722 * light[i, j, 2]
    return min(value, _BRIGHTEST) if value > 0.0 else 0.0


@njit(cache=True)
def _blurred(light: Singles, weights: Singles, channels: int) -> Singles:
    """Convolve columns and rows, each along contiguous memory."""
    h, n = light.shape
    reach = len(weights) // 2
    out = np.empty_like(light)
    line = np.empty(n, np.float32)
    wide = np.empty(n + 2 * reach * channels, np.float32)
    for i in range(h):
        line[:] = np.float32(0.0)
        for k in range(len(weights)):
            source, weight = light[min(max(i + k - reach, 0), h - 1)], weights[k]
            for j in range(n):
                line[j] += weight * source[j]
        wide[reach * channels : reach * channels + n] = line
        for j in range(reach * channels):
            wide[j] = line[j % channels]
            wide[reach * channels + n + j] = line[n - channels + j % channels]
        line[:] = np.float32(0.0)
        for k in range(len(weights)):
            source, weight = wide[k * channels : k * channels + n], weights[k]
            for j in range(n):
                line[j] += weight * source[j]
        out[i] = line
    return out


@njit(cache=True)
def _moved(light: Singles, dx: float, dy: float) -> Singles:
    """Average along a segment through every pixel, by bilinear samples half a pixel apart."""
    h, w = light.shape[0], light.shape[1]
    count = ceil(2.0 * sqrt(dx * dx + dy * dy)) + 1
    out = np.zeros_like(light)
    for k in range(count):
        x, y = dx * ((k + 0.5) / count - 0.5), dy * ((k + 0.5) / count - 0.5)
        left, top = int(np.floor(x)), int(np.floor(y))
        p, q = np.float32(x - left), np.float32(y - top)
        one = np.float32(1.0)
        share = one / np.float32(count)
        for i in range(h):
            i0, i1 = min(max(i + top, 0), h - 1), min(max(i + top + 1, 0), h - 1)
            for j in range(w):
                j0, j1 = min(max(j + left, 0), w - 1), min(max(j + left + 1, 0), w - 1)
                for c in range(3):
                    upper = light[i0, j0, c] * (one - p) + light[i0, j1, c] * p
                    lower = light[i1, j0, c] * (one - p) + light[i1, j1, c] * p
                    out[i, j, c] += share * (upper * (one - q) + lower * q)
    return out


@njit(cache=True)
def _shares(old: int, new: int) -> Any:
    """Overlap of every new pixel with the old ones: first old pixel and weights with sum 1."""
    scale = old / new
    reach = ceil(scale) + 1
    first = np.empty(new, np.int64)
    weights = np.zeros((new, reach))
    for n in range(new):
        low, high = n * scale, (n + 1) * scale
        first[n] = int(low)
        for k in range(reach):
            at = first[n] + k
            weights[n, k] = max(0.0, min(high, at + 1.0) - max(low, at + 0.0)) / scale
    return first, weights


@njit(cache=True)
def _shrunk(light: Singles, rows: int, columns: int) -> Singles:
    """Average over the area of each new pixel."""
    top, down = _shares(light.shape[0], rows)
    left, across = _shares(light.shape[1], columns)
    out = np.zeros((rows, columns, 3), np.float32)
    for i in range(rows):
        for j in range(columns):
            for p in range(down.shape[1]):
                for q in range(across.shape[1]):
                    weight = down[i, p] * across[j, q]
                    if weight > 0.0:
                        for c in range(3):
                            out[i, j, c] += weight * light[top[i] + p, left[j] + q, c]
    return out


@njit(cache=True)
def _encoded(value, table):
    """Tone curve and sRGB encoding, to [0, 1]."""
    if not value > 0.0:
        return np.float32(0.0)
    if value > KNEE:
        value = 1.0 - (1.0 - KNEE) * exp((KNEE - value) / (1.0 - KNEE))
    place = sqrt(value) * _STEPS
    k = int(place)
    return table[k] + np.float32(place - k) * (table[k + 1] - table[k])


@njit(cache=True)
def _graded(rgb, saturation, curve):
    luma = 0.299 * rgb[0] + 0.587 * rgb[1] + 0.114 * rgb[2]
    for c in range(3):
        value = luma + saturation * (rgb[c] - luma)
        place = min(max(value, 0.0), 1.0) * (len(curve) - 2)
        k = int(place)
        rgb[c] = curve[k] + (place - k) * (curve[k + 1] - curve[k])


@njit(cache=True)
def _expose(
    picture: Bytes,
    light: Singles,
    noise: Singles,
    balance: Singles,
    grain: Singles,
    saturation: float,
    curve: Singles,
    table: Singles,
) -> None:
    h, w = light.shape[0], light.shape[1]
    is_noisy = grain[0] + grain[1] > 0.0
    lost, exposure = balance[3], balance[4]
    corner = 1.0 / (0.25 * (w * w + h * h))
    rgb = np.empty(3, np.float32)
    for i in range(h):
        y = i + 0.5 - 0.5 * h
        for j in range(w):
            x = j + 0.5 - 0.5 * w
            factor = exposure * (1.0 - lost * (x * x + y * y) * corner)
            for c in range(3):
                value = light[i, j, c] * factor
                value = value if value > 0.0 else 0.0
                if is_noisy:
                    value += noise[i, j, c] * sqrt(grain[0] + grain[1] * value)
                rgb[c] = _encoded(value * balance[c], table)
            if len(curve) > 0:
                _graded(rgb, saturation, curve)
            for c in range(3):
                picture[i, j, c] = np.uint8(rgb[c] * 255.0 + 0.5)
