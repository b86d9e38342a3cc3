"""How the kernels of this package are compiled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numba import njit

__all__ = ["compiled", "inlined"]

Function = Callable[..., Any]

_OPTIONS: dict[str, Any] = {
    "cache": True,
    # division by zero gives inf, as in numpy: a check and a branch for each cost a third
    "error_model": "numpy",
    # references to arrays are not counted: rows of arrays and tuples of arrays are taken apart
    # for every pixel, which took two thirds of the time. Such functions cannot make arrays.
    "_nrt": False,
}


def compiled(function: Function) -> Function:
    """Compile a function that only fills arrays it is given."""
    kernel: Function = njit(**_OPTIONS)(function)
    return kernel


def inlined(function: Function) -> Function:
    """Compile a small function into each place that calls it."""
    kernel: Function = njit(forceinline=True, **_OPTIONS)(function)
    return kernel
