import dataclasses
import json
import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import example as such_as
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from abbild.core import Seed
from abbild.images.annotation import Example
from abbild.images.likeness import Likeness, difference_hash
from abbild.images.plans import planned_values
from abbild.images.scene.distributions import (
    Balanced,
    Choice,
    LogUniform,
    Same,
    Uniform,
    Whole,
)
from abbild.images.scene.drawing import draw
from abbild.images.scene.nodes import Group, Object
from abbild.images.survey import survey
from tests.images.pictures import disc, picture

LABELS = ("a", "b", "c")


def example(index, parameters=None, label="", annotations=()):
    return Example(
        index,
        f"images/{index}.png",
        128,
        96,
        label,
        tuple(annotations),
        parameters=parameters or {},
    )


def drawn(path, values, **options):
    """Return what a survey says of the values at one path."""
    found = survey([example(k, {path: v}) for k, v in enumerate(values)], **options)
    (parameter,) = found["coverage"]["parameters"]
    return parameter


def levels(found):
    return {(finding["level"], finding["sentence"]) for finding in found["findings"]}


def said(found, words, level=None):
    return any(words in text and level in (None, how) for how, text in levels(found))


def whole_set(n=60):
    pairs = [picture(k, k % 4, LABELS[k % 3], labels=("cat", "dog")) for k in range(n)]
    return pairs, {one.file: pixels for pixels, one in pairs}


def test_every_number_is_that_of_a_recount():
    pairs, pixels = whole_set()
    found = survey([one for _, one in pairs], (), lambda one: pixels[one.file])
    every = [a for _, one in pairs for a in one.annotations]
    assert found["images"] | {"made": 60, "failed": 0, "attempts": 60} == found["images"]
    assert dict(found["labels"]["counts"]) == Counter(one.label for _, one in pairs)
    assert {row["name"]: row["objects"] for row in found["categories"]["counts"]} == Counter(
        a.label for a in every
    )
    assert found["objects"]["total"] == len(every)
    per_image = found["objects"]["per_image"]
    assert per_image == {"edges": [0, 1, 2, 3, 4], "counts": [15, 15, 15, 15]}
    areas = np.array([a.area_px for a in every])
    boxes = found["boxes"]
    assert boxes["small"] == (areas < 1024).sum()
    assert boxes["medium"] == ((areas >= 1024) & (areas < 9216)).sum()
    assert sum(boxes["relative"]["counts"]) == boxes["n"] == len(every)
    for name in ("visible", "occluded", "truncated"):
        shares = [getattr(a, name) for a in every]
        assert found["visibility"][name]["counts"] == np.histogram(shares, 20, (0, 1))[0].tolist()
        assert found["visibility"][name]["zeros"] == sum(share == 0 for share in shares)
    assert found["pixels"]["looked_at"] == 60
    assert json.loads(json.dumps(found, allow_nan=False)) == found


def test_an_empty_set_says_so():
    found = survey([])
    assert found["findings"] == [{"level": "problem", "sentence": "No image was made."}]
    json.dumps(found, allow_nan=False)
    found = survey([], [(0, "camera inside the cup"), (0, "camera inside the cup"), (1, "timeout")])
    assert found["images"]["failed"] == 2
    assert said(found, "Most often: camera inside the cup.")


def test_failed_attempts_of_images_that_were_made_are_no_lost_images():
    failed = [(1, "too dark"), (1, "too dark"), (2, "too dark"), (9, "timeout"), (9, "too dark")]
    found = survey((example(k) for k in range(5)), failed)
    images = found["images"]
    assert (images["made"], images["failed"], images["retried"]) == (5, 1, 2)
    assert images["attempts"] == 10
    assert {row["reason"]: (row["times"], row["images"]) for row in images["reasons"]} == {
        "too dark": (4, 1),
        "timeout": (1, 0),
    }
    assert said(found, "1 of 6 images could not be made. Most often: too dark.", "problem")
    assert said(found, "40 % needed another attempt")


def test_images_that_are_simply_missing_are_missed():
    assert said(survey([example(0)], planned={"images": 3}), "2 of 3 images", "problem")


