"""The one door to what a view sees: the quick exact engine where it serves, rays elsewhere."""

from __future__ import annotations

from abbild.images.labels.gather import gather_layers
from abbild.images.labels.raster import can_raster, raster
from abbild.images.labels.trace import trace
from abbild.images.layers import Hits, Layers
from abbild.images.stage import Stage, View

__all__ = ["find_hits", "find_layers"]


def find_hits(stage: Stage, view: View) -> Hits:
    """Find the body, part, triangle and z that each pixel's centre sees."""
    return raster(stage, view) if can_raster(view) else trace(stage, view)


def find_layers(stage: Stage, view: View) -> Layers:
    """Find what each pixel's centre sees, and measure every layer there."""
    return gather_layers(stage, view, find_hits(stage, view))
