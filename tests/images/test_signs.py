"""The signs and letters are clean artwork, and each can be told from the others."""

import numpy as np
import pytest

from abbild.images.drawing import rasterise
from abbild.images.errors import AssetError
from abbild.images.glyphs import GLYPHS, glyph_strokes, text
from abbild.images.signs import SIGN_NAMES, sign, variants

ALL = [(number, form) for number in range(43) for form in range(variants(number))]
RED, BLUE, YELLOW = "#bb1e10", "#0e4c96", "#f7b500"


def crossings(a, b, same):
    """Count the pairs of edges of two rings that cross or touch, neighbours left out."""
    p, q = a[:, None], np.roll(a, -1, 0)[:, None]
    r, s = b[None], np.roll(b, -1, 0)[None]

    def side(u, v, w):
        return (v - u)[..., 0] * (w - u)[..., 1] - (v - u)[..., 1] * (w - u)[..., 0]

    cross = (side(p, q, r) * side(p, q, s) < -1e-14) & (side(r, s, p) * side(r, s, q) < -1e-14)
    if same:
        n = len(a)
        i, j = np.indices((n, n))
        cross &= ((i - j) % n > 1) & ((j - i) % n > 1)
    return int(cross.sum())


def contains(ring, points):
    (x, y), inside = points.T, np.zeros(len(points), bool)
    for (ax, ay), (bx, by) in zip(ring, np.roll(ring, -1, 0), strict=True):
        hit = (ay > y) != (by > y)
        share = np.divide(y - ay, by - ay, out=np.zeros_like(y), where=hit)
        inside ^= hit & (x < ax + share * (bx - ax))
    return inside


def assert_clean(fill):
    first, *holes = fill.rings
    for ring in fill.rings:
        assert np.isfinite(ring).all()
        assert crossings(ring, ring, same=True) == 0
        assert np.linalg.norm(np.roll(ring, -1, 0) - ring, axis=1).min() > 1e-6
    for hole in holes:
        assert crossings(first, hole, same=False) == 0
        assert contains(first, hole).all()


def on_grey(drawing, side, shift=(0.0, 0.0)):
    pixels = rasterise(drawing.moved(*shift).scaled(0.9), side, side).astype(float)
    alpha = pixels[..., 3:] / 255
    return pixels[..., :3] * alpha + 120 * (1 - alpha)


def test_there_are_43_signs_with_names():
    assert len(SIGN_NAMES) == len(set(SIGN_NAMES)) == 43


@pytest.mark.parametrize(("number", "form"), ALL)
def test_rings_never_cross_and_holes_lie_inside(number, form):
    for fill in sign(number, form).fills:
        assert_clean(fill)


@pytest.mark.parametrize(("number", "form"), ALL)
def test_a_sign_fills_its_width_and_nothing_leaves_the_plate(number, form):
    drawing = sign(number, form)
    x0, y0, x1, y1 = drawing.bounds
    assert (x0, x1) == pytest.approx((-1, 1), abs=1e-3)
    assert -1.001 <= y0 < -0.8
    assert y1 == pytest.approx(-y0, abs=1e-9)
    (outline,) = drawing.outline
    for fill in drawing.fills[1:]:
        assert contains(outline, fill.rings[0]).all()


@pytest.mark.parametrize("number", range(43))
def test_the_plate_is_opaque_and_its_silhouette_the_outline(number):
    drawing = sign(number)
    alpha = rasterise(drawing, 40, 40)[..., 3]
    (outline,) = drawing.outline
    axis = (np.arange(40) + 0.5) / 20 - 1
    x, y = np.meshgrid(axis, -axis)
    inside = contains(outline, np.stack([x.ravel(), y.ravel()], 1)).reshape(40, 40)
    assert (alpha[inside] > 100).all()
    assert (alpha[~inside] < 155).all()


def test_every_sign_moved_by_half_a_pixel_is_nearest_to_itself():
    side = 32
    whole = np.stack([on_grey(sign(n), side) for n in range(43)])
    pixel = 2 / (side * 0.9)
    moved = np.stack([on_grey(sign(n), side, (0.35 * pixel, -0.35 * pixel)) for n in range(43)])
    distance = np.abs(moved[:, None] - whole[None]).mean(axis=(2, 3, 4))
    assert (distance.argmin(axis=1) == np.arange(43)).all()


def test_forms_of_one_sign_differ():
    for number in range(43):
        forms = [on_grey(sign(number, form), 32) for form in range(variants(number))]
        for a in range(len(forms)):
            for b in range(a):
                assert np.abs(forms[a] - forms[b]).max() > 20


