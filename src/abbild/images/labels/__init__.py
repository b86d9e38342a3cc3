"""The label engine: exact integer ids and measured layers, one sample through each pixel centre."""

from abbild.images.labels.camera import cast_pixels, project, rays
from abbild.images.labels.flow import find_flow
from abbild.images.labels.gather import gather_layers
from abbild.images.labels.hits import find_hits, find_layers
from abbild.images.labels.inside import is_inside
from abbild.images.labels.raster import can_raster, raster
from abbild.images.labels.silhouettes import find_silhouettes
from abbild.images.labels.trace import Casts, cast, occluded, trace

__all__ = [
    "Casts",
    "can_raster",
    "cast",
    "cast_pixels",
    "find_flow",
    "find_hits",
    "find_layers",
    "find_silhouettes",
    "gather_layers",
    "is_inside",
    "occluded",
    "project",
    "raster",
    "rays",
    "trace",
]