@pytest.mark.parametrize(
    ("plan", "law"),
    [
        ({"kind": "uniform", "low": -2, "high": 3}, stats.uniform(-2, 5)),
        ({"kind": "log-uniform", "low": 0.1, "high": 1000}, stats.loguniform(0.1, 1000)),
        ({"kind": "whole", "low": 3, "high": 11}, stats.randint(3, 12)),
        (Uniform(-2, 3), stats.uniform(-2, 5)),
        (LogUniform(0.1, 1000), stats.loguniform(0.1, 1000)),
    ],
)
def test_values_drawn_as_planned_are_as_near_as_chance_allows(plan, law):
    values = law.rvs(1500, random_state=4)
    found = drawn("/x", values.tolist(), planned={"/x": plan})
    assert found["distance"] < found["noise"]
    assert found["covered"] == 1.0 and found["outside"] == 0.0
    assert sum(found["shares"]) == pytest.approx(1)
    assert sum(found["planned"]) == pytest.approx(1)
    expected = np.diff(law.cdf(found["edges"]))
    np.testing.assert_allclose(found["planned"], expected, atol=1e-9)
    assert (found["min"], found["max"]) == (values.min(), values.max())


@given(st.lists(st.integers(-100, 200).map(lambda k: k / 100), min_size=1, max_size=60))
@settings(max_examples=60)
def test_the_distance_is_kolmogorovs(values):
    found = drawn("/x", values, planned={"/x": Uniform(0, 1)})
    expected = stats.kstest(values, stats.uniform(0, 1).cdf).statistic
    assert found["distance"] == pytest.approx(expected)
    assert found["outside"] == pytest.approx(np.mean([not 0 <= v <= 1 for v in values]))


@given(st.lists(st.integers(-1, 9), min_size=1, max_size=60))
@settings(max_examples=60)
def test_the_distance_of_whole_numbers_is_exact(values):
    found = drawn("/x", values, planned={"/x": Whole(0, 7)})
    steps = range(-2, 11)
    planned = [min(1, max(0, (k + 1) / 8)) for k in steps]
    got = [np.mean(np.array(values) <= k) for k in steps]
    assert found["distance"] == pytest.approx(np.abs(np.subtract(planned, got)).max())


def test_another_spread_than_planned_is_said_and_the_right_one_is_praised():
    values = np.random.default_rng(0).uniform(0, 0.6, 400).tolist()
    far = survey(
        [example(k, {"/x": v}) for k, v in enumerate(values)], planned={"/x": Uniform(0, 1)}
    )
    assert said(far, "1 parameter is not spread as planned, most of all /x", "problem")
    right = survey(
        [example(k, {"/x": v}) for k, v in enumerate(values)], planned={"/x": Uniform(0, 0.6)}
    )
    assert said(right, "spread as planned", "fine") and not said(right, "not spread")


def test_false_alarms_about_spread_are_rare_even_with_many_parameters():
    rng = np.random.default_rng(1)
    alarms = 0
    for _ in range(10):
        values = rng.uniform(size=(60, 50))
        plans = {f"/p{j}": Uniform(0, 1) for j in range(50)}
        rows = [example(k, {f"/p{j}": row[j] for j in range(50)}) for k, row in enumerate(values)]
        alarms += said(survey(rows, planned=plans), "not spread")
    assert alarms <= 1  # each survey is wrong with a chance of 1 % at most


def test_members_of_groups_are_one_parameter():
    rows = [
        example(k, {f"/objects/cells/{m}/scale": k + m / 10 for m in range(7)}) for k in range(9)
    ]
    (parameter,) = survey(rows)["coverage"]["parameters"]
    assert parameter["path"] == "/objects/cells/*/scale"
    assert parameter["n"] == 63


def test_a_path_that_was_planned_by_its_number_stays_apart():
    rows = [example(k, {"/lights/0/power": k, "/lights/1/power": -k}) for k in range(30)]
    plans = {f"/lights/{j}/power": Whole(0, 29) for j in range(2)}
    found = survey(rows, planned=plans)["coverage"]["parameters"]
    assert [p["path"] for p in found] == list(plans)


