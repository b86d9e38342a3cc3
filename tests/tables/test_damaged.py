"""A model folder from a stranger: it is drawn from safely, or refused in one sentence."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abbild.core import Seed, ShapeError, load_model
from abbild.tables.codecs.level import LevelCodec
from abbild.tables.copula import Copula
from abbild.tables.independent import Independent
from abbild.tables.tree_checks import check_corrector, check_forest, check_model
from abbild.tables.trees import Trees
from tests.tables.damage import Stored, extremes, named, outcome, reshaped, small, wide

ENGINES = {
    "independent": (Independent(), wide()),
    "copula": (Copula(), small()),
    "trees": (Trees(trees=2, rounds=5), small()),
}
SAMPLERS = {name: engine.fit(data, seed=Seed(0)) for name, (engine, data) in ENGINES.items()}
MODEL = SAMPLERS["trees"].model
every_engine = pytest.mark.parametrize("name", ENGINES)


@pytest.fixture(scope="module", params=ENGINES)
def stored(request, tmp_path_factory):
    return Stored.of(SAMPLERS[request.param], tmp_path_factory.mktemp(request.param))


@pytest.fixture(scope="module")
def forged(tmp_path_factory):
    return Stored.of(SAMPLERS["trees"], tmp_path_factory.mktemp("trees"))


def kind_of(place):
    """Columns are alike: one of each is enough."""
    return re.sub(r"\d+", "#", place)


@every_engine
def test_what_was_fitted_is_not_refused(name, tmp_path):
    folder = tmp_path / "model"
    Stored.of(SAMPLERS[name], folder)
    drawn = load_model(folder).sample(range(50), seed=Seed(1)).table
    assert drawn.equals(SAMPLERS[name].sample(range(50), seed=Seed(1)).table)


def test_no_array_of_another_shape_or_type_does_harm(stored, tmp_path):
    seen = set()
    for array, place in stored.places().items():
        for how, other in reshaped(stored.arrays[array]).items():
            if (key := (kind_of(place), how)) in seen:
                continue
            seen.add(key)
            came = outcome(stored.write(tmp_path, {array: other}))
            bytes_only = place == "codec.arrow"  # read as a stream of bytes, of any shape
            assert came == "refused" or how in ("none", "fewer", "more") or bytes_only, key


def test_no_extreme_number_in_an_array_does_harm(stored, tmp_path):
    seen = set()
    for array, place in stored.places().items():
        whole = stored.arrays[array]
        for value in extremes(whole) if whole.size else ():
            if (key := (kind_of(place), value)) in seen:
                continue
            seen.add(key)
            other = whole.copy()
            other.ravel()[len(seen) % whole.size] = value
            outcome(stored.write(tmp_path, {array: other}))


WRONG = [None, True, -1, 10**30, "x", {"float": "nan"}, {"tuple": []}]


def test_no_scalar_of_another_type_or_size_does_harm(stored, tmp_path):
    seen = set()
    for path, value in stored.scalars():
        for other in WRONG:
            if (key := (kind_of(named(path)), str(other))) in seen:
                continue
            seen.add(key)
            came = outcome(stored.write(tmp_path, scalars={path: other}))
            same = type(other) is type(value) or (other is None and path[-1] == "target")
            number = isinstance(value, dict) and isinstance(other, int)
            assert came == "refused" or same or number, (key, value)


@settings(max_examples=40)
@given(data=st.data())
def test_numbers_changed_at_random_do_no_harm(data, forged, tmp_path_factory):
    arrays = {}
    for _ in range(data.draw(st.integers(1, 3))):
        name = data.draw(st.sampled_from([n for n, a in forged.arrays.items() if a.size]))
        other = arrays.get(name, forged.arrays[name]).copy()
        at = data.draw(st.integers(0, other.size - 1))
        other.ravel()[at] = data.draw(st.sampled_from(extremes(other)))
        arrays[name] = other
    outcome(forged.write(tmp_path_factory.getbasetemp() / "random", arrays))


def changed(forest, field, at, value):
    array = getattr(forest, field).copy()
    array.ravel()[at] = value
    return replace(forest, **{field: array})


@pytest.mark.parametrize("name", ["copula", "trees"])
def test_conditions_reach_no_model_of_other_columns(name):
    """Codes of one would be indices into arrays of the other."""
    sampler = SAMPLERS[name]
    columns = tuple(
        replace(c, levels=("a",)) if isinstance(c, LevelCodec) and c.name == "job" else c
        for c in sampler.codec.columns
    )
    forged = replace(sampler, codec=replace(sampler.codec, columns=columns))
    jobs = sampler.sample(range(5), seed=Seed(0)).table.select(["job"])
    for ask in (
        lambda s: s.sample_where("job = 'a'", 5, seed=Seed(0)),
        lambda s: s.sample_given(jobs, seed=Seed(0)),
        lambda s: s.sample(range(5), seed=Seed(0)),
    ):
        ask(sampler)
        with pytest.raises(ShapeError, match="another column 'job'") as caught:
            ask(forged)
        assert caught.value.hint == "fit the model again"


POINTERS = {
    "predictors": lambda f, d: d,
    "roots": lambda f, d: len(f.child),
    "feature": lambda f, d: len(f.predictors),
    "child": lambda f, d: len(f.child) - 1,
    "at": lambda f, d: len(f.codes) + 1,
    "free_at": lambda f, d: len(f.free) + 1,
}


@pytest.mark.parametrize("field", POINTERS)
def test_every_pointer_that_leads_outside_is_refused(field):
    d = len(MODEL.columns)
    for forest in MODEL.forests:
        check_forest(forest, d)
        size = getattr(forest, field).size
        places = np.flatnonzero(forest.child >= 0) if field in ("feature", "child") else range(size)
        lowest = () if field == "child" else (-1, -(2**15))  # a child below zero marks a leaf
        for at in places:
            for value in (POINTERS[field](forest, d), 2**15 - 1, *lowest):
                with pytest.raises(ShapeError, match="outside"):
                    check_forest(changed(forest, field, at, value), d)


def test_a_descent_always_ends():
    d = len(MODEL.columns)
    for forest in MODEL.forests:
        for at in np.flatnonzero(forest.child >= 0):
            for back in {0, at // 2, at}:
                with pytest.raises(ShapeError, match="outside"):
                    check_forest(changed(forest, "child", at, back), d)


def test_a_leaf_has_something_to_draw():
    d = len(MODEL.columns)
    for forest in MODEL.forests:
        leaf = np.flatnonzero(forest.child < 0)[0]
        empty = changed(forest, "at", leaf + 1, forest.at[leaf])
        with pytest.raises(ShapeError):
            check_forest(empty, d)
        for at in range(len(forest.sums)):
            with pytest.raises(ShapeError):
                check_forest(changed(forest, "sums", at, 0), d)


def test_codes_are_those_of_the_column():
    for number, forest in enumerate(MODEL.forests):
        for value in (-1, MODEL.columns[forest.column].codes):
            for at in range(len(forest.codes)):
                forests = list(MODEL.forests)
                forests[number] = changed(forest, "codes", at, value)
                with pytest.raises(ShapeError, match="does not have"):
                    check_model(replace(MODEL, forests=tuple(forests)))


def test_columns_are_drawn_in_an_order_that_can_be():
    assert any(len(f.predictors) for f in MODEL.forests)
    with pytest.raises(ShapeError, match="depends on"):
        check_model(replace(MODEL, forests=MODEL.forests[::-1]))
    with pytest.raises(ShapeError, match="one forest for each"):
        check_model(replace(MODEL, forests=MODEL.forests[1:]))
    with pytest.raises(ShapeError, match="one forest for each"):
        check_model(replace(MODEL, forests=(*MODEL.forests[1:], MODEL.forests[1])))


def test_the_corrector_looks_at_known_columns_through_whole_trees():
    d, corrector = len(MODEL.columns), MODEL.corrector
    check_corrector(corrector, d)
    for at in range(corrector.feature.size):
        with pytest.raises(ShapeError):
            check_corrector(changed(corrector, "feature", at, d), d)
    for cut in (
        {"feature": corrector.feature[:, :-1], "right": corrector.right[:, :-1]},
        {"feature": corrector.feature[:, :-1], "right": corrector.right[:, :-1]}
        | {"values": corrector.values[:, :-1]},
        {"right": corrector.right[..., :-1]},
        {"limit": float("inf")},
        {"limit": 0.0},
    ):
        with pytest.raises(ShapeError):
            check_corrector(replace(corrector, **cut), d)


def test_the_worst_is_refused_at_once(forged, tmp_path):
    """In a process of its own, so that a crash or an endless loop is a failure and no more."""
    places = {place: array for array, place in forged.places().items()}
    last = len(MODEL.forests) - 1
    worst = []

    def add(field, value, at=0):
        array = places[field]
        other = forged.arrays[array].copy()
        other.ravel()[at] = value
        worst.append(forged.write(tmp_path / str(len(worst)), {array: other}))

    for field in ("roots", "at", "free_at", "predictors"):
        add(f"forests.{last}.{field}", 2**31 - 1, -1)
    add(f"forests.{last}.child", 0)  # its own child: no end
    add(f"forests.{last}.child", 2**31 - 1)  # one more does not fit 32 bits
    add("corrector.feature", 2**16 - 1)
    path = next(p for p, _ in forged.scalars() if p[-1] == "candidates")
    worst.append(forged.write(tmp_path / "candidates", scalars={path: 10**12}))
    run = subprocess.run(
        [sys.executable, "-m", "tests.tables.damage", *map(str, worst)],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (run.returncode, run.stdout.split()) == (0, ["refused"] * len(worst)), run.stderr
