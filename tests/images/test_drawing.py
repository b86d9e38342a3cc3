"""Artwork has the area that geometry says, and its pixels show that area."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from abbild.images.drawing import (
    Drawing,
    arc,
    circle,
    curve,
    filled,
    limb,
    over,
    paths,
    polygon,
    rasterise,
    rectangle,
    regular_polygon,
    rounded,
    smooth,
    stroke,
)
from abbild.images.errors import AssetError

RED, WHITE, BLACK = "#bb1e10", "#ffffff", "#000000"
SIDE, SAMPLES = 64, 4
SAMPLE = 2 / (SIDE * SAMPLES)  # drawing units between two samples

numbers = st.floats(-0.95, 0.95, allow_subnormal=False)
corners = st.lists(st.tuples(numbers, numbers), min_size=3, max_size=9)


def area(ring):
    x, y = ring.T
    return abs(x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2


def perimeter(*rings):
    return sum(np.linalg.norm(np.roll(r, -1, 0) - r, axis=1).sum() for r in rings)


def covered(drawing):
    alpha = rasterise(drawing, SIDE, SIDE, SAMPLES)[..., 3] / 255
    return alpha.sum() * (2 / SIDE) ** 2


def test_pixels_cover_the_area_of_a_polygon_with_a_hole():
    outer, hole = regular_polygon(7, 0.9), circle(0.4, (0.1, 0.05))
    # a sample is wrong only within half its diagonal of the boundary
    bound = perimeter(outer, hole) * SAMPLE * math.sqrt(2) / 2
    assert abs(covered(filled(RED, outer, hole)) - (area(outer) - area(hole))) < bound


@given(corners)
def test_even_odd_pixels_are_those_of_a_winding_count_taken_modulo_two(points):
    ring = polygon(points)
    pixels = rasterise(filled(RED, ring), 16, 16, 1)[..., 3] == 255
    axis = (np.arange(16) + 0.5) / 8 - 1
    x, y = np.meshgrid(axis, -axis)
    inside = np.zeros((16, 16), bool)
    for (ax, ay), (bx, by) in zip(ring, np.roll(ring, -1, 0), strict=True):
        crosses = (ay > y) != (by > y)
        with np.errstate(divide="ignore", invalid="ignore"):
            inside ^= crosses & (x < ax + (y - ay) * (bx - ax) / (by - ay))
    edge = distance_to(ring, np.stack([x, y], -1)) < 1e-9  # on the boundary either answer is right
    assert ((pixels == inside) | edge).all()


def distance_to(ring, points):
    a, b = ring, np.roll(ring, -1, 0)
    along = b - a
    t = ((points[..., None, :] - a) * along).sum(-1) / np.maximum((along**2).sum(-1), 1e-300)
    foot = a + np.clip(t, 0, 1)[..., None] * along
    return np.linalg.norm(points[..., None, :] - foot, axis=-1).min(-1)


def test_edges_on_pixel_borders_are_exact():
    pixels = rasterise(filled(RED, rectangle(1, 1)), 8, 8)
    assert (pixels[2:6, 2:6] == (0xBB, 0x1E, 0x10, 255)).all()
    assert pixels[..., 3].sum() == 16 * 255
    assert (pixels[0] == 0).all()


def test_a_half_covered_pixel_is_half_transparent_and_keeps_its_colour():
    pixel = rasterise(filled(RED, rectangle(1, 2, (0.5, 0))), 1, 1, 4)[0, 0]
    assert pixel.tolist() == [0xBB, 0x1E, 0x10, 128]


def test_colours_average_in_linear_light():
    half = over(filled(BLACK, rectangle(2, 2)), filled(WHITE, rectangle(1, 2, (0.5, 0))))
    assert rasterise(half, 1, 1)[0, 0].tolist() == [188, 188, 188, 255]  # 0.5 encoded as sRGB


def test_the_shorter_side_shows_the_unit_square():
    wide = rasterise(filled(RED, rectangle(2, 2)), 30, 10)[..., 3] == 255
    assert wide[:, 10:20].all()
    assert not wide[:, :10].any()
    assert not wide[:, 20:].any()


def test_y_points_up_and_x_right():
    pixels = rasterise(filled(RED, rectangle(0.5, 0.5, (0.75, 0.75))), 8, 8)[..., 3]
    assert pixels[0, 7] == 255
    assert pixels[7, 0] == 0


def test_colours_are_replaced_when_asked():
    plate = over(filled(RED, circle(1)), filled(WHITE, circle(0.5)))
    pixels = rasterise(plate, 9, 9, 4, {WHITE: "#010203"})
    assert pixels[4, 4].tolist() == [1, 2, 3, 255]
    assert plate.colours == (RED, WHITE)
    assert plate.painted({RED: BLACK}).colours == (BLACK, WHITE)
    assert plate.painted(BLACK).colours == (BLACK,)


@given(st.integers(1, 3))
def test_turning_by_right_angles_turns_the_pixels(quarters):
    drawing = filled(RED, polygon([(-0.83, -0.71), (0.93, -0.37), (0.11, 0.77)]))
    turned = rasterise(drawing.rotated(90 * quarters), 32, 32)
    assert (turned == np.rot90(rasterise(drawing, 32, 32), quarters)).all()


def test_mirrored_drawings_have_mirrored_pixels():
    drawing = filled(RED, polygon([(-0.83, -0.71), (0.93, -0.37), (0.11, 0.77)]))
    assert (rasterise(drawing.mirrored(), 32, 32) == rasterise(drawing, 32, 32)[:, ::-1]).all()


@given(numbers, numbers, st.floats(0.1, 3), st.floats(-180, 180))
def test_moves_and_turns_keep_areas_and_scaling_squares(x, y, size, degrees):
    ring = regular_polygon(5, 0.5)
    moved = filled(RED, ring).rotated(degrees).moved(x, y).scaled(size)
    assert area(moved.fills[0].rings[0]) == pytest.approx(area(ring) * size**2)
    assert area(moved.outline[0]) == pytest.approx(area(ring) * size**2)


def test_bounds_hold_everything():
    drawing = over(filled(RED, rectangle(1, 2)), filled(WHITE, rectangle(1, 1, (1, 0))))
    assert drawing.bounds == (-0.5, -1.0, 1.5, 1.0)
    assert Drawing((), ()).bounds == (0.0, 0.0, 0.0, 0.0)


def test_what_is_painted_later_lies_on_top_and_the_silhouette_stays():
    plate = over(filled(RED, circle(1)), filled(WHITE, rectangle(0.7, 0.7)))
    assert len(plate.outline) == 1
    assert rasterise(plate, 3, 3)[1, 1].tolist() == [255, 255, 255, 255]


@given(st.floats(0.05, 0.4), st.floats(0, 360))
def test_a_straight_stroke_has_the_area_of_a_rectangle(width, degrees):
    a = math.radians(degrees)
    line = [(0, 0), (0.7 * math.cos(a), 0.7 * math.sin(a))]
    flat = stroke(line, width)[0]
    assert area(flat) == pytest.approx(0.7 * width)
    assert area(stroke(line, width, "square")[0]) == pytest.approx((0.7 + width) * width)
    disc = area(regular_polygon(60, width / 2))  # the caps turn by 6 degrees a step
    assert area(stroke(line, width, "round")[0]) == pytest.approx(0.7 * width + disc)


def test_a_closed_stroke_is_a_ring_between_two_offsets():
    outer, inner = stroke(rectangle(1, 1), 0.2, closed=True)
    assert area(outer) == pytest.approx(1.44)
    assert area(inner) == pytest.approx(0.64)
    again = stroke(np.concatenate([rectangle(1, 1), [[-0.5, -0.5]]]), 0.2, closed=True)
    assert area(again[0]) == pytest.approx(1.44)


def test_a_bent_stroke_is_mitred_to_a_corner():
    ring = stroke([(0, 0), (1, 0), (1, 1)], 0.2)[0]
    assert np.abs(ring - (1.1, -0.1)).max(axis=1).min() < 1e-12
    assert area(ring) == pytest.approx(0.4)


def test_a_level_cap_cuts_a_slanting_end_on_its_line():
    ring = stroke([(0, 0), (0.5, 1)], 0.2, "level")[0]
    assert set(np.round(ring[:, 1], 12)) == {0.0, 1.0}
    mixed = stroke([(0, 0), (0.5, 1)], 0.2, ("level", "butt"))[0]
    assert sorted(np.round(mixed[:, 1], 12))[:2] == [0.0, 0.0]
    assert mixed[:, 1].max() > 1.01


@given(st.floats(0.01, 0.45))
def test_rounding_a_square_takes_four_minus_pi_radii_squared(radius):
    ring = rounded(rectangle(1, 1), radius)
    lost = (4 - math.pi) * radius**2
    chord = 4 * math.pi * radius**2 * (1 - math.sin(math.radians(6)) / math.radians(6))
    assert 0 <= 1 - area(ring) - lost + 1e-12 <= chord + 1e-12
    assert np.abs(ring).max() == pytest.approx(0.5)


def test_rounding_shrinks_where_sides_are_too_short():
    ring = rounded(rectangle(1, 0.2), 5.0)
    assert np.abs(ring[:, 0]).max() <= 0.5 + 1e-12
    assert np.abs(ring[:, 1]).max() <= 0.1 + 1e-12


def test_smooth_lines_pass_through_their_points_and_keep_doubled_corners():
    points = [(0, 0), (0.4, 0.5), (0.4, 0.5), (1, 0)]
    for closed in (True, False):
        line = smooth(points, closed)
        for point in points:
            assert np.abs(line - point).max(axis=1).min() < 1e-12


def test_curves_start_and_end_where_they_say():
    line = curve((0, 0), (0, 1), (1, 1), (1, 0))
    assert line[0].tolist() == [0, 0]
    assert line[-1].tolist() == [1, 0]
    assert line[:, 1].max() == pytest.approx(0.75, abs=0.005)
    assert arc(2.0, 0, 90)[-1].tolist() == pytest.approx([0, 2])
    assert len(circle(1)) == 72


@given(st.floats(0.05, 0.5), st.floats(0.05, 0.5))
def test_a_limb_is_the_hull_of_its_two_discs(a, b):
    ring = limb((0, 0), (1, 0), a, b)
    spread = math.acos((a - b) / 2)
    hull = (
        math.sin(spread) * (a + b) / 2 + (math.pi - spread) * (a / 2) ** 2 + spread * (b / 2) ** 2
    )
    assert area(ring) == pytest.approx(hull, rel=0.01)
    assert area(limb((0, 0), (0.01, 0), 1.0, 0.2)) == pytest.approx(math.pi / 4, rel=0.01)


def test_paths_read_lines_curves_arcs_and_closings():
    (line, closed), (ring, ring_closed), (bow, _) = paths(
        "M 0 0 L 1 0 1 1 C 1 2 0 2 0 1 | A 5 5 1 2 0 360 Z | A 0 0 1 1 0 90"
    )
    assert not closed
    assert line[-1].tolist() == [0, 1]
    assert ring_closed
    assert np.ptp(ring, axis=0) == pytest.approx([2, 4])
    assert bow[-1].tolist() == pytest.approx([0, 1])


@pytest.mark.parametrize("text", ["M 0", "L 1 2 3", "4 5", "M 0 0 C 1 2 3 L 4 5", "A 1 1"])
def test_a_path_that_breaks_off_is_refused(text):
    with pytest.raises(AssetError, match="path"):
        paths(text)


@pytest.mark.parametrize("points", [[(0, 0), (1, 1)], [(0, 0), (1, 0), (math.nan, 1)], [1, 2, 3]])
def test_rings_without_area_or_number_are_refused(points):
    with pytest.raises(AssetError, match="bounds no area"):
        polygon(points)


@pytest.mark.parametrize("colour", ["red", "#12345", "#12345g", ""])
def test_a_word_is_no_colour(colour):
    with pytest.raises(AssetError, match="no colour"):
        rasterise(filled(colour, circle(1)), 4, 4)


def test_a_stroke_of_one_point_is_refused():
    with pytest.raises(AssetError, match="one point"):
        stroke([(0, 0), (0, 0)], 0.1)


def test_artwork_beyond_the_picture_is_cut_off():
    pixels = rasterise(filled(RED, circle(50)), 8, 8)
    assert (pixels[..., 3] == 255).all()
    assert rasterise(Drawing((), ()), 4, 6).shape == (6, 4, 4)
