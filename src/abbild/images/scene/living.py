"""Scenes in which time passes: from a scene to a world."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any

from abbild.core import Seed
from abbild.images.errors import SceneError
from abbild.images.physics import Matter
from abbild.images.scene.building import Built, build
from abbild.images.scene.drawing import draw
from abbild.images.scene.nodes import Scene
from abbild.images.scene.numbers import number
from abbild.images.scene.paths import nearest
from abbild.images.world import Situation, World

__all__ = ["open_world", "situation_of"]


def open_world(scene: Scene, renderer: Any = None) -> World:
    """Return a world in which `scene` lives: it begins anew, drawn anew, with every reset.

    What falls obeys forces, what is "driven" obeys controls, what has a motion follows it, and
    cameras can be controlled.

    Parameters
    ----------
    renderer : for the pictures of its frames; labels need none

    Examples
    --------
    >>> from abbild.images.recipes import load_recipe
    >>> world = open_world(load_recipe("tabletop")[1])
    >>> world.reset(Seed(1))
    >>> world.step(dt=0.1)
    >>> world.observe("camera").layers.z.shape
    (256, 256)
    """

    def make(seed: Seed) -> Situation:
        drawn = draw(scene, seed=seed / "scene").scene
        return situation_of(build(drawn, seed=seed), drawn)

    return World(make, renderer)


def situation_of(built: Built, scene: Scene) -> Situation:
    """Return the situation in which a drawn scene's world begins.

    Raises
    ------
    SceneError
        For a motion of what is not there.
    """
    names = {k: body.name for k, body in enumerate(built.stage.bodies, 1)}
    falls, driven = (
        [names[k] for k, what in built.physics.items() if what == kind]
        for kind in ("falls", "driven")
    )
    shapes = {name: "none" for k, name in names.items() if k not in built.physics}
    shapes |= {names[k]: shape for k, shape in built.shapes.items()}
    behaviours = _behaviours(built, scene)
    for name in behaviours:
        shapes.pop(name, None)
    friction = 0.6 if scene.physics is None else number(scene.physics.friction, "/physics/friction")
    return Situation(
        stage=built.stage,
        views=built.views,
        dynamic=falls,
        kinematic=driven,
        behaviours=behaviours,
        shapes=shapes,
        matter={name: Matter(friction=friction) for name in falls},
    )


def _behaviours(built: Built, scene: Scene) -> dict[str, Any]:
    movable = [body.name for body in built.stage.bodies] + list(built.views)
    found: dict[str, Any] = {}
    for k, motion in enumerate(scene.motions):
        pattern = str(motion.object).removeprefix("/objects/").removeprefix("/cameras/")
        moved = [name for name in movable if fnmatchcase(name, pattern)]
        if not moved:
            raise SceneError(
                f"/motions/{k} moves {motion.object!r}, which is not there",
                hint=nearest(pattern, movable),
            )
        found.update(dict.fromkeys(moved, motion.behaviour))
    return found
