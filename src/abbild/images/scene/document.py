"""Scenes as JSON: a node is an object with its ``kind``; everything else is as it reads."""

from __future__ import annotations

import difflib
import inspect
import json
import math
import re
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from typing import Any

from abbild.core import AbbildError, names, resolve, unknown_name
from abbild.images import stage
from abbild.images.errors import SceneError
from abbild.images.scene import cameras, distributions, lights, nodes, placements

__all__ = ["from_document", "kind_of", "parse_value", "to_document"]

VALUES = "values"  # free values one of which is named "kind" are {"kind": "values", "of": {...}}
GROUPS = ("shapes", "textures", "wear", "weather", "behaviours", "distributions")


def kind_of(cls: type) -> str:
    """Return the name of a node in documents: ``RoundedBox`` is "rounded-box"."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", cls.__name__).lower()


@cache
def _own() -> dict[str, type]:
    modules = (cameras, distributions, lights, nodes, placements)
    found = {
        kind_of(item): item
        for module in modules
        for name in module.__all__
        if inspect.isclass(item := getattr(module, name)) and is_dataclass(item)
    }
    return found | {"sensor": stage.Sensor}


def _class(kind: str, where: str) -> type:
    if kind in _own():
        return _own()[kind]
    known = list(_own())
    for group in GROUPS:
        if kind in (here := names(group)):
            found: type = resolve(group, kind)
            return found
        known += here
    error = unknown_name("kind of node", kind, known)
    raise SceneError(f"{where}: {error.args[0]}", hint=error.hint)


def to_document(value: Any, where: str = "") -> Any:
    """Return plain JSON values for a node; fields at their defaults are left out.

    Raises
    ------
    SceneError
        For a value no document can hold.
    """
    if is_dataclass(value) and not isinstance(value, type):
        parts = {
            part.name: to_document(getattr(value, part.name), f"{where}/{part.name}")
            for part in fields(value)
            if not _is_default(part, getattr(value, part.name))
        }
        return {"kind": kind_of(type(value)), **parts}
    if isinstance(value, Mapping):
        plain = {str(key): to_document(item, f"{where}/{key}") for key, item in value.items()}
        return {"kind": VALUES, "of": plain} if "kind" in plain else plain
    if isinstance(value, (tuple, list)):
        return [to_document(item, f"{where}/{k}") for k, item in enumerate(value)]
    if isinstance(value, float) and not math.isfinite(value):
        raise SceneError(f"{where or '/'} is {value}", hint="only finite numbers")
    if value is None or isinstance(value, (str, bool, int, float)):
        return value
    raise SceneError(
        f"{where or '/'} is a {type(value).__name__}",
        hint="use nodes, text and plain numbers; of an array .tolist()",
    )


def _is_default(part: Any, value: Any) -> bool:
    if part.default is not MISSING:
        default = part.default
    elif part.default_factory is not MISSING:
        default = part.default_factory()
    else:
        return False
    return type(default) is type(value) and (
        default == value or (is_dataclass(value) and to_document(default) == to_document(value))
    )


def from_document(document: Any, where: str = "") -> Any:
    """Return the node for plain JSON values; the inverse of `to_document`.

    Raises
    ------
    SceneError
        With the path, for an unknown kind or field (the nearest is offered), or a missing one.
    """
    if isinstance(document, Mapping):
        free = "kind" not in document
        if document.get("kind") == VALUES and isinstance(document.get("of"), Mapping):
            document, free = document["of"], True
        made = {
            str(key): from_document(item, f"{where}/{key}")
            for key, item in document.items()
            if free or key != "kind"
        }
        return made if free else _node(document["kind"], made, where or "/")
    if isinstance(document, (list, tuple)):
        return tuple(from_document(item, f"{where}/{k}") for k, item in enumerate(document))
    return document


def _node(kind: Any, parts: dict[str, Any], where: str) -> Any:
    if not isinstance(kind, str):
        raise SceneError(f"{where}: kind is {kind!r}", hint="kind is the name of a node")
    cls = _class(kind, where)
    known = [part.name for part in fields(cls)]
    for name in parts:
        if name not in known:
            error = unknown_name("field", name, known)
            raise SceneError(f"{where}: {kind} has {error.args[0]}", hint=error.hint)
    missing = [
        part.name
        for part in fields(cls)
        if part.name not in parts and part.default is MISSING and part.default_factory is MISSING
    ]
    if missing:
        raise SceneError(f"{where}: {kind} lacks {', '.join(missing)}", hint=f"give {missing[0]}")
    try:
        return cls(**parts)
    except AbbildError:
        raise
    except (TypeError, ValueError) as error:
        raise SceneError(f"{where}: {kind}: {error}") from error


_OPEN = re.compile(r"[a-z][a-z-]*\(")
_CALL = re.compile(r"([a-z][a-z-]*)\((.*)\)", re.DOTALL)


def parse_value(text: str) -> Any:
    """Return the value a command line means: JSON, a bare word, or a distribution as a call.

    Raises
    ------
    SceneError
        For a distribution that does not exist or takes other arguments.

    Examples
    --------
    >>> parse_value("0.5"), parse_value("#ff0000"), parse_value("uniform(0, 1)")
    (0.5, '#ff0000', Uniform(low=0, high=1))
    >>> parse_value('choice(["red", "blue"])').options
    ('red', 'blue')
    """
    text = text.strip()
    call = _CALL.fullmatch(text)
    if call and call[1] in _own():
        arguments = _json(f"[{call[2]}]")
        if arguments is None:
            raise SceneError(f"{text!r} cannot be read", hint="write it like uniform(0, 1)")
        cls = _own()[call[1]]
        try:
            return cls(*from_document(arguments))
        except TypeError as error:
            known = ", ".join(part.name for part in fields(cls))
            raise SceneError(f"{text!r}: {call[1]} takes {known}") from error
    if call or _OPEN.match(text):
        _check_word(text)
    value = _json(text)
    return text if value is None and text != "null" else from_document(value)


def _check_word(text: str) -> None:
    """Refuse a bare word that is most likely a distribution, mistyped."""
    known = [kind for kind, cls in _own().items() if cls.__module__ == distributions.__name__]
    name = text.partition("(")[0]
    if name in known:
        raise SceneError(f"{text!r} cannot be read", hint="write it like uniform(0, 1)")
    if close := difflib.get_close_matches(name, known, n=1, cutoff=0.75):
        raise SceneError(f"{text!r} is no distribution", hint=f"did you mean {close[0]!r}?")


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None
