import dataclasses
import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abbild.core import ShapeError
from abbild.images.annotation import Annotation, Keypoint
from abbild.images.colors import decode_srgb
from abbild.images.overlay import PALETTE, category_color, draw_labels
from tests.images.pictures import disc, picture

GREY = np.full((240, 320, 3), 128, np.uint8)


def bare(box, label="thing", **more):
    return Annotation(instance=1, name="a", label=label, box=box, **more)


def changed(before, after):
    return (before != after).any(axis=2)


def test_nothing_is_drawn_where_there_are_no_objects():
    assert (draw_labels(GREY, ()) == GREY).all()
    unseen = bare(None, amodal_box=None)
    assert (draw_labels(GREY, [unseen]) == GREY).all()


def test_the_picture_given_is_left_as_it_was():
    pixels, example = picture()
    before = pixels.copy()
    draw_labels(pixels, example.annotations, scale=2)
    assert (pixels == before).all()


def test_the_box_is_drawn_around_the_object_and_not_over_it():
    drawn = changed(GREY, draw_labels(GREY, [bare((100.0, 80.0, 180.0, 150.0))]))
    frame = drawn[79:151, 99:181]
    assert frame[0].all() and frame[-1].all() and frame[:, 0].all() and frame[:, -1].all()
    # of what is in the box only its name may be covered, and here there is room above
    assert not drawn[80:150, 100:180].any()


def test_what_is_hidden_is_dashed():
    box, amodal = (100.0, 80.0, 180.0, 150.0), (60.0, 80.0, 180.0, 200.0)
    solid = draw_labels(GREY, [bare(box)])
    both = draw_labels(GREY, [bare(box, amodal_box=amodal)])
    left = changed(solid, both)[82:199, 60]
    assert 0.3 < left.mean() < 0.7  # dashes and gaps
    assert (draw_labels(GREY, [bare(box, amodal_box=box)]) == solid).all()


def test_masks_are_tinted_and_stay_see_through():
    pixels, _ = picture(height=240, width=320)
    one = disc(1, 160.0, 120.0, 60.0, height=240, width=320)
    drawn = draw_labels(pixels, [one])
    inside = np.hypot(*(np.mgrid[:240, :320] + 0.5 - np.array([120, 160])[:, None, None])) < 50
    inside[112:128, 152:168] = False  # the keypoint
    assert changed(pixels, drawn)[inside].mean() > 0.95
    texture = pixels[inside].astype(float), drawn[inside].astype(float)
    assert np.corrcoef(texture[0].ravel(), texture[1].ravel())[0, 1] > 0.5


@pytest.mark.parametrize(("visibility", "marked"), [(0, False), (1, True), (2, True)])
def test_keypoints_are_drawn_unless_they_are_outside(visibility, marked):
    point = Keypoint("tip", 200.5, 60.5, visibility)
    drawn = draw_labels(GREY, [bare((20.0, 150.0, 60.0, 200.0), keypoints=(point,))])
    around = changed(GREY, drawn)[54:67, 194:207]
    assert around.any() == marked
    if visibility == 1:
        assert not around[6, 6]  # hollow


def test_keypoints_that_are_no_numbers_are_left_out():
    point = Keypoint("tip", float("nan"), float("inf"), 2)
    assert draw_labels(GREY, [bare(None, keypoints=(point,))]).shape == GREY.shape


@pytest.mark.parametrize(
    ("size", "scale", "expected"),
    [
        ((32, 32), 1, (192, 192)),
        ((64, 64), 1, (192, 192)),
        ((64, 48), 1, (192, 144)),
        ((100, 200), 1, (100, 200)),
        ((100, 200), 2.9, (200, 400)),
        ((400, 200), 0.25, (100, 50)),
    ],
)
def test_small_pictures_are_enlarged_by_whole_factors(size, scale, expected):
    pixels = np.random.default_rng(0).integers(0, 256, (*size, 3), np.uint8)
    drawn = draw_labels(pixels, (), scale=scale)
    assert drawn.shape[:2] == expected
    factor = expected[0] // size[0]
    if factor:
        assert (drawn[::factor, ::factor] == pixels).all()  # square pixels, nothing blurred


