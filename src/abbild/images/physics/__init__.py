"""Things that fall, lie, stand on each other and do not overlap."""

from abbild.images.physics.collision import Overlap, overlaps
from abbild.images.physics.model import Cast, Matter
from abbild.images.physics.placement import Scattered, Stacked, scatter, stack
from abbild.images.physics.settling import Settled, settle
from abbild.images.physics.simulation import Contact, Simulation

__all__ = [
    "Cast",
    "Contact",
    "Matter",
    "Overlap",
    "Scattered",
    "Settled",
    "Simulation",
    "Stacked",
    "overlaps",
    "scatter",
    "settle",
    "stack",
]
