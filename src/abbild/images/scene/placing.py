"""Members of a group, placed all together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from abbild.core import Seed
from abbild.images.errors import SceneError
from abbild.images.scene.nodes import Object, Scene

__all__ = ["spread"]


def spread(
    members: Mapping[str, Object], placement: Any, scene: Scene, seed: Seed
) -> dict[str, Object]:
    """Return `members` at the places of `placement`; what finds no room is left out.

    A member's own position is added to its place.

    Raises
    ------
    SceneError
        For what is no placement.
    """
    if placement is None or not members:
        return dict(members)
    if not hasattr(placement, "positions"):
        raise SceneError(
            f"{type(placement).__name__} is no placement", hint="use poisson-disk or grid"
        )
    places = placement.positions(len(members), seed)
    return {
        path: replace(member, position=tuple((np.array(member.position) + place).tolist()))
        for (path, member), place in zip(members.items(), places, strict=False)
    }
