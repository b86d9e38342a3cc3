"""Worlds that go on step by step, with things that are controlled, that behave and that fall."""

from abbild.images.world.clock import Snapshot, World
from abbild.images.world.frame import Frame
from abbild.images.world.interaction import Touch
from abbild.images.world.situation import Control, Force, Pose, Situation, Velocity

__all__ = [
    "Control",
    "Force",
    "Frame",
    "Pose",
    "Situation",
    "Snapshot",
    "Touch",
    "Velocity",
    "World",
]