def test_large_sets_are_sampled_evenly():
    """Every value has the same chance; a period of the values must not matter."""
    values = (np.arange(40_000) % 8).tolist()
    found = drawn("/x", values)
    assert found["n"] == 40_000
    noise = 5 * math.sqrt(1 / 8 * 7 / 8 / 4096)
    np.testing.assert_allclose(found["shares"], 1 / 8, atol=noise)
    drifting = np.linspace(0, 1, 20_000).tolist()
    found = drawn("/x", drifting, planned={"/x": Uniform(0, 1)})
    assert found["distance"] < found["noise"]


def test_categories_colours_and_parts():
    rng = np.random.default_rng(2)
    rows = [
        example(
            k,
            {
                "/weather": str(rng.choice(["rain", "sun"])),
                "/wet": bool(k % 2),
                "/none": None,
                "/color": f"#{k:06x}",
                "/position": (1.0, float(k), -float(k)),
                "/order": ("b", "a"),
            },
        )
        for k in range(300)
    ]
    plans = {
        "/weather": Choice(("sun", "rain", "snow"), (1, 1, 2)),
        "/wet": Balanced((True, False)),
    }
    found = {p["path"]: p for p in survey(rows, planned=plans)["coverage"]["parameters"]}
    assert dict(found["/weather"]["levels"])["snow"] == 0
    assert found["/weather"]["missing"] == ["snow"]
    assert dict(zip(*zip(*found["/weather"]["levels"], strict=True), strict=True)).keys() == {
        "sun",
        "rain",
        "snow",
    }
    shares = dict(
        zip([n for n, _ in found["/weather"]["levels"]], found["/weather"]["planned"], strict=True)
    )
    assert shares == {"sun": 0.25, "rain": 0.25, "snow": 0.5}
    assert dict(found["/wet"]["levels"]) == {"true": 150, "false": 150}
    assert found["/none"]["levels"] == [["none", 300]]
    assert found["/color"]["distinct"] == 300 and len(found["/color"]["colors"]) == 48
    assert found["/position[1]"]["max"] == 299 and found["/position[2]"]["min"] == -299
    assert found["/order"]["levels"] == [["b, a", 300]]
    assert said(survey(rows, planned=plans), "Never drawn at /weather: snow.", "problem")


def test_a_path_that_is_a_number_at_times_is_one_parameter():
    rows = [
        example(k, {"/sharpen": 0.0} if k % 2 else {"/sharpen": "1: Uniform", "/sharpen/option": k})
        for k in range(40)
    ]
    found = survey(rows)
    parameters = {p["path"]: p for p in found["coverage"]["parameters"]}
    assert len(parameters) == len(found["coverage"]["parameters"]) == 2
    assert dict(parameters["/sharpen"]["levels"]) == {"0": 20, "1: Uniform": 20}
    assert not said(found, "never varied")


def test_a_parameter_that_never_varied_is_a_problem_unless_it_was_planned_so():
    rows = [example(k, {"/x": 1.5, "/y": "red", "/z": 2.0, "/w": k}) for k in range(25)]
    found = survey(rows, planned={"/z": Uniform(2, 2)})
    assert said(found, "2 parameters never varied: /x, /y.", "problem")
    assert not said(survey(rows[:5]), "never varied")  # five values are no proof


def test_what_a_scene_plans_is_what_is_drawn_from_it():
    scene = {
        "light": LogUniform(10, 1000),
        "look": Choice(("matt", "gloss"), (3, 1)),
        "twin": Same("/light"),
        "things": Group(
            Object("sphere", position=Uniform((-1, -1, 0), (1, 1, 0)), scale=Uniform(0.5, 2)),
            count=Whole(1, 5),
        ),
    }
    plans = planned_values(scene)
    assert set(plans) == {"/light", "/look"} | {
        f"/things/{part}" for part in ("count", "*/position", "*/scale")
    }
    rows = [example(k, draw(scene, seed=Seed(3), index=k).values) for k in range(300)]
    found = survey(rows, planned=plans)
    by_path = {p["path"]: p for p in found["coverage"]["parameters"]}
    assert by_path["/things/*/position[0]"]["planned_low"] == -1
    assert "distance" in by_path["/things/*/scale"] and "distance" not in by_path["/twin"]
    assert said(found, "parameters with a planned range are spread as planned", "fine")
    assert not any(level == "problem" for level, _ in levels(found))


