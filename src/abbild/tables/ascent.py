"""Numbers in ascending order: what every stored table of a model is searched by."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["ascends", "climbs"]


def climbs(numbers: NDArray[Any]) -> bool:
    """Return whether `numbers` are (n,), finite and each is above the one before."""
    return bool(ascends(numbers) and (numbers[1:] > numbers[:-1]).all())


def ascends(numbers: NDArray[Any]) -> bool:
    """Return whether `numbers` are (n,), finite and none is below the one before."""
    return bool(
        numbers.ndim == 1 and np.isfinite(numbers).all() and (numbers[1:] >= numbers[:-1]).all()
    )
