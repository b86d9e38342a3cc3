"""A stored field is what its annotation says, and a part is asked whether its values fit."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from types import SimpleNamespace
from typing import Any, Protocol

import numpy as np
import pytest
from numpy.typing import NDArray

from abbild.core import FileFormatError, Kind, Seed, ShapeError, artifact, load_model, save_model


class Drawer(Protocol):
    @property
    def block(self) -> int: ...

    def sample(self, n: int) -> int: ...


@dataclass(frozen=True)
class Inner:
    n: int

    block = 3

    def sample(self, n: int) -> int:
        return n

    def check(self) -> None:
        if self.n < 0:
            raise ShapeError(f"{self.n} is below zero")


@dataclass(frozen=True)
class Outer:
    a: int
    b: float
    c: bool
    d: str
    e: None
    f: int | None
    g: tuple[int, str]
    h: tuple[float, ...]
    i: dict[str, Inner]
    j: Mapping[str, list[int]]
    k: Sequence[str]
    m: NDArray[np.float32]
    n: NDArray[Any]
    o: Kind
    p: Drawer
    q: Any
    r: tuple[Inner | Seed, ...]
    s: np.ndarray


WHOLE: dict[str, Any] = {
    "a": 3,
    "b": 0.5,
    "c": True,
    "d": "x",
    "e": None,
    "f": None,
    "g": (1, "x"),
    "h": (1.0, 2),
    "i": {"x": Inner(1)},
    "j": {"x": [1, 2]},
    "k": ("x", "y"),
    "m": np.zeros(2, np.float32),
    "n": np.zeros(2, np.int8),
    "o": Kind.TEXT,
    "p": Inner(2),
    "q": {"any": (1, None)},
    "r": (Inner(1), Seed(2)),
    "s": np.zeros(2),
}


@pytest.fixture(autouse=True)
def trusted(monkeypatch):
    """Trust the package of this test as that of an installed engine."""
    point = SimpleNamespace(module=__name__)

    def points(**named):
        return [point] if named else SimpleNamespace(groups=["abbild.synthesizers"])

    artifact._type.cache_clear()
    monkeypatch.setattr(artifact, "entry_points", points)
    yield
    artifact._type.cache_clear()


def through(value, folder):
    save_model(value, folder)
    return load_model(folder)


def test_right_fields_come_back(tmp_path):
    again = through(Outer(**WHOLE), tmp_path)
    for f in fields(Outer):
        if not isinstance(WHOLE[f.name], np.ndarray):
            assert getattr(again, f.name) == WHOLE[f.name], f.name
    assert through(Outer(**{**WHOLE, "b": 1, "f": 4}), tmp_path).f == 4


WRONG: list[tuple[str, Any]] = [
    ("a", 3.0),
    ("a", True),
    ("a", None),
    ("a", "3"),
    ("b", "x"),
    ("b", False),
    ("b", None),
    ("c", 1),
    ("d", 1),
    ("d", None),
    ("e", 0),
    ("f", "x"),
    ("f", 1.0),
    ("g", (1,)),
    ("g", (1, "x", "y")),
    ("g", ("x", 1)),
    ("g", [1, "x"]),
    ("h", (1.0, "x")),
    ("h", [1.0]),
    ("h", 1.0),
    ("i", {"x": 1}),
    ("i", {1: Inner(1)}),
    ("i", [Inner(1)]),
    ("j", {"x": ["y"]}),
    ("j", {"x": (1,)}),
    ("k", (1,)),
    ("k", {"x": 1}),
    ("m", np.zeros(2)),
    ("m", np.zeros(2, ">f4")),
    ("m", (0.0, 0.0)),
    ("m", None),
    ("n", 1),
    ("o", "text"),
    ("p", Seed(1)),
    ("p", 3),
    ("r", (Inner(1), 3)),
    ("r", Inner(1)),
    ("s", [1]),
]


@pytest.mark.parametrize(("name", "value"), WRONG)
def test_a_field_of_another_type_is_refused_by_name(name, value, tmp_path):
    with pytest.raises(FileFormatError, match=f"field '{name}' of Outer") as caught:
        through(Outer(**{**WHOLE, name: value}), tmp_path)
    assert caught.value.hint == "fit it again"


def test_a_part_is_asked_whether_its_values_fit(tmp_path):
    for parts in ({"p": Inner(-1)}, {"i": {"x": Inner(-1)}}, {"r": (Inner(1), Inner(-1))}):
        with pytest.raises(FileFormatError, match="-1 is below zero") as caught:
            through(Outer(**{**WHOLE, **parts}), tmp_path)
        assert caught.value.hint == "fit it again"


ASKED: list[str] = []


@dataclass(frozen=True)
class Noted:
    name: str
    parts: tuple[Noted, ...] = ()

    def check(self) -> None:
        ASKED.append(self.name)


def test_parts_are_asked_from_the_inside_out(tmp_path):
    ASKED.clear()
    through(Noted("out", (Noted("in", (Noted("core"),)), Noted("beside"))), tmp_path)
    assert ASKED == ["core", "in", "beside", "out"]


def test_types_are_looked_at_before_values(tmp_path):
    """So that a check may rely on them."""
    save_model(Inner(1), tmp_path)
    text = (tmp_path / "model.json").read_text()
    (tmp_path / "model.json").write_text(json.dumps(_with_n(json.loads(text), "x")))
    with pytest.raises(FileFormatError, match="field 'n' of Inner"):
        load_model(tmp_path)


def _with_n(structure, value):
    structure["model"]["fields"]["n"] = value
    return structure