def test_class_balance_is_judged():
    rows = [example(k, label=LABELS[k % 3]) for k in range(31)]
    assert said(
        survey(rows), "Class balance is exact: 10 or 11 images in each of 3 classes", "fine"
    )
    assert said(survey([*rows, example(31, label="a")]), "There are 10 to 12 images", "fine")
    assert said(survey(rows + [example(99, label="a")] * 9), "There are 10 to 20 images", "note")
    found = survey(rows, planned={"labels": ["a", "b", "c", "d", "e"]})
    assert said(found, "2 classes have no image: d, e.", "problem")
    assert survey(rows)["labels"]["missing"] == []


def test_names_with_numbers_are_in_their_order():
    rows = [example(k, label=f"class {k}") for k in (10, 9, 2, 100)]
    assert [name for name, _ in survey(rows)["labels"]["counts"]] == [
        "class 2",
        "class 9",
        "class 10",
        "class 100",
    ]


def test_empty_tiny_hidden_and_broken_are_said_first():
    tiny = dataclasses.replace(disc(1, 50, 50, 1.2), visible=0.05)
    hidden = dataclasses.replace(disc(2, 50, 50, 9), box=None, mask=None, area_px=0)
    rows = [example(0, annotations=[tiny, hidden]), example(1)]
    checks = {"flow": {"worst": math.nan, "limit": 1, "unit": "px"}, "box": 0.0}
    found = survey(rows, checks=checks)
    for words in ("1 image shows no labelled object (50 %)", "less than 4 pixels", '"flow" failed'):
        assert said(found, words, "problem"), words
    assert said(found, "50 % of the objects are hidden", "note")
    assert said(found, "less than a tenth is visible", "note")
    order = [finding["level"] for finding in found["findings"]]
    assert order == sorted(order, key=["problem", "note", "fine"].index)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (0.5, None),
        ({"worst": 1, "limit": 1}, True),
        ({"worst": 1.01, "limit": 1}, False),
        ({"worst": math.inf, "limit": 1}, False),
        ({}, None),
        ({"limit": 1}, None),
    ],
)
def test_a_self_check_is_kept_up_to_its_limit(given, kept):
    (check,) = survey([example(0)], checks={"a": given})["checks"]
    assert check["kept"] is kept
    json.dumps(check, allow_nan=False)


def test_duplicates_are_found():
    pairs, pixels = whole_set(40)
    examples = [one for _, one in pairs]
    copies = {"images/000031.png": "images/000002.png", "images/000033.png": "images/000002.png"}
    noisy = np.clip(pixels["images/000007.png"].astype(int) + 1, 0, 255).astype(np.uint8)
    shown = pixels | {late: pixels[early] for late, early in copies.items()}
    shown["images/000038.png"] = noisy
    found = survey(examples, (), lambda one: shown[one.file])["duplicates"]
    assert (found["exact"], found["near"], found["compared"]) == (2, 1, 40)
    assert ["images/000007.png", "images/000038.png", "near"] in found["pairs"]
    assert {(b, a) for a, b, how in found["pairs"] if how == "exact"} == set(copies.items())
    assert survey(examples, (), lambda one: pixels[one.file])["duplicates"]["near"] == 0


