"""A small table of every kind of column, models of it, and ways to damage what is stored."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from abbild.core import (
    AbbildError,
    Column,
    Dataset,
    FileFormatError,
    Kind,
    Schema,
    Seed,
    load_model,
    save_model,
)

N = 300


def small() -> Dataset:
    """Return numbers with atoms and gaps, levels and booleans."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=N)
    age = np.clip(np.rint(40 + 12 * rng.normal(size=N)), 18, 90).astype(np.int64)
    columns = {
        "age": (Kind.INTEGER, pa.array(age, mask=rng.random(N) < 0.1)),
        "pay": (Kind.NUMBER, pa.array(np.where(x > 0.5, 0, np.round(np.exp(x) * 1000, 2)))),
        "raw": (Kind.NUMBER, pa.array(x * 1.23456789 + rng.normal(size=N))),
        "job": (Kind.CATEGORY, pa.array(rng.choice(["a", "b", "c", "d"], N))),
        "fit": (Kind.BOOLEAN, pa.array(x > 0, mask=rng.random(N) < 0.1)),
    }
    return _dataset(columns)


def wide() -> Dataset:
    """Return a column of each other kind."""
    rng = np.random.default_rng(1)
    numbers = np.arange(N)
    mails = [f"x{i}@a.example" if i % 3 else "info@b.example" for i in range(N)]
    columns = {
        "day": (Kind.DATE, pa.array(rng.integers(0, 20_000, N, np.int32)).cast(pa.date32())),
        "at": (Kind.DATETIME, pa.array(rng.integers(0, 10**9, N)).cast(pa.timestamp("us"))),
        "clock": (Kind.TIME, pa.array(rng.integers(0, 86_400, N, np.int32)).cast(pa.time32("s"))),
        "key": (Kind.IDENTIFIER, pa.array(numbers + 1000)),
        "code": (Kind.IDENTIFIER, pa.array([f"C-{i:05d}" for i in range(N)])),
        "name": (Kind.NAME, pa.array([f"Ann B{i}" for i in range(N)])),
        "mail": (Kind.EMAIL, pa.array(mails, mask=rng.random(N) < 0.2)),
        "phone": (Kind.PHONE, pa.array([f"+49 30 1234{i}" for i in range(N)])),
        "iban": (Kind.IBAN, pa.array([f"DE{i:020d}" for i in range(N)])),
        "note": (Kind.TEXT, pa.array([f"it is {w}" for w in rng.choice(["so", "ok"], N)])),
    }
    return _dataset(columns)


def _dataset(columns: dict[str, tuple[Kind, pa.Array]]) -> Dataset:
    table = pa.table({name: values for name, (_, values) in columns.items()})
    return Dataset.of(table, Schema.of([Column(n, k) for n, (k, _) in columns.items()]))


Path_ = tuple[str | int, ...]


@dataclass(frozen=True)
class Stored:
    """What a model folder holds, taken apart."""

    structure: Any
    arrays: dict[str, np.ndarray]

    @classmethod
    def of(cls, model: Any, folder: Path) -> Stored:
        save_model(model, folder)
        with np.load(folder / "arrays.npz") as arrays:
            return cls(json.loads((folder / "model.json").read_text()), dict(arrays))

    def places(self) -> dict[str, str]:
        """Return the path of fields of each array."""
        return {v["array"]: named(p) for p, v in _walk(self.structure) if "array" in _dict(v)}

    def scalars(self) -> list[tuple[Path_, Any]]:
        """Return the place and the value of everything that is neither array nor dataclass."""
        return [
            (path, value)
            for path, value in _walk(self.structure["model"], ("model",))
            if not isinstance(value, dict | list) or "float" in _dict(value)
            if path[-1] not in ("type", "array", "float")
        ]

    def write(
        self,
        folder: Path,
        arrays: dict[str, np.ndarray] | None = None,
        scalars: dict[Path_, Any] | None = None,
    ) -> Path:
        """Write the model to `folder` with other `arrays` and `scalars` in it."""
        folder.mkdir(parents=True, exist_ok=True)
        np.savez(folder / "arrays.npz", **{**self.arrays, **(arrays or {})})
        structure = json.loads(json.dumps(self.structure))
        for path, value in (scalars or {}).items():
            node = structure
            for step in path[:-1]:
                node = node[step]
            node[path[-1]] = value
        (folder / "model.json").write_text(json.dumps(structure))
        return folder


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _walk(node: Any, path: Path_ = ()) -> Iterator[tuple[Path_, Any]]:
    yield path, node
    items = node.items() if isinstance(node, dict) else enumerate(node if _is_list(node) else ())
    for step, value in items:
        yield from _walk(value, (*path, step))


def _is_list(node: Any) -> bool:
    return isinstance(node, list)


def named(path: Path_) -> str:
    """Return the fields of a path."""
    return ".".join(str(p) for p in path if p not in ("model", "fields", "tuple", "list"))


def outcome(folder: Path) -> str:
    """Return what loading and drawing 50 rows comes to: "drawn", or "refused" in one sentence.

    Anything else (a crash, an error that is none of ours) is raised.
    """
    try:
        sampler = load_model(folder)
    except FileFormatError as error:
        assert "damaged or of another version" in str(error) or "no part of" in str(error)
        assert error.hint
        return "refused"
    try:
        assert sampler.sample(range(50), seed=Seed(1)).table.num_rows == 50
    except AbbildError as error:
        assert error.hint
        return "refused"
    return "drawn"


def extremes(array: np.ndarray) -> list[Any]:
    """Return values at and beyond the ends of what the array may hold."""
    if array.dtype.kind == "f":
        return [np.nan, np.inf, -1.0, 7.0, 1e38]
    if array.dtype.kind == "b":
        return [True, False]
    kind = np.iinfo(array.dtype)
    return [kind.min, kind.max, 0, 1, min(kind.max, 999)]


def reshaped(array: np.ndarray) -> dict[str, np.ndarray]:
    """Return the same values in other shapes and types."""
    other = np.float64 if array.dtype == np.float32 else np.float32
    swapped = array.astype(array.dtype.newbyteorder())
    return {
        "none": array[:0],
        "fewer": array[:-1],
        "more": np.concatenate([array, array[-1:]]),
        "deeper": array[None],
        "scalar": np.array(array.ravel()[0] if array.size else 0, array.dtype),
        "other type": array.astype(other),
        **({"other bytes": swapped} if array.itemsize > 1 else {}),
    }


if __name__ == "__main__":
    print(*[outcome(Path(folder)) for folder in sys.argv[1:]])  # noqa: T201
