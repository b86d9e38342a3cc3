"""What points of surfaces send to the camera (the parts of Burley 2012 that `Surface` has)."""

# mypy: allow-untyped-defs, allow-untyped-calls

from __future__ import annotations

from math import exp, pi, sqrt
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from abbild.images.fast.compiled import compiled, inlined
from abbild.images.fast.lamps import Lamps
from abbild.images.fast.lighting import arrival, cross, dot, unit
from abbild.images.fast.points import Camera, Points
from abbild.images.fast.prepared import Prepared
from abbild.images.fast.sky import Sky, gathered, mirrored
from abbild.images.fast.textures import sampled

__all__ = ["Light", "shade"]

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]
Ints = NDArray[np.int32]

_SMOOTHEST = 0.03  # roughness; below it highlights are smaller than any pixel


class Light(NamedTuple):
    """Everything that shines, and how much of it arrives.

    Attributes
    ----------
    lamps, sky : what shines
    shares : (l, h, w) float32, share of each lamp that a point sees
    openness : (h, w) float32, share of the sky that a point sees
    """

    lamps: Lamps
    sky: Sky
    shares: Singles
    openness: Singles


def shade(
    radiance: Singles,
    prepared: Prepared,
    points: Points,
    faces: Ints,
    camera: Camera,
    light: Light,
) -> None:
    """Write the radiance of every pixel that has a point; the others are left.

    Parameters
    ----------
    radiance : (h, w, 3) float32
    faces : (h, w) int32, as in `Hits`
    """
    _shade_all(radiance, prepared, points, faces, camera, light)


@inlined
def _tangents(geometry, instances, which, face):
    """Directions in the world in which u and v grow; zeros where the texture is degenerate."""
    index = geometry.first_face[instances.mesh[which]] + face
    a, b, c = geometry.faces[index, 0], geometry.faces[index, 1], geometry.faces[index, 2]
    uv, v, m = geometry.uv, geometry.vertices, instances.matrix[which]
    u1, v1 = uv[b, 0] - uv[a, 0], uv[b, 1] - uv[a, 1]
    u2, v2 = uv[c, 0] - uv[a, 0], uv[c, 1] - uv[a, 1]
    size = u1 * v2 - u2 * v1
    s = 1.0 if size > 0.0 else -1.0
    if size == 0.0:
        s = 0.0
    x = s * ((v[b, 0] - v[a, 0]) * v2 - (v[c, 0] - v[a, 0]) * v1)
    y = s * ((v[b, 1] - v[a, 1]) * v2 - (v[c, 1] - v[a, 1]) * v1)
    z = s * ((v[b, 2] - v[a, 2]) * v2 - (v[c, 2] - v[a, 2]) * v1)
    p = s * ((v[c, 0] - v[a, 0]) * u1 - (v[b, 0] - v[a, 0]) * u2)
    q = s * ((v[c, 1] - v[a, 1]) * u1 - (v[b, 1] - v[a, 1]) * u2)
    r = s * ((v[c, 2] - v[a, 2]) * u1 - (v[b, 2] - v[a, 2]) * u2)
    return (
        (
            m[0, 0] * x + m[0, 1] * y + m[0, 2] * z,
            m[1, 0] * x + m[1, 1] * y + m[1, 2] * z,
            m[2, 0] * x + m[2, 1] * y + m[2, 2] * z,
        ),
        (
            m[0, 0] * p + m[0, 1] * q + m[0, 2] * r,
            m[1, 0] * p + m[1, 1] * q + m[1, 2] * r,
            m[2, 0] * p + m[2, 1] * q + m[2, 2] * r,
        ),
    )


@inlined
def _bumped(n, facet, tangents, bump):
    """Turn a normal by a texel of a normal map."""
    t, b = tangents
    k = dot(t, n)
    t = t[0] - k * n[0], t[1] - k * n[1], t[2] - k * n[2]
    if dot(t, t) == 0.0:
        return n
    t = unit(t)
    w = cross(n, t)
    y = bump[1] if dot(w, b) >= 0.0 else -bump[1]
    turned = unit(
        (
            bump[0] * t[0] + y * w[0] + bump[2] * n[0],
            bump[0] * t[1] + y * w[1] + bump[2] * n[1],
            bump[0] * t[2] + y * w[2] + bump[2] * n[2],
        )
    )
    return turned if dot(turned, facet) > 0.0 else n


