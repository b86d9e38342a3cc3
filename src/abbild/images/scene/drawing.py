"""From a scene with distributions to one drawn scene, and every value that was drawn."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any

from abbild.core import Seed
from abbild.images.errors import SceneError
from abbild.images.scene.distributions import Balanced, Choice, Distribution, Given, Same
from abbild.images.scene.nodes import Group, Object
from abbild.images.scene.paths import unknown_part
from abbild.images.scene.stream import Stream

__all__ = ["Drawn", "draw"]

MAX_MEMBERS = 100_000  # of one group: more is a mistake, and would fill the memory first


@dataclass(frozen=True, eq=False)
class Drawn:
    """One image's scene.

    Attributes
    ----------
    scene : the same kind as was given, every leaf a constant
    values : path to drawn value, in order of the scene; what was constant is not in it
    """

    scene: Any
    values: dict[str, Any]


def draw(scene: Any, *, seed: Seed, index: int = 0, attempt: int = 0) -> Drawn:
    """Draw every distribution of `scene` (any node) for image `index`.

    Raises
    ------
    SceneError
        With the path, for what no distribution can mean: references in a circle or to nowhere,
        limits that are crossed, weights that sum to 0.
    """
    process = _Draw(scene, seed, index, attempt)
    return Drawn(process.at(scene, ""), process.values)


@dataclass
class _Draw:
    root: Any
    seed: Seed
    index: int
    attempt: int
    values: dict[str, Any] = field(default_factory=dict)
    known: dict[str, Any] = field(default_factory=dict)
    busy: set[str] = field(default_factory=set)

    def at(self, value: Any, path: str, owner: str = "") -> Any:
        """Return `value`, which stands at `path`, with everything random in it drawn."""
        if isinstance(value, (str, float, int, bool)) or value is None:
            return value
        if path in self.known:
            return self.known[path]
        if path in self.busy:
            raise SceneError(f"{path} refers to itself", hint="break the circle of references")
        self.busy.add(path)
        try:
            made = self._make(value, path, path if isinstance(value, Object) else owner)
        finally:
            self.busy.discard(path)
        self.known[path] = made
        return made

    def _make(self, value: Any, path: str, owner: str) -> Any:
        if isinstance(value, Same):
            return self._note(path, self._refer(value.path, path, owner))
        if isinstance(value, Given):
            return self._given(value, path, owner)
        if hasattr(
            value, "draw"
        ):  # a `Distribution`; isinstance of a protocol takes 10 times as long
            return self._drawn(value, path, owner)
        if isinstance(value, Group):
            return self._group(value, path, owner)
        if is_dataclass(value) and not isinstance(value, type):
            return self._node(value, path, owner)
        if isinstance(value, Mapping):
            return {key: self.at(item, f"{path}/{key}", owner) for key, item in value.items()}
        if isinstance(value, (tuple, list)):
            return tuple(self.at(item, f"{path}/{k}", owner) for k, item in enumerate(value))
        return value

    def _node(self, node: Any, path: str, owner: str) -> Any:
        changed = {
            part.name: self.at(getattr(node, part.name), f"{path}/{part.name}", owner)
            for part in fields(node)
        }
        if all(changed[name] is getattr(node, name) for name in changed):
            return node  # constant throughout: the same object, so that caches by identity hit
        return type(node)(**changed)

    def _group(self, group: Group, path: str, owner: str) -> Group:
        count = self.at(group.count, f"{path}/count", owner)
        if not isinstance(count, int) or not 0 <= count <= MAX_MEMBERS:
            raise SceneError(
                f"{path}/count is {count!r}", hint=f"a whole number from 0 to {MAX_MEMBERS}"
            )
        members = tuple(self.at(group.member, f"{path}/{k}", owner) for k in range(count))
        placement = self.at(group.placement, f"{path}/placement", owner)
        return Group(group.member, count, placement, members)

    def _drawn(self, value: Distribution, path: str, owner: str) -> Any:
        stream = Stream(self.seed / path / self.index / self.attempt, self.index, self.seed / path)
        try:
            if isinstance(value, Choice):
                position = value.position(stream)
                return self._option(value.options[position], position, path, owner)
            if isinstance(value, Balanced):
                option = value.draw(stream)
                return self._option(option, value.options.index(option), path, owner)
            return self._note(path, value.draw(stream))
        except SceneError as error:
            if path in str(error):
                raise
            raise SceneError(f"{path}: {error.args[0]}", hint=error.hint) from error

    def _option(self, option: Any, position: int, path: str, owner: str) -> Any:
        simple = isinstance(option, (str, float, int, bool)) or option is None
        self._note(path, option if simple else _short(option, position))
        if simple:
            return option
        return self._make(option, path if _has_parts(option) else f"{path}/option", owner)

    def _given(self, value: Given, path: str, owner: str) -> Any:
        key = _text(self._refer(value.path, path, owner))
        if key in value.cases:
            chosen = value.cases[key]
        elif value.otherwise is not None:
            chosen = value.otherwise
        else:
            raise SceneError(
                f"{path} has no case for {key!r} at {value.path}",
                hint=f"cases: {', '.join(value.cases)}; or give `otherwise`",
            )
        return self.at(chosen, f"{path}/case", owner) if _has_parts(chosen) else (
            self._make(chosen, f"{path}/case", owner)
        )  # fmt: skip

    def _refer(self, target: str, path: str, owner: str) -> Any:
        """Return the value at `target`, drawn on the way if it was not yet."""
        whole = f"{owner}/{target[2:]}" if target.startswith("./") else target
        value, here, inner = self.root, "", ""
        for name in whole.strip("/").split("/"):
            if isinstance(value, (Same, Given)) or hasattr(value, "draw"):
                value = self.at(value, here, inner)
            value = _part(value, name, here or "/", whole, path)
            here = f"{here}/{name}"
            if isinstance(value, Object):
                inner = here
        return self.at(value, here, inner)

    def _note(self, path: str, value: Any) -> Any:
        self.values[path] = value
        return value


def _part(value: Any, name: str, here: str, whole: str, path: str) -> Any:
    """Return the part `name` of a node, mapping, sequence or group."""
    if isinstance(value, Group) and name.isdigit():
        return value.member
    if isinstance(value, Mapping) and name in value:
        return value[name]
    if isinstance(value, (tuple, list)) and name.isdigit() and int(name) < len(value):
        return value[int(name)]
    if is_dataclass(value) and name in {part.name for part in fields(value)}:
        return getattr(value, name)
    raise unknown_part(value, name, here, f"{path} refers to {whole}, but ")


def _has_parts(value: Any) -> bool:
    if isinstance(value, (Same, Given)) or hasattr(value, "draw"):
        return False
    return is_dataclass(value) or isinstance(value, (Mapping, tuple, list))


def _short(option: Any, position: int) -> str:
    """Name an option that is no plain value: its position and what it is."""
    name = type(option).__name__ if is_dataclass(option) else "option"
    return f"{position}: {name}"


def _text(value: Any) -> str:
    if isinstance(value, float) and value.is_integer() and math.isfinite(value):
        value = int(value)
    return str(value).lower() if isinstance(value, bool) else str(value)
