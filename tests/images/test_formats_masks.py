"""Run lengths are COCO's own; borders and filling undo each other."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from abbild.core import FileFormatError, ShapeError
from abbild.images.formats import masks
from abbild.images.formats.polygons import fill, one_outline, outlines

coco = pytest.importorskip("pycocotools.mask")
# pycocotools is not ready for numpy 2
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
MASKS = arrays(bool, array_shapes(min_dims=2, max_dims=2, max_side=24))


def theirs(mask):
    return coco.encode(np.asfortranarray(mask.astype(np.uint8)))


@given(MASKS)
def test_the_compressed_string_is_the_one_of_coco(mask):
    text = masks.encode(mask)
    assert text == theirs(mask)["counts"].decode()
    assert (coco.decode({"size": mask.shape, "counts": text.encode()}) == mask).all()


@given(MASKS)
def test_a_mask_comes_back_from_either_notation(mask):
    runs = masks.run_lengths(mask)
    assert runs.sum() == mask.size
    assert (runs[1:] > 0).all()
    assert masks.area(runs) == mask.sum()
    assert (masks.decompress(masks.compress(runs)) == runs).all()
    assert (masks.decode(runs.tolist(), *mask.shape) == mask).all()


@pytest.mark.parametrize("side", [1000, 3000])
def test_long_runs_take_several_characters(side):
    mask = np.zeros((side, side), bool)
    mask[side // 3 :, side // 2] = mask[-1, -1] = True
    mask[: side // 7, side // 2 + 1] = True
    assert masks.encode(mask) == theirs(mask)["counts"].decode()
    assert (masks.decode(masks.decompress(masks.encode(mask)), side, side) == mask).all()


@given(st.lists(st.integers(0, 2**30), min_size=1, max_size=9))
def test_any_runs_survive_compression(runs):
    assert masks.decompress(masks.compress(runs)).tolist() == runs


@given(st.text(max_size=12))
def test_any_text_is_runs_or_one_clear_error(text):
    try:
        runs = masks.decompress(text)
        mask = masks.decode(runs, 3, 4)
    except FileFormatError:
        return
    assert mask.shape == (3, 4)


@pytest.mark.parametrize(
    ("runs", "said"),
    [([-1, 13], "from 0"), ([5, 6], "cover 11"), ([12, 2**62, 2**62], "the image has 12")],
)
def test_runs_that_do_not_fit_are_refused(runs, said):
    with pytest.raises(FileFormatError, match=said):
        masks.decode(runs, 3, 4)


def test_a_mask_has_two_axes():
    with pytest.raises(ShapeError, match=r"\(2, 3, 4\)"):
        masks.run_lengths(np.zeros((2, 3, 4), bool))


@given(MASKS)
def test_the_box_of_a_mask_is_tight(mask):
    box = masks.mask_box(mask)
    if box is None:
        assert not mask.any()
        return
    x0, y0, x1, y1 = map(int, box)
    assert mask[y0:y1, x0:x1].sum() == mask.sum()
    assert all(edge.any() for edge in (mask[y0], mask[y1 - 1], mask[:, x0], mask[:, x1 - 1]))


@given(MASKS)
def test_filling_the_outline_gives_the_mask_with_its_parts_and_holes(mask):
    assert (fill(one_outline(outlines(mask)), *mask.shape) == mask).all()


@given(MASKS)
def test_outlines_enclose_the_area_and_turn_at_every_corner(mask):
    total = 0.0
    for loop in outlines(mask):
        (x, y), (u, v) = loop.T, np.roll(loop, -1, axis=0).T
        total += (x * v - u * y).sum() / 2
        steps = np.stack([u - x, v - y])
        assert (np.count_nonzero(steps, axis=0) == 1).all()
        assert (np.count_nonzero(steps[0]) * 2) == len(loop)
    assert total == mask.sum()


def test_pixels_that_touch_at_a_corner_are_one_part_and_a_hole_a_loop_of_its_own():
    assert len(outlines(np.eye(3, dtype=bool))) == 1
    ring = np.ones((3, 3), bool)
    ring[1, 1] = False
    around, hole = outlines(ring)
    assert around.tolist() == [[3, 0], [3, 3], [0, 3], [0, 0]]
    assert hole.tolist() == [[2, 2], [2, 1], [1, 1], [1, 2]]
    assert outlines(np.zeros((2, 2), bool)) == []


def test_a_disc_is_filled_where_pixel_centres_lie_inside():
    angle = np.linspace(0, 2 * np.pi, 4000, endpoint=False)
    disc = np.stack([20 + 13.3 * np.cos(angle), 17 + 13.3 * np.sin(angle)], axis=1)
    y, x = np.mgrid[:36, :40] + 0.5
    assert (fill(disc, 36, 40) == (np.hypot(x - 20, y - 17) < 13.3)).all()
    assert (fill(disc[::-1], 36, 40) == fill(disc, 36, 40)).all()


def test_a_polygon_is_cut_at_the_image_however_far_it_reaches():
    huge = np.array([[-1e9, -1e9], [1e9, -1e9], [1e9, 1e9], [-1e9, 1e9]])
    assert fill(huge, 5, 7).all()
    assert not fill(huge + np.array([3e9, 0]), 5, 7).any()
    assert not fill(np.array([[0.0, 0.0], [3.0, 3.0]]), 5, 7).any()
