"""Where work runs: every executor is an ordered map, and the bytes never depend on which."""

from abbild.execute.blocks import draw
from abbild.execute.processes import Processes
from abbild.execute.serial import Serial, executor

__all__ = ["Processes", "Serial", "draw", "executor"]