@inlined
def _value(paint, textures, surface, slot, at):
    """Roughness (slot 1) or metallic (slot 2)."""
    texture = paint.textures[surface, slot]
    if texture < 0:
        return paint.values[surface, 2 + slot]
    return sampled(textures, texture, False, at[0], at[1], at[2], paint.smooth[surface])[0]


@inlined
def _color(paint, textures, surface, at):
    texture = paint.textures[surface, 0]
    if texture < 0:
        return paint.values[surface, 0], paint.values[surface, 1], paint.values[surface, 2]
    return sampled(textures, texture, True, at[0], at[1], at[2], paint.smooth[surface])


@inlined
def _glint(n, v, way, alpha, wide):
    """Reflected share without Fresnel (GGX, Walter et al. 2007), and Schlick's fifth power.

    A lamp of some size widens the lobe to `wide` and keeps its energy (Karis 2013).
    """
    nl, nv = dot(n, way), max(dot(n, v), 1e-3)
    if nl <= 0.0:
        return 0.0, 0.0
    h = unit((way[0] + v[0], way[1] + v[1], way[2] + v[2]))
    nh, vh = max(dot(n, h), 0.0), max(dot(v, h), 0.0)
    a2 = alpha * alpha
    d = nh * nh * (a2 - 1.0) + 1.0
    spread = alpha / wide
    lobe = a2 / (pi * d * d) * spread * spread
    masked = nl * sqrt(nv * nv * (1.0 - a2) + a2) + nv * sqrt(nl * nl * (1.0 - a2) + a2)
    m = 1.0 - vh
    return lobe * 0.5 / masked * nl, m * m * m * m * m


@inlined
def _split(roughness, nv):
    """Scale and offset of the reflectance at normal incidence under a uniform sky.

    The fit of Lazarov (2013) as Karis (2014) gives it.
    """
    x, y = 1.0 - roughness, -0.0275 * roughness + 0.0425
    a = min(x * x, exp(-6.4324 * nv)) * x + y
    return -1.04 * a + 1.04 - 0.572 * roughness, 1.04 * a + 0.022 * roughness - 0.04


@inlined
def _plus(a, b):
    return a[0] + b[0], a[1] + b[1], a[2] + b[2]


@inlined
def _direct(light, at, p, frame, matter, total):
    """Add the light of all lamps."""
    n, v, r = frame
    diffuse, mirror, grazing, alpha = matter
    lamps = light.lamps
    for lamp in range(len(lamps.kind)):
        share = light.shares[lamp, at[0], at[1]]
        if share == 0.0:
            continue
        met, way, full, size = arrival(lamps, lamp, p, n, r)
        met *= share / pi
        glint, power = 0.0, 0.0
        if full > 0.0 and grazing > 0.0:
            glint, power = _glint(n, v, way, alpha, min(alpha + 0.5 * size, 1.0))
            glint *= full * share
        plain, steep = glint * (1.0 - power), glint * power * grazing
        came = (
            lamps.light[lamp, 0] * (diffuse[0] * met + mirror[0] * plain + steep),
            lamps.light[lamp, 1] * (diffuse[1] * met + mirror[1] * plain + steep),
            lamps.light[lamp, 2] * (diffuse[2] * met + mirror[2] * plain + steep),
        )
        total = _plus(total, came)
    return total


@inlined
def _given_back(diffuse, openness):
    """Share of the sky's light at a point, with what the bodies that hide it give back.

    Hidden directions are taken to be as bright as the point itself, which sums to a geometric
    series (the idea of Jimenez et al. 2016).
    """
    return diffuse / pi * openness / (1.0 - min(diffuse, 0.95) * (1.0 - openness))


