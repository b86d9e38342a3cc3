"""Programmed motions: pure functions of time, their own state and what they may see."""

from abbild.images.behaviours.agents import Driving, LaneFollower, RandomWalk, Walking
from abbild.images.behaviours.motion import (
    Behaviour,
    Context,
    Conveyor,
    Follow,
    Lap,
    Orbit,
    Path,
    Spin,
    Still,
    Sway,
)

__all__ = [
    "Behaviour",
    "Context",
    "Conveyor",
    "Driving",
    "Follow",
    "LaneFollower",
    "Lap",
    "Orbit",
    "Path",
    "RandomWalk",
    "Spin",
    "Still",
    "Sway",
    "Walking",
]
