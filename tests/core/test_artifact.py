"""Models on disk are data: whole, the same bytes for the same model, and never code."""

import json
import math
import sys
import zipfile
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from abbild.core import Column, FileFormatError, Kind, Schema, Seed, load_model, save_model
from abbild.core.artifact import _dump, _load

leaves = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(),
    st.text(max_size=5),
    st.sampled_from(Kind),
    st.builds(Seed, st.integers(0, 9), st.lists(st.text(max_size=3), max_size=2).map(tuple)),
    arrays.arrays(
        st.sampled_from(["f8", "f4", "i8", "i4", "u1", "?", "U3", "M8[s]"]), st.integers(0, 4)
    ),
)
keys = st.one_of(st.text(max_size=3), st.integers(), st.booleans())
values = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.lists(inner, max_size=3).map(tuple),
        st.dictionaries(keys, inner, max_size=3),
    ),
    max_leaves=8,
)


def same(a: Any, b: Any) -> bool:
    if type(a) is not type(b):
        return False
    if isinstance(a, np.ndarray):
        return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return same(list(a.items()), list(b.items()))
    return bool(a == b or (isinstance(a, float) and math.isnan(a) and math.isnan(b)))


@given(values)
def test_every_value_comes_back_as_it_was(value):
    stored: dict[str, Any] = {}
    structure = json.loads(json.dumps(_dump(value, stored)))
    assert same(_load(structure, stored), value)


MODEL = {
    "schema": Schema.of([Column("Größe", Kind.ORDINAL, levels=("klein", "groß"))]),
    "trees": (np.arange(6.0).reshape(2, 3), np.array([], np.int8)),
    "small": math.nextafter(0, 1),
}


def test_a_model_comes_back_from_a_folder_and_has_one_form_in_bytes(tmp_path):
    for name in ("one", "two"):
        save_model(MODEL, tmp_path / "deep" / name)
    assert same(load_model(tmp_path / "deep" / "one"), MODEL)
    files = sorted(p.name for p in (tmp_path / "deep" / "one").iterdir())
    assert files == ["arrays.npz", "model.json"]
    for name in files:
        one, two = (tmp_path / "deep" / n / name for n in ("one", "two"))
        assert one.read_bytes() == two.read_bytes()


def test_numbers_of_numpy_are_plain_numbers(tmp_path):
    save_model([np.float64(0.1), np.int32(3), np.bool_(True), np.str_("x")], tmp_path / "m")
    assert same(load_model(tmp_path / "m"), [0.1, 3, True, "x"])


@dataclass
class Opaque:
    what: Any


@pytest.mark.parametrize("thing", [object(), {1, 2}, print, b"x", np.array([None])])
def test_what_has_no_plain_form_is_refused_before_a_file_is_written(tmp_path, thing):
    with pytest.raises(TypeError, match=r"saved|cannot save"):
        save_model(Opaque(thing), tmp_path / "m")
    assert not (tmp_path / "m").exists()


@pytest.mark.parametrize(
    "path",
    [
        "os:system",
        "subprocess:Popen",
        "builtins:eval",
        "collections:OrderedDict",
        "dataclasses:Field",
        "abbild.core.table:Path",  # imported there, not of ours
        "abbild.core.artifact:Enum",
        "abbild.core.artifact:load_model",
        "abbild.core.schema:Schema.from_dict",
        "abbild.__main__:app",  # importing it would run a command
        "abbild.nothing:Here",
        "abbild:",
        ":",
        "",
        "abbildung:Schema",
        "antigravity:Fly",  # importing it would open a browser
    ],
)
def test_a_model_cannot_choose_code_to_run(tmp_path, path):
    save_model(MODEL, tmp_path)
    node = {"type": path, "fields": {"command": "touch hacked"}}
    (tmp_path / "model.json").write_text(json.dumps({"format": 1, "model": node}))
    says = "no part of an installed engine|No module named 'abbild.nothing'"
    with pytest.raises(FileFormatError, match=says) as caught:
        load_model(tmp_path)
    assert caught.value.hint
    assert "antigravity" not in sys.modules


def test_an_array_cannot_bring_a_pickle(tmp_path):
    save_model({"x": np.arange(3)}, tmp_path)
    np.savez(tmp_path / "arrays.npz", a0=np.array([Opaque(1)], dtype=object))
    with pytest.raises(FileFormatError, match="damaged"):
        load_model(tmp_path)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "3",
        "[]",
        "{}",
        '{"format": 2, "model": 3}',
        '{"format": 1}',
        '{"format": 1, "model": {}}',
        '{"format": 1, "model": {"array": "none"}}',
        '{"format": 1, "model": {"array": 3}}',
        '{"format": 1, "model": {"a": 1, "b": 2}}',
        '{"format": 1, "model": {"junk": []}}',
        '{"format": 1, "model": {"list": 3}}',
        '{"format": 1, "model": {"float": "zz"}}',
        '{"format": 1, "model": {"type": 3}}',
        '{"format": 1, "model": {"type": "abbild.core.schema:Kind", "value": "no"}}',
        '{"format": 1, "model": {"type": "abbild.core.schema:Kind", "fields": {}}}',
        '{"format": 1, "model": {"type": "abbild.core.seed:Seed", "fields": {"no": 1}}}',
        '{"format": 1, "model": {"dict": [[{"list": []}, 1]]}}',
        "[" * 100_000,
    ],
)
def test_a_damaged_structure_is_one_clear_error(tmp_path, text):
    save_model(MODEL, tmp_path)
    (tmp_path / "model.json").write_text(text)
    with pytest.raises(FileFormatError, match="damaged or of another version") as caught:
        load_model(tmp_path)
    assert caught.value.hint == "fit it again"


@pytest.mark.parametrize("kept", [0, 1, 60, 0.5, 0.95])
def test_truncated_arrays_are_one_clear_error(tmp_path, kept):
    save_model({"x": Seed(0).rng().random(1000)}, tmp_path)
    file = tmp_path / "arrays.npz"
    whole = file.read_bytes()
    file.write_bytes(whole[: int(kept * len(whole)) if isinstance(kept, float) else kept])
    with pytest.raises(FileFormatError, match="damaged"):
        load_model(tmp_path)


def test_flipped_bytes_are_noticed(tmp_path):
    save_model({"x": Seed(0).rng().random(1000)}, tmp_path)
    file = tmp_path / "arrays.npz"
    whole = bytearray(file.read_bytes())
    middle = len(whole) // 2
    whole[middle : middle + 8] = bytes(255 - b for b in whole[middle : middle + 8])
    file.write_bytes(whole)
    with pytest.raises(FileFormatError, match="damaged"):
        load_model(tmp_path)


def test_a_folder_without_a_model_says_which_folder_is_meant(tmp_path):
    with pytest.raises(FileFormatError, match="holds no model") as caught:
        load_model(tmp_path)
    assert "model/" in caught.value.hint


def test_without_its_structure_a_model_does_not_exist(tmp_path, monkeypatch):
    """The JSON comes last, so a kill before it leaves nothing that looks whole."""
    monkeypatch.setattr("abbild.core.artifact.write_json", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        save_model(MODEL, tmp_path)
    with pytest.raises(FileFormatError, match="holds no model"):
        load_model(tmp_path)


def test_members_are_plain_arrays(tmp_path):
    save_model(MODEL, tmp_path)
    with zipfile.ZipFile(tmp_path / "arrays.npz") as archive:
        assert {i.date_time for i in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert all(i.filename.endswith(".npy") for i in archive.infolist())
