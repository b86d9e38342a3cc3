"""Checks of drawn values: every error names the path, the value and what it may be."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from abbild.images.errors import SceneError

__all__ = ["check_finite", "number", "vector"]


def number(value: Any, where: str, low: float = -math.inf, high: float = math.inf) -> float:
    """Return `value` as a float in [low, high].

    Raises
    ------
    SceneError
        If it is no number, NaN, or outside.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float, np.number)):
        raise SceneError(f"{where} is {value!r}, not a number", hint="give a number")
    if not low <= value <= high:  # also refuses NaN
        limits = f"from {low:g} to {high:g}" if math.isfinite(high) else f"at least {low:g}"
        raise SceneError(f"{where} is {value:g}", hint=f"it must be {limits}")
    return float(value)


def vector(value: Any, where: str, n: int = 3) -> NDArray[np.float64]:
    """Return `value` as (n,) finite floats.

    Raises
    ------
    SceneError
        If it has another length or holds what is no finite number.
    """
    if not isinstance(value, (tuple, list, np.ndarray)) or len(value) != n:
        raise SceneError(f"{where} is {value!r}", hint=f"give {n} numbers")
    return np.array([number(v, where, -1e12, 1e12) for v in value])


def check_finite(node: Any, path: str = "") -> None:
    """Refuse NaN and infinity anywhere in a drawn scene, with the path."""
    if isinstance(node, float):
        if not math.isfinite(node):
            raise SceneError(f"{path} is {node}", hint="give a finite number")
    elif isinstance(node, Mapping):
        for key, item in node.items():
            check_finite(item, f"{path}/{key}")
    elif isinstance(node, (tuple, list)):
        for k, item in enumerate(node):
            check_finite(item, f"{path}/{k}")
    elif is_dataclass(node) and not isinstance(node, type):
        for part in fields(node):
            check_finite(getattr(node, part.name), f"{path}/{part.name}")
