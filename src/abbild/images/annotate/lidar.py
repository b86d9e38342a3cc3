"""What a rotating or flash LiDAR measures."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from abbild.core import Seed
from abbild.images.errors import SceneError
from abbild.images.labels import cast
from abbild.images.stage import Floats, Singles, Stage

__all__ = ["Scan", "scan"]


@dataclass(frozen=True, eq=False)
class Scan:
    """Returned pulses, those of the first elevation first.

    Attributes
    ----------
    points : (n, 3) float32, metres in the sensor's frame: x forward, y left, z up
    distance : (n,) float32, metres
    body : (n,) int32, id of the body that returned the pulse
    ring, column : (n,) int32, place among the elevations and the azimuths
    """

    points: Singles
    distance: Singles
    body: NDArray[np.int32]
    ring: NDArray[np.int32]
    column: NDArray[np.int32]


def scan(
    stage: Stage,
    pose: Floats,
    elevations: Floats,
    azimuths: Floats,
    max_range: float,
    *,
    noise: float = 0.0,
    dropout: float = 0.0,
    seed: Seed | None = None,
) -> Scan:
    """Send one pulse for each elevation and azimuth, all from one place at one moment.

    Parameters
    ----------
    pose : (4, 4) world from sensor, rigid; x forward, y left, z up
    elevations, azimuths : radians; azimuth 0 looks along x and grows towards y
    max_range : metres
    noise : standard deviation of the distance, metres
    dropout : share of pulses that are lost, [0, 1]
    seed : needed for noise and dropout

    Notes
    -----
    Cost: about 0.1 µs a pulse and body it may meet.
    """
    if (noise or dropout) and seed is None:
        raise SceneError("noise and dropout of a scan need a seed", hint="scan(..., seed=Seed(7))")
    if noise < 0 or not 0 <= dropout <= 1:
        raise SceneError(f"noise {noise} must not be negative, dropout {dropout} lies in [0, 1]")
    up = np.repeat(np.asarray(elevations, np.float64), np.size(azimuths))
    around = np.tile(np.asarray(azimuths, np.float64), np.size(elevations))
    local = np.stack([np.cos(up) * np.cos(around), np.cos(up) * np.sin(around), np.sin(up)], axis=1)
    origins = np.broadcast_to(pose[:3, 3], local.shape)
    found = cast(stage, origins, local @ pose[:3, :3].T, max_range)
    distance, kept = found.distance, found.body > 0
    if seed is not None:
        # every pulse has its own number whether it returns or not: scenes do not shift noise
        jitter = (seed / "noise").rng().normal(0.0, 1.0, len(distance))
        distance = np.maximum(distance + noise * jitter, 0.0)
        kept &= (seed / "dropout").rng().random(len(distance)) >= dropout
    place = np.flatnonzero(kept)
    ring, column = np.divmod(place, max(np.size(azimuths), 1))
    return Scan(
        (local[place] * distance[place, None]).astype(np.float32),
        distance[place].astype(np.float32),
        found.body[place],
        ring.astype(np.int32),
        column.astype(np.int32),
    )
