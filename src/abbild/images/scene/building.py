"""From a drawn scene to a stage: geometry made, things placed, lights lit, cameras aimed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from abbild.core import Seed
from abbild.images.colors import color_word
from abbild.images.errors import RejectedSceneError, SceneError
from abbild.images.meshes import transformed
from abbild.images.photos import forget_photos
from abbild.images.physics import Matter, settle
from abbild.images.scene.aiming import view_of
from abbild.images.scene.checking import check_object, check_scene
from abbild.images.scene.illumination import backdrop_of, environment_of, forget_skies, lamps_of
from abbild.images.scene.nodes import Group, Material, Object, Scene
from abbild.images.scene.numbers import check_finite, number, vector
from abbild.images.scene.placing import place_bodies, spread
from abbild.images.scene.poses import placed
from abbild.images.scene.surfaces import forget_surfaces, surface_of
from abbild.images.stage import Body, Environment, Mesh, Part, Stage, View

__all__ = ["Built", "build", "forget_files"]


@dataclass(frozen=True, eq=False)
class Built:
    """A drawn scene, ready for every engine.

    Attributes
    ----------
    stage : what the engines see
    views : name of the camera to its view
    bodies : path of each object to the id of its body; parts of another share its id
    physics : id to what it does: "fixed", "falls" or "driven"
    shapes : id to the shape it collides as, where the scene says so
    weather : nodes of the scene's weather, to be applied to the radiance
    """

    stage: Stage
    views: Mapping[str, View]
    bodies: Mapping[str, int]
    physics: Mapping[int, str]
    shapes: Mapping[int, str]
    weather: tuple[Any, ...]


def build(scene: Scene, *, seed: Seed) -> Built:
    """Make the stage of a drawn `scene`; `seed` places what is placed together.

    Raises
    ------
    SceneError
        With the path, for what can never be built: negative sizes, NaN, unknown references.
    RejectedSceneError
        For what this draw alone makes impossible: things that do not come to rest, a camera
        within an object.
    """
    check_finite(scene)
    check_scene(scene)
    objects = dict(_flat(scene, seed))
    bodies, ids = _bodies(objects)
    bodies = place_bodies(bodies, ids, scene, seed)
    falls = {k: o.physics for o, k in _with_ids(objects, ids) if o.physics != "none"}
    shapes = {k: o.collides_as for o, k in _with_ids(objects, ids) if o.collides_as != "auto"}
    if scene.physics is not None and "falls" in falls.values():
        bodies = _settled(bodies, falls, shapes, scene, seed)
    environment, suns = environment_of(scene.sky, "/sky")
    stage = Stage(
        bodies=tuple(bodies),
        lamps=(*suns, *lamps_of(scene.lights)),
        environment=Environment(environment.radiance, backdrop_of(scene.backdrop, seed)),
    )
    views = {
        name: view_of(camera, f"/cameras/{name}", stage, ids)
        for name, camera in scene.cameras.items()
    }
    return Built(stage, views, ids, falls, shapes, tuple(scene.weather))


def _with_ids(
    objects: Mapping[str, Object], ids: Mapping[str, int]
) -> Iterator[tuple[Object, int]]:
    return ((item, ids[path]) for path, item in objects.items() if not item.part_of)


def _flat(scene: Scene, seed: Seed) -> Iterator[tuple[str, Object]]:
    """Yield every object that is present by its path without "/objects/"."""
    for name, item in scene.objects.items():
        if isinstance(item, Group):
            members = {f"{name}/{k}": member for k, member in enumerate(item.members)}
            for path, member in members.items():
                check_object(member, path)
            members = {path: member for path, member in members.items() if member.present}
            yield from spread(members, item.placement, seed / "placement" / name).items()
        else:
            check_object(item, name)
            if item.present:
                yield name, item


def _bodies(objects: Mapping[str, Object]) -> tuple[list[Body], dict[str, int]]:
    """Return the bodies in order, and every object's id (parts share their owner's)."""
    own = [path for path, item in objects.items() if not item.part_of]
    ids = {path: k + 1 for k, path in enumerate(own)}
    matrices: dict[str, NDArray[np.float64]] = {}
    bodies: list[Body] = []
    for path in own:
        matrices[path] = _matrix(path, objects, bodies, ids)
        bodies.append(_body(path, objects[path], matrices[path]))
    for path, item in objects.items():
        if item.part_of:
            owner = ids.get(item.part_of)
            if owner is None:
                raise SceneError(f"/objects/{path} is part of {item.part_of!r}, which is not there")
            ids[path] = owner
            local = placed(item.position, item.rotation, item.scale, f"/objects/{path}")
            parts = tuple(
                Part(_moved(part.mesh, local.tobytes()), part.surface)
                for part in _parts(path, item)
            )
            body = bodies[owner - 1]
            bodies[owner - 1] = replace(body, parts=(*body.parts, *parts))
    return bodies, ids


@lru_cache(maxsize=256)
def _moved(mesh: Mesh, matrix: bytes) -> Mesh:
    return transformed(mesh, np.frombuffer(matrix).reshape(4, 4))


def _matrix(
    path: str, objects: Mapping[str, Object], bodies: list[Body], ids: Mapping[str, int]
) -> NDArray[np.float64]:
    item = objects[path]
    matrix = placed(item.position, item.rotation, item.scale, f"/objects/{path}")
    if item.on:
        below = ids.get(item.on, 0)
        if not 0 < below <= len(bodies):
            raise SceneError(
                f"/objects/{path} stands on {item.on!r}, which is not there before it",
                hint="name an object that stands earlier in the scene",
            )
        support = bodies[below - 1]
        corners = support.bounds[[0, 1, 1], [0, 1, 2]]
        top = np.array([*(support.bounds.mean(axis=0)[:2]), corners[2], 1.0])
        matrix[:3, 3] += (support.matrix @ top)[:3]
    return matrix


def _body(path: str, item: Object, matrix: NDArray[np.float64]) -> Body:
    attributes = dict(item.attributes)
    if not _keeps_its_own(item) and "color_name" not in attributes and item.material is not None:
        color = item.material.color
        if isinstance(color, str) or hasattr(color, "hue"):
            attributes["color_name"] = color_word(color)
    keypoints = {
        name: vector(point, f"/objects/{path}/keypoints/{name}")
        for name, point in item.keypoints.items()
    }
    return Body(path, str(item.label), _parts(path, item), matrix, keypoints, attributes)


def _parts(path: str, item: Object) -> tuple[Part, ...]:
    shape, where = item.shape, f"/objects/{path}"
    if not hasattr(shape, "mesh") and not hasattr(shape, "parts"):
        raise SceneError(f"{where}/shape is {type(shape).__name__}", hint="use a shape node")
    try:
        made = _shape_parts(shape)
    except SceneError as error:
        raise SceneError(f"{where}/shape: {error.args[0]}", hint=error.hint) from error
    if isinstance(made, Mesh):
        material = item.material if item.material is not None else Material()
        return (Part(made, surface_of(material, f"{where}/material")),)
    if _keeps_its_own(item):
        return tuple(made)
    surface = surface_of(item.material, f"{where}/material")
    return tuple(Part(part.mesh, surface) for part in made)


def _keeps_its_own(item: Object) -> bool:
    """Return whether a shape that brings materials keeps them: no other was given."""
    return hasattr(item.shape, "parts") and (item.material is None or item.material == Material())


@lru_cache(maxsize=512)
def _shape_parts(shape: Any) -> Any:
    """Return the mesh or the parts of a shape; equal shapes give the same object."""
    if hasattr(shape, "check"):
        shape.check()
    return shape.parts() if hasattr(shape, "parts") else shape.mesh()


def forget_files() -> None:
    """Forget what was made from files: in a long session they may be others by now."""
    _shape_parts.cache_clear()
    forget_surfaces()
    forget_skies()
    forget_photos()


def _settled(
    bodies: list[Body],
    falls: Mapping[int, str],
    shapes: Mapping[int, str],
    scene: Scene,
    seed: Seed,
) -> list[Body]:
    result = settle(
        bodies,
        moving=[k for k, what in falls.items() if what == "falls"],
        fixed=[k for k, what in falls.items() if what == "fixed"],
        shapes=shapes,
        seconds=number(scene.physics.seconds, "/physics/seconds", 0.01, 600),
        matter=Matter(friction=number(scene.physics.friction, "/physics/friction", 0, 10)),
        seed=seed / "settle",
    )
    if not result.resting:
        raise RejectedSceneError(
            "things did not come to rest in time", hint="raise /physics/seconds"
        )
    return [
        replace(body, matrix=result.matrices[k]) if k in result.matrices else body
        for k, body in enumerate(bodies, start=1)
    ]
