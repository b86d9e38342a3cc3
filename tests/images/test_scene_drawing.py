"""What is true of drawn scenes: keyed by path, in their limits, with the right frequencies."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from abbild.core import Seed
from abbild.images.errors import SceneError
from abbild.images.scene.distributions import (
    AnyColor,
    AnyDirection,
    AnyRotation,
    Balanced,
    Choice,
    Given,
    LogUniform,
    Normal,
    Permutation,
    Same,
    Uniform,
    Whole,
)
from abbild.images.scene.drawing import draw
from abbild.images.scene.nodes import Group, Material, Object, Scene
from abbild.images.scene.stream import Stream
from abbild.images.shapes import Box

SEED = Seed(7)
N = 2000


def values(distribution: object, n: int = N) -> list[object]:
    return [distribution.draw(Stream(SEED / k, index=k, deck=SEED)) for k in range(n)]  # type: ignore[attr-defined]


def scene(**objects: object) -> Scene:
    return Scene(objects=objects)


@pytest.mark.parametrize(
    ("distribution", "cdf"),
    [
        (Uniform(-2, 5), stats.uniform(-2, 7).cdf),
        (LogUniform(0.01, 100), stats.loguniform(0.01, 100).cdf),
        (Normal(1, 2), stats.norm(1, 2).cdf),
        (Normal(1, 2, 0, 2), stats.truncnorm(-0.5, 0.5, 1, 2).cdf),
        (Normal(0, 1, 6, 9), stats.truncnorm(6, 9).cdf),
    ],
)
def test_draws_follow_the_distribution(distribution: object, cdf: object) -> None:
    # the largest gap between the empirical and the true distribution function exceeds
    # 1.95 / sqrt(n) once in a thousand (Kolmogorov)
    assert stats.kstest(values(distribution), cdf).statistic < 1.95 / math.sqrt(N)


def test_whole_numbers_take_both_ends_equally_often() -> None:
    counts = Counter(values(Whole(3, 6)))
    assert set(counts) == {3, 4, 5, 6}
    assert stats.chisquare(list(counts.values())).pvalue > 1e-4


def test_choices_keep_their_weights_and_never_take_what_weighs_nothing() -> None:
    counts = Counter(values(Choice(("a", "b", "c"), (1, 0, 3))))
    assert set(counts) == {"a", "c"}
    assert stats.binomtest(counts["a"], N, 0.25).pvalue > 1e-4


def test_a_balanced_choice_takes_each_option_once_in_every_deck() -> None:
    drawn = values(Balanced(tuple(range(7))), 70)
    decks = [drawn[k : k + 7] for k in range(0, 70, 7)]
    assert all(sorted(deck) == list(range(7)) for deck in decks)
    assert len({tuple(deck) for deck in decks}) > 5  # and the decks are shuffled anew


def test_permutations_are_uniform() -> None:
    counts = Counter(values(Permutation((1, 2, 3))))
    assert len(counts) == 6
    assert stats.chisquare(list(counts.values())).pvalue > 1e-4


def test_directions_and_rotations_are_uniform() -> None:
    points = np.array(values(AnyDirection()))
    assert np.allclose(np.linalg.norm(points, axis=1), 1)
    for axis in range(3):  # Archimedes: each coordinate is uniform
        assert stats.kstest(points[:, axis], stats.uniform(-1, 2).cdf).pvalue > 1e-4
    q = np.array(values(AnyRotation()))
    angle = 2 * np.arccos(np.clip(np.abs(q[:, 0]), 0, 1))
    # the angle of a uniform rotation has the distribution function (x - sin x) / pi
    assert stats.kstest(angle, lambda x: (x - np.sin(x)) / np.pi).pvalue > 1e-4


def test_colors_stay_within_their_limits() -> None:
    for color in values(AnyColor(saturation=(0, 0), value=(0.5, 0.5)), 20):
        assert color == "#808080"


def test_adding_a_randomiser_changes_nothing_else() -> None:
    cup = Object(Box(), scale=Uniform(1, 2), material=Material(roughness=Uniform(0, 1)))
    before = draw(scene(cup=cup), seed=SEED, index=5).values
    more = scene(
        first=Object(Box(), scale=Uniform(1, 9)), cup=replace(cup, label=Choice(("a", "b")))
    )
    after = draw(more, seed=SEED, index=5).values
    assert before.items() <= after.items()


@given(st.integers(0, 10**9), st.integers(0, 50))
def test_images_and_attempts_have_streams_of_their_own(index: int, attempt: int) -> None:
    one = scene(cup=Object(Box(), scale=Uniform(1, 2)))
    here = draw(one, seed=SEED, index=index, attempt=attempt).values
    assert here == draw(one, seed=SEED, index=index, attempt=attempt).values
    assert here != draw(one, seed=SEED, index=index + 1, attempt=attempt).values
    assert here != draw(one, seed=SEED, index=index, attempt=attempt + 1).values
    assert here != draw(one, seed=Seed(8), index=index, attempt=attempt).values


def test_same_and_given_agree_with_what_they_refer_to() -> None:
    member = Object(
        Box(),
        label=Choice(("cup", "can")),
        scale=Given("./label", {"cup": Uniform(1, 2), "can": 5.0}),
        attributes={"kind": Same("./label")},
    )
    row = {"hue": Uniform(0, 1), "name": "x"}
    made = Scene(
        objects={"all": Group(member, count=Whole(20, 30))},
        variables={
            "look": Choice((row, {"hue": 2.0, "name": "y"})),
            "hue": Same("/variables/look/hue"),
        },
    )
    drawn = draw(made, seed=SEED).scene
    assert drawn.variables["hue"] == drawn.variables["look"]["hue"]
    members = drawn.objects["all"].members
    assert 20 <= len(members) <= 30
    assert {m.label for m in members} == {"cup", "can"}
    for one in members:
        assert one.attributes["kind"] == one.label
        assert one.scale == 5.0 if one.label == "can" else 1 <= one.scale <= 2


def test_every_drawn_value_is_recorded_under_its_path() -> None:
    made = scene(
        cup=Object(Box(), scale=Uniform(1, 2)), tins=Group(Object(Box(), scale=Uniform(1, 2)), 2)
    )
    drawn = draw(made, seed=SEED)
    assert drawn.values["/objects/cup/scale"] == drawn.scene.objects["cup"].scale
    assert drawn.values["/objects/tins/1/scale"] == drawn.scene.objects["tins"].members[1].scale
    assert len(drawn.values) == 3


def test_what_is_constant_is_not_copied() -> None:
    still = Object(Box(), label="box")
    drawn = draw(scene(cup=still), seed=SEED)
    assert drawn.values == {}
    assert drawn.scene.objects["cup"] == still


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (Uniform(2, 1), "uniform from 2"),
        (Uniform(float("nan"), 1), "nan"),
        (LogUniform(0, 1), "log-uniform from 0"),
        (Choice(()), "0 options"),
        (Choice((1, 2), (0, 0)), "weights"),
        (Choice((1, 2), (1, -1)), "weights"),
        (Normal(0, -1), "sd -1"),
        (Same("/objects/cap/label"), "no part 'cap'"),
        (Same("/objects/cup/scale"), "itself"),
        (Given("/label", {"a": 1}), "no case for ''"),
        (Given("/label/x", {"a": 1}), "without parts"),
    ],
)
def test_what_cannot_be_drawn_is_said_with_its_path(value: object, words: str) -> None:
    with pytest.raises(SceneError) as told:
        draw(scene(cup=Object(Box(), scale=value)), seed=SEED)
    assert words in str(told.value)
    assert "/objects/cup/scale" in str(told.value)


@pytest.mark.parametrize("count", [-1, 2.5, "many", 10**9])
def test_a_group_needs_a_sensible_count(count: object) -> None:
    with pytest.raises(SceneError, match="/objects/tins/count"):
        draw(scene(tins=Group(Object(Box()), count)), seed=SEED)
