"""Paths of values in a scene, and patterns that name many at once.

``/objects/cup/material/roughness`` is one value; ``*`` stands for any one name, and
``/objects/[label=cup]/scale`` for the objects whose field has that value.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar, cast

from abbild.images.errors import SceneError

__all__ = ["change", "find", "nearest", "unknown_part"]

Node = TypeVar("Node")
_FILTER = re.compile(r"\[(\w+)=(.*)\]")


def find(scene: Any, pattern: str) -> list[str]:
    """Return the paths that `pattern` names, in the order of the scene.

    Raises
    ------
    SceneError
        If it names nothing; the nearest name that exists is offered.
    """
    return ["/" + "/".join(path) for path in _matches(scene, _split(pattern), ())]


def change(scene: Node, pattern: str, value: Any) -> Node:
    """Return `scene` with `value`, constant or distribution, at every path `pattern` names.

    Raises
    ------
    SceneError
        If it names nothing.
    """
    for path in list(_matches(scene, _split(pattern), ())):
        scene = cast(Node, _replaced(scene, path, value))
    return scene


def _split(pattern: str) -> list[str]:
    parts = [part for part in pattern.strip("/").split("/") if part]
    if not parts:
        raise SceneError(f"{pattern!r} names no value", hint="a path such as /cameras/*/width")
    return parts


def _children(node: Any) -> dict[str, Any]:
    if isinstance(node, Mapping):
        return {str(key): item for key, item in node.items()}
    if isinstance(node, (tuple, list)):
        return {str(k): item for k, item in enumerate(node)}
    if is_dataclass(node) and not isinstance(node, type):
        return {part.name: getattr(node, part.name) for part in fields(node)}
    return {}


def _matches(node: Any, parts: list[str], done: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    if not parts:
        yield done
        return
    children = _children(node)
    name = parts[0]
    if name == "*":
        chosen = list(children)
    elif filtered := _FILTER.fullmatch(name):
        field, wanted = filtered.groups()
        chosen = [key for key, item in children.items() if _is(item, field, wanted)]
    else:
        # a mapping of free values may gain a name: /variables/x, /objects/cup/attributes/x
        free = len(parts) == 1 and done and done[-1] in {"variables", "attributes"}
        chosen = [name] if name in children or free else []
    found = False
    problem: SceneError | None = None
    for key in chosen:
        try:
            for path in _matches(children.get(key), parts[1:], (*done, key)):
                found = True
                yield path
        except SceneError as error:  # of several, one that has the name is enough
            problem = error
    if not found:
        raise problem or unknown_part(node, name, "/" + "/".join(done), "")


def _is(item: Any, field: str, wanted: str) -> bool:
    item = getattr(item, "member", item)
    return str(getattr(item, field, None)) == wanted


def nearest(name: str, known: Iterable[str]) -> str:
    """Return a hint at the nearest of the `known` names, or at some of them."""
    listed = list(known)
    close = difflib.get_close_matches(name, listed, n=1)
    more = ", ..." if len(listed) > 20 else ""
    return f"did you mean {close[0]!r}?" if close else f"there is {', '.join(listed[:20])}{more}"


def unknown_part(node: Any, name: str, where: str, before: str) -> SceneError:
    """Build the error for a name that is not in `node`, offering the nearest."""
    known = list(_children(node))
    what = f"{where} has no part {name!r}"
    if name == "*":
        return SceneError(f"{before}there is nothing under {where}", hint="add a part first")
    if not known:
        return SceneError(f"{before}{where} is a value without parts, so no {name!r} is in it")
    return SceneError(before + what, hint=nearest(name, known))


def _replaced(node: Any, path: tuple[str, ...], value: Any) -> Any:
    if not path:
        return value
    name, rest = path[0], path[1:]
    if isinstance(node, Mapping):
        return {**node, name: _replaced(node.get(name), rest, value)}
    if isinstance(node, (tuple, list)):
        k = int(name)
        return (*node[:k], _replaced(node[k], rest, value), *node[k + 1 :])
    return replace(node, **{name: _replaced(getattr(node, name), rest, value)})