@pytest.mark.parametrize(("left", "right"), [(19, 20), (34, 33), (37, 36), (39, 38)])
def test_left_and_right_are_mirror_images(left, right):
    for form in range(variants(left)):
        a, b = (rasterise(sign(n, form), 47, 47).astype(int) for n in (left, right))
        # samples that lie exactly on an edge may fall to either side
        assert (np.abs(a - b[:, ::-1]) > 1).mean() < 0.005


def test_families_have_their_colours():
    for number in (*range(6), 7, 8, 9, 10, *range(13, 32), 11):
        assert RED in sign(number).colours
    for number in range(33, 41):
        assert sign(number).colours[1] == BLUE
    for number in (6, 32, 41, 42):
        assert not {RED, BLUE, YELLOW} & set(sign(number).colours)
    assert YELLOW in sign(12).colours
    assert YELLOW in sign(26).colours


@pytest.mark.parametrize(("number", "form"), [(43, 0), (-1, 0), (3, 9), (0, -1)])
def test_signs_that_do_not_exist_are_refused(number, form):
    with pytest.raises(AssetError, match="there is no"):
        sign(number, form)


# ---------------------------------------------------------------- letters


@pytest.mark.parametrize("char", GLYPHS)
@pytest.mark.parametrize("weight", [0.1, 1 / 7, 0.18])
def test_the_strokes_of_glyphs_are_clean(char, weight):
    for fill in text(char, weight=weight).fills:
        assert_clean(fill)


@pytest.mark.parametrize("char", "0123456789ABCDEFGHIJKLMNOPRSTUVWXYZ")
def test_digits_and_capitals_are_as_high_as_asked_at_any_weight(char):
    for weight in (0.1, 1 / 7, 0.18):
        _, y0, _, y1 = text(char, 0.5, weight=weight).bounds
        assert (y0, y1) == pytest.approx((-0.25, 0.25), abs=0.004)


@pytest.mark.parametrize("weight", [0.1, 1 / 7, 0.18])
def test_lower_case_is_five_sevenths_high_and_reaches_up_to_the_capitals(weight):
    for char in "acenorsuvwxz":
        _, y0, _, y1 = text(char, weight=weight).bounds
        assert (y0, y1) == pytest.approx((-0.5, 5 / 7 - 0.5), abs=0.008)
    for char in "bdfhklß":
        assert text(char, weight=weight).bounds[3] == pytest.approx(0.5, abs=0.008)


def test_a_line_is_centred_and_as_long_as_its_glyphs():
    x0, _, x1, _ = text("HH", 0.7).bounds
    assert x0 == pytest.approx(-x1)
    one = text("H", 0.7).bounds[2] * 2
    assert x1 - x0 == pytest.approx(2 * one + 0.7 * 0.9 / 7)
    assert text("100", width_scale=0.75).bounds[2] < 0.8 * text("100").bounds[2]


def test_a_nine_is_a_six_upside_down():
    six, nine = (rasterise(text(c, 1.6), 64, 64).astype(int) for c in "69")
    assert np.abs(six - np.rot90(nine, 2)).max() <= 1


def test_digits_are_told_apart_at_twelve_pixels():
    digits = np.stack([rasterise(text(c, 1.8), 12, 12)[..., 3].astype(float) for c in "0123456789"])
    distance = np.abs(digits[:, None] - digits[None]).mean(axis=(2, 3)) + 255 * np.eye(10)
    assert distance.min() > 20


@pytest.mark.parametrize("char", GLYPHS)
def test_pen_strokes_lie_within_the_painted_strokes(char):
    lines, painted = glyph_strokes(char), text(char).fills
    assert len(lines) == len(painted)
    x0 = text(char).bounds[0] if painted else 0.0
    for line, fill in zip(lines, painted, strict=True):
        low, high = fill.rings[0].min(0), fill.rings[0].max(0)
        middle = line - (0, 0.5)
        assert (middle[:, 1] >= low[1] - 1e-6).all()
        assert (middle[:, 1] <= high[1] + 1e-6).all()
        assert np.ptp(line[:, 0]) <= high[0] - low[0] + 1e-6
    assert x0 <= 0


def test_a_missing_glyph_is_named():
    with pytest.raises(AssetError, match=r"CJK UNIFIED IDEOGRAPH-6F22") as caught:
        text("漢")
    assert "drawn are" in caught.value.hint


@pytest.mark.parametrize("weight", [0.0, -1.0, 0.4, float("nan")])
def test_a_weight_that_closes_the_counters_is_refused(weight):
    with pytest.raises(AssetError, match="weight"):
        text("8", weight=weight)