def test_labels_follow_the_scale():
    pixels = np.full((480, 640, 3), 128, np.uint8)
    one = bare((200.0, 160.0, 400.0, 320.0))
    drawn = changed(draw_labels(pixels, (), scale=0.5), draw_labels(pixels, [one], scale=0.5))
    assert drawn[79, 100:200].all() and drawn[80:160, 99].all()
    assert not drawn[80:160, 100:200].any()


def names_alone(annotations):
    """Return where names are written: what differs from the same labels in a foreign script."""
    labels = [one.label for one in annotations]
    foreign = [chr(0x4E00 + k) for k in range(len(labels))]  # these are not written
    silent = [
        dataclasses.replace(one, label=name) for one, name in zip(annotations, foreign, strict=True)
    ]
    written = draw_labels(GREY, annotations, categories=labels)
    return changed(written, draw_labels(GREY, silent, categories=foreign))


def test_a_crowd_is_not_covered_by_its_names():
    rng = np.random.default_rng(3)
    crowd = []
    for k in range(300):
        x, y = rng.uniform(0, 300), rng.uniform(0, 220)
        crowd.append(bare((x, y, x + 12, y + 12), label=f"a rather long name {k}"))
    assert 0.01 < names_alone(crowd).mean() <= 0.15
    apart = [
        bare((x, y, x + 4, y + 4), f"no. {x} {y}")
        for x in range(0, 320, 64)
        for y in range(20, 240, 36)
    ]
    assert 0.1 < names_alone(apart).mean() <= 0.15


def test_names_do_not_cover_each_other():
    box = (120.0, 100.0, 136.0, 116.0)
    one = names_alone([bare(box, "thing 1")]).sum()
    both = names_alone([bare(box, "thing 1"), bare(box, "thing 2")]).sum()
    assert one > 300 and both > 1.8 * one


def test_colours_are_stable_and_do_not_depend_on_the_picture():
    assert category_color("RBC") == category_color("RBC")
    names = [f"c{k}" for k in range(7)]
    assert len({category_color(name, names) for name in names}) == 7
    assert category_color("elsewhere", names) == category_color("elsewhere")
    assert len({category_color(f"c{k}", [f"c{k}" for k in range(21)]) for k in range(21)}) == 21


# Machado, Oliveira and Fernandes (2009), severity 1, linear RGB
DEFICIENCIES = {
    "protan": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deutan": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "none": np.eye(3).tolist(),
}


@pytest.mark.parametrize("kind", DEFICIENCIES)
def test_the_first_categories_differ_for_every_eye(kind):
    seen = decode_srgb(np.array(PALETTE, np.uint8)) @ np.array(DEFICIENCIES[kind]).T
    seen = np.clip(seen, 0, 1) ** (1 / 2.4)
    for one, other in itertools.combinations(seen, 2):
        assert np.abs(one - other).max() > 0.09


@pytest.mark.parametrize(
    "pixels", [GREY[..., 0], GREY.astype(float), GREY[:0], np.zeros((4, 4, 4), np.uint8)]
)
def test_what_is_no_picture_is_refused(pixels):
    with pytest.raises(ShapeError, match="a picture of shape"):
        draw_labels(pixels, ())


@pytest.mark.parametrize("scale", [0, -1, float("nan"), float("inf")])
def test_a_scale_that_means_nothing_is_refused(scale):
    with pytest.raises(ShapeError, match="scale"):
        draw_labels(GREY, (), scale=scale)


COORDINATE = st.floats(-1e4, 1e4)


@settings(max_examples=30)
@given(
    st.lists(st.tuples(COORDINATE, COORDINATE, COORDINATE, COORDINATE), max_size=6),
    st.text(max_size=60),
    st.sampled_from([(1, 1), (3, 200), (90, 70)]),
    st.sampled_from([0.3, 1, 2]),
)
def test_any_box_and_any_name_can_be_drawn(boxes, label, size, scale):
    pixels = np.zeros((*size, 3), np.uint8)
    annotations = [bare(box, label, amodal_box=box[::-1]) for box in boxes]
    assert draw_labels(pixels, annotations, scale=scale).dtype == np.uint8
