"""Triangles and environments as objects of Mitsuba, in either variant."""

from __future__ import annotations

from typing import Any

import mitsuba as mi
import numpy as np

from abbild.images.quality.geometry import Soup
from abbild.images.stage import Singles

__all__ = ["clean_radiance", "make_mesh", "make_sky"]


def make_mesh(soup: Soup, material: Any, light: tuple[float, ...]) -> Any:
    """Return a shape; it shines if `light`, a radiance, is not 0."""
    props = mi.Properties()
    props["material"] = material
    if any(x > 0 for x in light):
        radiance = {"type": "rgb", "value": [max(x, 0.0) for x in light]}
        props["emitter"] = mi.load_dict({"type": "area", "radiance": radiance})
    mesh = mi.Mesh("soup", len(soup.vertices), len(soup.faces), props, True, True)
    params = mi.traverse(mesh)
    params["vertex_positions"] = soup.vertices.ravel()
    params["vertex_normals"] = soup.normals.ravel()
    params["vertex_texcoords"] = soup.uv.ravel()
    params["faces"] = soup.faces.ravel().astype(np.uint32)
    params.update()
    return mesh


def clean_radiance(radiance: Singles) -> Singles:
    """Return an environment without what is no number, negative or brighter than halves hold."""
    return np.ascontiguousarray(np.clip(np.nan_to_num(radiance, posinf=6e4), 0, 6e4), np.float32)


def make_sky(radiance: Singles) -> Any:
    """Return an environment as a light of Mitsuba, turned to our convention.

    Its map looks along its own +z in the middle column, along +x a quarter to the left, and +y
    is up; ours look along +x, +y and +z.
    """
    turn = np.zeros((4, 4))
    turn[[0, 1, 2, 3], [2, 0, 1, 3]] = 1
    return mi.load_dict(
        {
            "type": "envmap",
            # what is 0 everywhere could not be sampled
            "bitmap": mi.Bitmap(np.maximum(clean_radiance(radiance), np.float32(1e-9))),
            "to_world": mi.ScalarTransform4f(turn),
        }
    )
