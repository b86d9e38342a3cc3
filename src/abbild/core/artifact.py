"""Models on disk, field by field: JSON for structure, one ``.npz`` for arrays, never pickle."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints
from zipfile import BadZipFile

import numpy as np

from abbild.core.errors import FileFormatError
from abbild.core.table import atomically, write_json

_FORMAT = 1
_hints = cache(get_type_hints)
_DAMAGE = (
    *(ValueError, LookupError, TypeError, OSError, AttributeError, ImportError, EOFError),
    *(ArithmeticError, MemoryError, RuntimeError, BadZipFile, zlib.error),
)


def save_model(model: Any, folder: Path) -> None:
    """Save a dataclass whose fields are dataclasses, arrays, numbers, strings, lists or dicts.

    The model is the whole of its fields. The JSON file is written last, so its existence means
    that the folder is whole. Same model, same bytes.
    """
    arrays: dict[str, Any] = {}
    structure = _dump(model, arrays)
    folder.mkdir(parents=True, exist_ok=True)
    with atomically(folder / "arrays.npz") as part, part.open("wb") as file:
        np.savez_compressed(file, **arrays)
    write_json({"format": _FORMAT, "model": structure}, folder / "model.json")


def load_model(folder: Path) -> Any:
    """Load what `save_model` saved; a model file is data and may not choose code to run.

    Each field must be what its annotation says. A part with a method ``check(self) -> None`` is
    asked, from the inside out, whether its values fit together; it raises `ShapeError` if not.

    Raises
    ------
    FileFormatError
        If the folder holds no whole model, or one naming a type of no registered package.
    """
    try:
        structure = json.loads((folder / "model.json").read_text(encoding="utf-8"))
        if structure["format"] != _FORMAT:
            raise ValueError(f"format {structure['format']}, not {_FORMAT}")
        # numpy leaves a file it opened itself open if it is damaged
        with (
            (folder / "arrays.npz").open("rb") as file,
            np.load(file, allow_pickle=False) as stored,
        ):
            return _load(structure["model"], stored)
    except FileNotFoundError as error:
        raise FileFormatError(
            f"{folder} holds no model", hint="name the model/ folder of a run, such as out/model"
        ) from error
    except _DAMAGE as error:
        if isinstance(error, FileFormatError):
            raise
        raise FileFormatError(
            f"the model in {folder} is damaged or of another version ({error})",
            hint="fit it again",
        ) from error


def _dump(value: Any, arrays: dict[str, Any]) -> Any:
    if isinstance(value, Enum):
        return _dump_type(value, {"value": value.value})
    if is_dataclass(value) and not isinstance(value, type):
        parts = {f.name: _dump(getattr(value, f.name), arrays) for f in fields(value)}
        return _dump_type(value, {"fields": parts})
    if isinstance(value, np.ndarray):
        if value.dtype.hasobject:
            raise TypeError("an array of Python objects cannot be saved")
        name = f"a{len(arrays)}"
        arrays[name] = value
        return {"array": name}
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, tuple | list):
        kind = "tuple" if isinstance(value, tuple) else "list"
        return {kind: [_dump(v, arrays) for v in value]}
    if isinstance(value, dict):
        return {"dict": [[_dump(k, arrays), _dump(v, arrays)] for k, v in value.items()]}
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return {"float": value.hex()}
    raise TypeError(f"cannot save a {type(value).__name__}")


def _dump_type(value: Any, parts: dict[str, Any]) -> dict[str, Any]:
    return {"type": f"{type(value).__module__}:{type(value).__qualname__}", **parts}


def _load(node: Any, stored: Any) -> Any:
    if not isinstance(node, dict):
        return node
    if "type" in node:
        kind = _type(node["type"])
        if "value" in node:
            return kind(node["value"])
        whole = kind(**{name: _load(v, stored) for name, v in node["fields"].items()})
        for name in node["fields"]:
            if not _fits(getattr(whole, name), _hints(kind)[name]):
                raise TypeError(f"field {name!r} of {kind.__name__} is of another type")
        getattr(whole, "check", lambda: None)()
        return whole
    ((tag, content),) = node.items()
    if tag == "array":
        return stored[content]
    if tag == "float":
        return float.fromhex(content)
    if tag == "dict":
        return {_load(k, stored): _load(v, stored) for k, v in content}
    return {"tuple": tuple, "list": list}[tag](_load(v, stored) for v in content)


def _fits(value: Any, hint: Any) -> bool:
    """Return whether `value` is what an annotation says."""
    origin: Any = get_origin(hint) or hint
    inner = get_args(hint)
    if origin in (Union, UnionType):
        return any(_fits(value, one) for one in inner)
    if hint is Any or not isinstance(origin, type):
        return True  # nothing to judge by
    if getattr(origin, "_is_protocol", False):
        return all(hasattr(type(value), name) for name in vars(origin) if name[0] != "_")
    if hint in (int, float):  # a whole number is a float, a truth value is no number
        return isinstance(value, int | hint) and not isinstance(value, bool)
    if not (right := bool(isinstance(value, origin))) or not inner:
        return right
    if origin is np.ndarray:
        (scalar,) = get_args(inner[1])
        return scalar is Any or (issubclass(value.dtype.type, scalar) and value.dtype.isnative)
    if issubclass(origin, Mapping):
        return all(_fits(k, inner[0]) and _fits(v, inner[1]) for k, v in value.items())
    if origin is tuple and inner[-1] is not ...:
        return len(value) == len(inner) and all(map(_fits, value, inner))
    return not issubclass(origin, Sequence) or all(_fits(v, inner[0]) for v in value)


@cache
def _type(path: str) -> type:
    module, _, name = path.partition(":")
    trusted = {"abbild"} | {
        point.module.split(".")[0]
        for group in entry_points().groups
        if group.startswith("abbild.")
        for point in entry_points(group=group)
    }
    kind = None
    if module.split(".")[0] in trusted and "__" not in module:
        kind = getattr(import_module(module), name, None)
    own = isinstance(kind, type) and kind.__module__ == module  # not a name it imported
    if not isinstance(kind, type) or not (own and (is_dataclass(kind) or issubclass(kind, Enum))):
        raise FileFormatError(
            f"the model names {path!r}, which is no part of an installed engine",
            hint="install the package that made the model, or fit it again",
        )
    return kind