def test_what_has_the_same_shape_but_another_light_is_no_duplicate():
    pixels, _ = picture()
    shown = [pixels // 2, pixels // 2 + 60]
    assert difference_hash(shown[0]) == difference_hash(shown[1])
    found = survey([example(0), example(1)], (), lambda one: shown[one.index])
    assert found["duplicates"]["near"] == 0


def test_the_size_classes_have_the_limits_of_coco():
    areas = (1023, 1024, 9215, 9216)
    ones = [dataclasses.replace(disc(1, 50, 50, 9), area_px=area) for area in areas]
    boxes = survey([example(0, annotations=ones)])["boxes"]
    assert (boxes["small"], boxes["medium"], boxes["large"]) == (1, 2, 1)


def test_the_same_values_twice_are_found_without_pixels():
    rows = [example(k, {"/x": k % 5, "/list": [1, k % 5]}) for k in range(8)]
    found = survey(rows)
    assert found["duplicates"] == {"same_values": 3}
    assert said(found, "3 images have exactly the drawn values of an earlier one", "problem")


@pytest.mark.parametrize(
    ("value", "words"), [(2, "nearly black"), (254, "nearly white"), (120, "of a single grey")]
)
def test_pictures_without_content_are_a_problem(value, words):
    found = survey([example(0)], (), lambda _: np.full((8, 8, 3), value, np.uint8))
    assert said(found, words, "problem")
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (8, 8, 3), np.uint8)
    seldom = survey(
        [example(k) for k in range(40)],
        (),
        lambda e: np.full_like(noise, value) if e.index == 7 else noise,
    )
    assert said(seldom, words, "note")


def test_only_some_pictures_of_a_large_set_are_read():
    read = []

    def pixels_of(one):
        read.append(one.index)
        return np.full((4, 4), one.index % 251, np.uint8)

    found = survey((example(k) for k in range(10_000)), (), pixels_of, compared=100)
    assert len(read) <= 100 + 50 * math.ceil(math.log2(10_000 / 100)) + 1
    assert 50 <= found["duplicates"]["compared"] <= 100
    assert found["duplicates"]["of"] == 10_000
    assert max(read) > 9_000  # from all of the set, not from its beginning


@given(st.integers(16, 70), st.integers(16, 70), st.integers(0, 50))
@settings(max_examples=25)
def test_the_difference_hash_sees_through_scale_and_brightness(height, width, seed):
    cells = np.random.default_rng(seed).integers(0, 200, (8, 9))
    large = cells.repeat(height, axis=0).repeat(width, axis=1).astype(np.uint8)
    hashed = difference_hash(cells.astype(np.uint8))
    assert difference_hash(large) == hashed
    assert difference_hash(large + np.uint8(50)) == hashed
    expected = (cells[:, :-1] > cells[:, 1:]).ravel()
    assert [bit == "1" for bit in f"{hashed:064b}"] == expected.tolist()


def test_sharpness_falls_when_a_picture_is_blurred():
    pixels, _ = picture()
    blurred = (pixels[:-1].astype(int) + pixels[1:]) // 2
    tones = []
    for one in (pixels, blurred.astype(np.uint8)):
        likeness = Likeness()
        likeness.wants()
        likeness.add(one, "a")
        histogram = likeness.tones()["sharpness"]
        tones.append(histogram["edges"][int(np.argmax(histogram["counts"]))])
    assert tones[1] < tones[0]


HOSTILE = [math.nan, -math.inf, 1e308, -1e308, 0, True, None, "", "x" * 10_000, "\ud800"]
VALUE = st.recursive(
    st.sampled_from(HOSTILE) | st.floats() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(st.lists(st.dictionaries(st.sampled_from(["/a", "/b/3", "c"]), VALUE), max_size=8))
@such_as([{"/a": {"[:": 0.0}}])  # a name that looks like a part of a tuple
@settings(max_examples=80)
def test_any_drawn_value_gives_a_survey_that_json_can_hold(rows):
    plans = {"/a": Uniform(0, 1), "/b/*": {"kind": "choice", "options": "no list"}, "/c": None}
    found = survey([example(k, row) for k, row in enumerate(rows)], planned=plans)
    json.dumps(found, allow_nan=False)


def test_very_many_paths_names_and_reasons_stay_bounded():
    rows = [
        example(k, {f"/p{k}x{j}": j for j in range(20)} | {"/name": f"n{k}"}, label=f"l{k}")
        for k in range(1500)
    ]
    found = survey(rows, [(k + 9999, f"reason {k}") for k in range(500)])
    assert len(found["coverage"]["parameters"]) == 5000
    assert found["coverage"]["left_out"] == 1500 * 20 + 1 - 5000
    assert len(found["labels"]["counts"]) <= 1001
    assert len(found["images"]["reasons"]) <= 51
    assert sum(row["times"] for row in found["images"]["reasons"]) == 500
