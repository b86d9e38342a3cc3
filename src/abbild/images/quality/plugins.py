"""Parts of Mitsuba of our own: one material for all surfaces, one light for all small lamps.

Mitsuba traces every instance of every plugin once for each picture, and compiles anew whenever
their number changes. Here one instance each reads tables, so that neither happens. The compiled
variant only: calls into Python for every single ray would be slow.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import drjit as dr
import mitsuba as mi
import numpy as np
from numpy.typing import NDArray

from abbild.images.colors import decode_srgb
from abbild.images.quality.geometry import Soup
from abbild.images.quality.lamps import COLUMNS
from abbild.images.quality.palette import LEVELS, SMOOTHEST, Palette

__all__ = ["Paint", "make_lamps", "make_matter"]


class Paint:
    """Tables of all surfaces, on the side of Dr.Jit."""

    def __init__(self, palette: Palette, eye: NDArray[np.float64], spread: tuple[float, float]):
        self.values = mi.Float(palette.values.ravel())
        self.textures = mi.UInt32(palette.textures.ravel())
        self.sizes = mi.UInt32(palette.sizes.ravel())
        self.texels = mi.UInt32(palette.texels)
        self.srgb = mi.Float(decode_srgb(np.arange(256, dtype=np.uint8)))
        self.eye = mi.Point3f(*[dr.opaque(mi.Float, float(x)) for x in eye])
        # width of what one sample covers, metres: constant, and for each metre of distance
        self.spread = [dr.opaque(mi.Float, x) for x in spread]
        self.has_maps = palette.has_maps

    def value(self, surface: Any, column: int, active: Any) -> Any:
        """Return one number of a surface."""
        return dr.gather(mi.Float, self.values, surface * 8 + column, active)

    def texture(self, surface: Any, slot: int, place: Any, active: Any) -> Any:
        """Return a texture, averaged over about what a sample covers (Williams 1983)."""
        uv, width = place
        texture = dr.gather(mi.UInt32, self.textures, surface * 4 + slot, active) * (LEVELS * 4)
        size = [dr.gather(mi.UInt32, self.sizes, texture + k, active) for k in (1, 2, 3)]
        texels = width * mi.Float(dr.maximum(size[0], size[1]))
        level = mi.Int32(dr.floor(dr.log2(dr.maximum(texels, 1.0))))
        level = mi.UInt32(dr.clip(level, 0, mi.Int32(size[2]) - 1))
        at = texture + level * 4
        begin, rows, columns = (dr.gather(mi.UInt32, self.sizes, at + k, active) for k in range(3))
        smooth = (self.value(surface, 6, active) > 0.5) | (level > 0)
        return self._bilinear(begin, (mi.Int32(rows), mi.Int32(columns)), uv, smooth, slot, active)

    def _bilinear(self, begin: Any, size: Any, uv: Any, smooth: Any, slot: int, active: Any) -> Any:
        rows, columns = size
        x = (uv.x - dr.floor(uv.x)) * mi.Float(columns) - 0.5
        y = (1.0 - (uv.y - dr.floor(uv.y))) * mi.Float(rows) - 0.5
        left, top = mi.Int32(dr.floor(x)), mi.Int32(dr.floor(y))
        p, q = x - mi.Float(left), y - mi.Float(top)
        p = dr.select(smooth, p, dr.select(p < 0.5, 0.0, 1.0))
        q = dr.select(smooth, q, dr.select(q < 0.5, 0.0, 1.0))
        i0, j0 = dr.select(top < 0, rows - 1, top), dr.select(left < 0, columns - 1, left)
        i1, j1 = dr.select(top + 1 >= rows, 0, top + 1), dr.select(left + 1 >= columns, 0, left + 1)

        def texel(i: Any, j: Any) -> Any:
            code = dr.gather(mi.UInt32, self.texels, begin + mi.UInt32(i * columns + j), active)
            return self._decode(code, slot, active)

        upper = dr.lerp(texel(i0, j0), texel(i0, j1), p)
        return dr.lerp(upper, dr.lerp(texel(i1, j0), texel(i1, j1), p), q)

    def _decode(self, code: Any, slot: int, active: Any) -> Any:
        bytes_ = [code & 255, (code >> 8) & 255, (code >> 16) & 255]
        if slot == 0:
            return mi.Color3f(*[dr.gather(mi.Float, self.srgb, b, active) for b in bytes_])
        return mi.Color3f(*[mi.Float(b) * (1 / 255) for b in bytes_])


class _Matter:
    """Lambert's diffuse light under a GGX lobe with Schlick's Fresnel; the same from both sides.

    Burley (2012) with the parts of `Surface`; sampling of visible normals by Dupuy and Benyoub
    (2023). The diffuse part is not dimmed by the mirror part, so that surfaces with specular = 0
    are Lambert's exactly.
    """

    paint: Any = None
    surface_of: Any = None
    density_of: Any = None

    def __init__(self, props: Any) -> None:
        mi.BSDF.__init__(self, props)
        sides = mi.BSDFFlags.FrontSide | mi.BSDFFlags.BackSide
        self.m_components = [
            mi.BSDFFlags.DiffuseReflection | sides,
            mi.BSDFFlags.GlossyReflection | sides,
        ]
        self.m_flags = self.m_components[0] | self.m_components[1]

    def bind(self, paint: Paint, soup: Soup) -> None:
        """Use these surfaces for these triangles from now on."""
        self.paint = paint
        self.surface_of = mi.UInt32(soup.surface.astype(np.uint32))
        self.density_of = mi.Float(soup.density)

    def unbind(self) -> None:
        """Let go of what `bind` made."""
        self.paint = self.surface_of = self.density_of = None

    def look_up(self, si: Any, active: Any) -> tuple[Any, Any]:
        """Return the surface at a hit, and where on its textures: uv and the width to average."""
        surface = dr.gather(mi.UInt32, self.surface_of, si.prim_index, active)
        density = dr.gather(mi.Float, self.density_of, si.prim_index, active)
        constant, slope = self.paint.spread
        width = (constant + slope * dr.norm(si.p - self.paint.eye)) * density
        return surface, (si.uv, width)

    def eval_diffuse_reflectance(self, si: Any, active: Any = True) -> Any:
        """Return the base colour at a hit, that of metals too: what guides the denoiser."""
        return self._color(*self.look_up(si, active), active)

    def _color(self, surface: Any, place: Any, active: Any) -> Any:
        flat = mi.Color3f(*[self.paint.value(surface, k, active) for k in range(3)])
        return flat * self.paint.texture(surface, 0, place, active)

    def _traits(self, si: Any, active: Any) -> tuple[Any, Any, Any, Any]:
        """Return diffuse colour, mirror colour at right angles and at grazing angles, alpha."""
        surface, place = self.look_up(si, active)
        color, paint = self._color(surface, place, active), self.paint
        roughness, metallic, specular = (paint.value(surface, k, active) for k in (3, 4, 5))
        if paint.has_maps[0]:
            roughness = roughness * paint.texture(surface, 1, place, active).x
        if paint.has_maps[1]:
            metallic = metallic * paint.texture(surface, 2, place, active).x
        dull = 1.0 - metallic
        mirror = color * metallic + 0.08 * specular * dull
        grazing = dr.minimum(50.0 * dr.max(mirror), 1.0)
        alpha = dr.square(dr.maximum(roughness, SMOOTHEST))
        return color * dull, mirror, grazing, alpha

    def _frame(self, si: Any, active: Any) -> Any:
        """Return the frame of the shading normal, bent by the normal map if there is any."""
        if not self.paint.has_maps[2]:
            return None
        surface, place = self.look_up(si, active)
        bump = 2.0 * self.paint.texture(surface, 3, place, active) - 1.0
        bent = dr.gather(mi.UInt32, self.paint.textures, surface * 4 + 3, active) > 0
        n = mi.Normal3f(si.sh_frame.n)
        s = dr.normalize(si.dp_du - n * dr.dot(n, si.dp_du))
        handed = dr.select(dr.dot(dr.cross(n, s), si.dp_dv) < 0, -1.0, 1.0)
        turned = dr.normalize(s * bump.x + dr.cross(n, s) * (handed * bump.y) + n * bump.z)
        usable = bent & dr.isfinite(dr.squared_norm(turned)) & (bump.z > 0)
        outward = mi.Vector3f(dr.select(usable, turned, n))
        local = mi.Frame3f(si.to_local(outward))
        # a bent frame that the viewer looks at from behind would turn black
        return mi.Frame3f(dr.select(dr.dot(local.n, si.wi) * si.wi.z > 0, local.n, (0, 0, 1)))

    def _sides(self, si: Any, wo: Any, frame: Any) -> tuple[Any, Any]:
        wi = si.wi
        if frame is not None:
            wi, wo = frame.to_local(wi), frame.to_local(wo)
        side = dr.select(wi.z < 0, -1.0, 1.0)
        return (
            mi.Vector3f(wi.x, wi.y, wi.z * side),
            mi.Vector3f(wo.x, wo.y, wo.z * side),
        )

    def eval_pdf(self, context: Any, si: Any, wo: Any, active: Any = True) -> tuple[Any, Any]:
        """Return value times cosine, and the density of `sample`."""
        traits, frame = self._traits(si, active), self._frame(si, active)
        return _value_and_density(traits, *self._sides(si, wo, frame), wo.z * si.wi.z > 0)

    def eval(self, context: Any, si: Any, wo: Any, active: Any = True) -> Any:
        """Return value times cosine."""
        return self.eval_pdf(context, si, wo, active)[0]

    def pdf(self, context: Any, si: Any, wo: Any, active: Any = True) -> Any:
        """Return the density of `sample`."""
        return self.eval_pdf(context, si, wo, active)[1]

    def sample(
        self, context: Any, si: Any, sample1: Any, sample2: Any, active: Any = True
    ) -> tuple[Any, Any]:
        """Draw a direction; returns it and value times cosine over density."""
        traits, frame = self._traits(si, active), self._frame(si, active)
        wi, _ = self._sides(si, si.wi, frame)
        glossy = sample1 < _mirror_share(traits, wi)
        normal = _visible_normal(wi, traits[3], sample2)
        mirrored = normal * (2.0 * dr.dot(wi, normal)) - wi
        local = dr.select(glossy, mirrored, mi.warp.square_to_cosine_hemisphere(sample2))
        side = dr.select((si.wi.z if frame is None else dr.dot(frame.n, si.wi)) < 0, -1.0, 1.0)
        wo = mi.Vector3f(local.x, local.y, local.z * side)
        if frame is not None:
            wo = frame.to_world(wo)
        value, density = _value_and_density(traits, wi, local, wo.z * si.wi.z > 0)
        good = active & (density > 0) & (local.z > 0)
        bs = mi.BSDFSample3f(wo)
        bs.pdf = dr.select(good, density, 0.0)
        bs.eta = 1.0
        bs.sampled_component = dr.select(glossy, mi.UInt32(1), mi.UInt32(0))
        bs.sampled_type = dr.select(
            glossy,
            mi.UInt32(+mi.BSDFFlags.GlossyReflection),
            mi.UInt32(+mi.BSDFFlags.DiffuseReflection),
        )
        return bs, dr.select(good, value / density, 0.0)

    def to_string(self) -> str:
        """Return a name, as Mitsuba asks for one."""
        return "Matter[]"


def _schlick(traits: Any, cosine: Any) -> Any:
    _, mirror, grazing, _ = traits
    x = dr.square(1.0 - dr.clip(cosine, 0.0, 1.0))
    return mirror + (grazing - mirror) * (x * x * (1.0 - dr.clip(cosine, 0.0, 1.0)))


def _mirror_share(traits: Any, wi: Any) -> Any:
    """Return how often the mirror lobe is sampled."""
    mirror, diffuse = dr.mean(_schlick(traits, wi.z)), dr.mean(traits[0])
    share = mirror / dr.maximum(mirror + diffuse, 1e-6)
    return dr.select(share > 0, dr.maximum(share, 0.1), 0.0)


def _visible_normal(wi: Any, alpha: Any, sample: Any) -> Any:
    """Draw a normal that is seen from `wi` (Dupuy and Benyoub 2023, listing 3)."""
    bent = dr.normalize(mi.Vector3f(wi.x * alpha, wi.y * alpha, wi.z))
    z = dr.fma(1.0 - sample.y, 1.0 + bent.z, -bent.z)
    ring = dr.safe_sqrt(1.0 - z * z)
    s, c = dr.sincos(2.0 * dr.pi * sample.x)
    half = mi.Vector3f(ring * c, ring * s, z) + bent
    return dr.normalize(mi.Vector3f(half.x * alpha, half.y * alpha, half.z))


def _value_and_density(traits: Any, wi: Any, wo: Any, same_side: Any) -> tuple[Any, Any]:
    diffuse, _, grazing, alpha = traits
    active = (wi.z > 0) & (wo.z > 0) & same_side
    nv, nl = dr.maximum(wi.z, 1e-4), dr.maximum(wo.z, 0.0)
    half = dr.normalize(wi + wo)
    a2 = dr.square(alpha)
    lobe = a2 / (dr.pi * dr.square(dr.square(half.z) * (a2 - 1.0) + 1.0))
    to_view = dr.sqrt(dr.square(nv) * (1.0 - a2) + a2)
    masked = nl * to_view + nv * dr.sqrt(dr.square(nl) * (1.0 - a2) + a2)
    fresnel = dr.select(grazing > 0, _schlick(traits, dr.dot(wi, half)), 0.0)
    value = diffuse * (nl / dr.pi) + fresnel * (0.5 * lobe * nl / dr.maximum(masked, 1e-12))
    share = _mirror_share(traits, wi)
    seen = lobe / (2.0 * (nv + to_view))  # density of the visible normal's mirror direction
    density = share * seen + (1.0 - share) * (nl / dr.pi)
    return dr.select(active, value, 0.0), dr.select(active, density, 0.0)


class _Lamps:
    """All suns and bulbs; one of them is drawn, and a point of its disc.

    They are found by sampling lamps alone, never hit by a ray: nobody sees them, as in the label
    engine, and a highlight cannot miss them.
    """

    rows: Any = None
    count: Any = None
    reach: Any = None

    def __init__(self, props: Any) -> None:
        mi.Emitter.__init__(self, props)
        self.m_flags = mi.EmitterFlags.DeltaPosition

    def bind(self, rows: NDArray[np.float32], reach: float) -> None:
        """Use these lamps from now on, (l, COLUMNS); a sun's rays are followed for `reach`."""
        self.rows = mi.Float(rows.ravel())
        self.count = dr.opaque(mi.UInt32, len(rows))
        self.reach = dr.opaque(mi.Float, reach)

    def unbind(self) -> None:
        """Let go of what `bind` made."""
        self.rows = self.count = self.reach = None

    def _row(self, at: Any, active: Any, first: int, count: int) -> list[Any]:
        start = at * COLUMNS + first
        return [dr.gather(mi.Float, self.rows, start + k, active) for k in range(count)]

    def sample_direction(self, it: Any, sample: Any, active: Any = True) -> tuple[Any, Any]:
        """Draw a direction to a lamp; returns it and radiance over density."""
        scaled = sample.x * mi.Float(self.count)
        lamp = dr.minimum(mi.UInt32(scaled), self.count - 1)
        disc = mi.warp.square_to_uniform_disk_concentric(
            mi.Point2f(scaled - mi.Float(lamp), sample.y)
        )
        is_sun = self._row(lamp, active, 0, 1)[0] < 0.5
        place, axis = (mi.Vector3f(*self._row(lamp, active, k, 3)) for k in (1, 4))
        radius, begins, ends = self._row(lamp, active, 7, 3)
        light = mi.Color3f(*self._row(lamp, active, 10, 3))
        towards = dr.select(is_sun, place, place - it.p)
        far = dr.norm(towards)
        way = mi.Frame3f(towards / dr.maximum(far, 1e-30))
        point = towards + (way.s * disc.x + way.t * disc.y) * radius
        length = dr.norm(point)
        direction = point / dr.maximum(length, 1e-30)
        near = dr.maximum(dr.square(far), dr.square(radius)) + 1e-30
        cone = dr.clip((-dr.dot(way.n, axis) - ends) / dr.maximum(begins - ends, 1e-9), 0.0, 1.0)
        weight = light * mi.Float(self.count) * dr.select(is_sun, 1.0, cone / near)
        ds = dr.zeros(mi.DirectionSample3f)
        ds.d, ds.n = direction, -direction
        ds.dist = dr.select(is_sun, self.reach, length)
        ds.p = it.p + direction * ds.dist
        ds.pdf = dr.select(active, 1.0 / mi.Float(self.count), 0.0)
        ds.delta = mi.Bool(True)
        ds.emitter = mi.EmitterPtr(self)
        return ds, dr.select(active, weight, 0.0)

    def pdf_direction(self, it: Any, ds: Any, active: Any = True) -> Any:
        """Return 0: no other way leads to a lamp."""
        return mi.Float(0)

    def eval(self, si: Any, active: Any = True) -> Any:
        """Return 0: a lamp is never seen."""
        return mi.Color3f(0)

    def eval_direction(self, it: Any, ds: Any, active: Any = True) -> Any:
        """Return 0, likewise."""
        return mi.Color3f(0)

    def bbox(self) -> Any:
        """Return an empty box: lamps do not stretch the scene."""
        return mi.ScalarBoundingBox3f()

    def to_string(self) -> str:
        """Return a name, as Mitsuba asks for one."""
        return "Lamps[]"


@cache
def _register() -> None:
    """Give our methods the bases of the variant in use, which only exist once it is chosen."""
    matter, lamps = _derive(_Matter, mi.BSDF), _derive(_Lamps, mi.Emitter)
    mi.register_bsdf("abbild_matter", lambda props: matter(props))
    mi.register_emitter("abbild_lamps", lambda props: lamps(props))


def _derive(methods: type, base: Any) -> Any:
    """Return a class with these methods; the bindings allow one base class only."""
    body = {k: v for k, v in vars(methods).items() if k not in ("__dict__", "__weakref__")}
    return type(methods.__name__.strip("_"), (base,), body)


def make_matter() -> Any:
    """Return a material; `bind` it before it is used."""
    _register()
    return mi.load_dict({"type": "abbild_matter"})


def make_lamps() -> Any:
    """Return a light; `bind` it before it is used."""
    _register()
    return mi.load_dict({"type": "abbild_lamps"})
