"""The quick renderer: direct light, soft shadows and an open sky, compiled, on one core."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from abbild.core import Seed
from abbild.images.backdrop import fit_backdrop
from abbild.images.fast.background import paint_photograph, paint_sky
from abbild.images.fast.edges import mix_edges
from abbild.images.fast.lamps import Lamps, lamps_of, spots_on
from abbild.images.fast.occlusion import openness_of
from abbild.images.fast.points import Points, camera_of, points_of
from abbild.images.fast.prepared import Prepared, prepare
from abbild.images.fast.shade import Light, shade
from abbild.images.fast.shadows import visible_shares
from abbild.images.fast.sky import sky_of
from abbild.images.fast.smooth import smooth, spread_out
from abbild.images.labels import find_hits
from abbild.images.layers import Layers
from abbild.images.stage import Stage, View

__all__ = ["Fast"]

Singles = NDArray[np.float32]

_SMALL = 128 * 128  # pixels up to which the openness is computed for each of them


@dataclass(frozen=True)
class Fast:
    """Lambert and GGX under lamps with soft shadows and under the sky, without interreflection.

    Geometry, textures and environments are kept while they live; moving bodies, lamps and cameras
    costs nothing beyond the picture.

    Parameters
    ----------
    shadow_samples : rays to each lamp from each pixel where its shadow begins or ends; neighbours
        share them, so that 4 look like 64
    supersample : rays along each side of pixels at outlines; 1 leaves steps. Labels stay those of
        the pixel's centre
    ambient_occlusion : rays to the sky from each pixel; 0 leaves every point open to it
    occlusion_reach : how long they are at most, in sizes of the middle body of the scene

    Notes
    -----
    What is missing beside a path tracer: light that bounces between bodies (hidden sky is given
    back in part), mirror images of bodies, lamps that are seen. Time is proportional to pixels
    and lamps; about 0.2 s for 512 x 512 with one lamp and 82,000 triangles.
    """

    shadow_samples: int = 4
    supersample: int = 2
    ambient_occlusion: int = 4
    occlusion_reach: float = 1.0

    has_lens: ClassVar[bool] = False
    takes_layers: ClassVar[bool] = True

    def radiance(
        self, stage: Stage, view: View, *, seed: Seed, layers: Layers | None = None
    ) -> Singles:
        """Return the light that comes from the stage, without fog, lens and shutter.

        Parameters
        ----------
        seed : shifts the places where lamps and sky are sampled
        layers : what the view sees, if that is known already

        Returns
        -------
        radiance : (h, w, 3) float32, linear
        """
        hits = layers.hits if layers is not None else find_hits(stage, view)
        prepared, camera = prepare(stage), camera_of(view)
        points = points_of(prepared, camera, hits)
        sky, suns = sky_of(stage.environment)
        lamps = lamps_of((*stage.lamps, *suns))
        shares = self._shares(prepared, points, lamps, seed)
        light = Light(lamps, sky, shares, self._openness(prepared, points, seed))
        picture = np.empty((view.height, view.width, 3), np.float32)
        if stage.environment.backdrop is None:
            paint_sky(picture, hits.body, sky, view)
        else:
            photograph = fit_backdrop(stage.environment.backdrop, view.width, view.height)
            paint_photograph(picture, hits.body, photograph)
        shade(picture, prepared, points, hits.face, camera, light)
        return mix_edges(picture, prepared, points, view, self.supersample)

    def _shares(self, prepared: Prepared, points: Points, lamps: Lamps, seed: Seed) -> Singles:
        """Share of each lamp that each pixel sees, (l, h, w)."""
        spots = spots_on(lamps, max(self.shadow_samples, 1), seed)
        shares, widths = visible_shares(prepared, points, lamps, spots)
        for k in range(len(shares)):
            shares[k] = smooth(shares[k], points, widths=widths[k])
        return shares

    def _openness(self, prepared: Prepared, points: Points, seed: Seed) -> Singles:
        """Share of the sky that each pixel sees, (h, w)."""
        rays, reach = self.ambient_occlusion, self.occlusion_reach
        if rays <= 0:
            return np.ones(points.instance.shape, np.float32)
        stride = 1 if points.instance.size <= _SMALL else 2
        openness = openness_of(prepared, points, rays, reach, stride, seed)
        for apart in (1, 2):
            openness = smooth(openness, points, stride, apart=apart)
        return openness if stride == 1 else spread_out(openness, points, stride)