@inlined
def _ambient(light, openness, frame, matter, roughness, total):
    """Add the light of the sky."""
    n, v, r = frame
    diffuse, mirror, grazing, _ = matter
    got = gathered(light.sky, n)
    scattered = (
        got[0] * _given_back(diffuse[0], openness),
        got[1] * _given_back(diffuse[1], openness),
        got[2] * _given_back(diffuse[2], openness),
    )
    total = _plus(total, scattered)
    if grazing <= 0.0:
        return total
    scale, offset = _split(roughness, max(dot(n, v), 0.0))
    around = mirrored(light.sky, r, roughness)
    hidden = (1.0 - openness) * (1.0 - openness) if roughness < 0.3 else 1.0 - openness
    shown, offset = 1.0 - hidden, offset * grazing
    reflected = (
        (mirror[0] * scale + offset) * around[0] * shown,
        (mirror[1] * scale + offset) * around[1] * shown,
        (mirror[2] * scale + offset) * around[2] * shown,
    )
    return _plus(total, reflected)


@inlined
def _frame(prepared, points, camera, at, face, place):
    """Return the normal, the direction to the camera, and its mirror direction."""
    i, j = at
    geometry, paint, textures, instances = prepared
    p, which = points.position[i, j], points.instance[i, j]
    n = float(points.normal[i, j, 0]), float(points.normal[i, j, 1]), float(points.normal[i, j, 2])
    surface = instances.surface[which]
    texture = paint.textures[surface, 3]
    if texture >= 0:
        texel = sampled(textures, texture, False, place[0], place[1], place[2], True)
        bump = 2.0 * texel[0] - 1.0, 2.0 * texel[1] - 1.0, 2.0 * texel[2] - 1.0
        facet = points.facet[i, j]
        n = _bumped(n, facet, _tangents(geometry, instances, which, face), bump)
    v = camera.eye[0] - p[0], camera.eye[1] - p[1], camera.eye[2] - p[2]
    if camera.is_parallel:
        v = -camera.forward[0], -camera.forward[1], -camera.forward[2]
    v = unit(v)
    k = 2.0 * dot(n, v)
    return n, v, (k * n[0] - v[0], k * n[1] - v[1], k * n[2] - v[2])


@inlined
def _pixel(prepared, points, face, camera, light, at):
    i, j = at
    _, paint, textures, instances = prepared
    surface = instances.surface[points.instance[i, j]]
    place = float(points.uv[i, j, 0]), float(points.uv[i, j, 1]), float(points.spread[i, j])
    frame = _frame(prepared, points, camera, at, face, place)
    color = _color(paint, textures, surface, place)
    metallic = _value(paint, textures, surface, 2, place)
    roughness = max(_value(paint, textures, surface, 1, place), _SMOOTHEST)
    dull, low = 1.0 - metallic, 0.08 * paint.values[surface, 5] * (1.0 - metallic)
    diffuse = color[0] * dull, color[1] * dull, color[2] * dull
    mirror = low + color[0] * metallic, low + color[1] * metallic, low + color[2] * metallic
    grazing = min(50.0 * max(mirror[0], max(mirror[1], mirror[2])), 1.0)
    matter = diffuse, mirror, grazing, roughness * roughness
    p = points.position[i, j, 0], points.position[i, j, 1], points.position[i, j, 2]
    own = paint.values[surface, 6], paint.values[surface, 7], paint.values[surface, 8]
    total = _direct(light, at, p, frame, matter, own)
    return _ambient(light, float(light.openness[i, j]), frame, matter, roughness, total)


@compiled
def _shade_all(
    radiance: Singles, prepared: Any, points: Points, faces: Ints, camera: Camera, light: Any
) -> None:
    for i in range(radiance.shape[0]):
        for j in range(radiance.shape[1]):
            if points.instance[i, j] >= 0:
                seen = _pixel(prepared, points, faces[i, j], camera, light, (i, j))
                radiance[i, j, 0], radiance[i, j, 1], radiance[i, j, 2] = seen
