"""Shadows, open skies and outlines of the quick renderer."""

import numpy as np
import pytest

from abbild.core import Seed
from abbild.images.fast import Fast
from abbild.images.fast.lamps import lamps_of, spots_on
from abbild.images.fast.points import camera_of, points_of
from abbild.images.fast.prepared import prepare
from abbild.images.fast.shadows import visible_shares
from abbild.images.labels import find_hits, occluded
from abbild.images.stage import Bulb, Panel, Sun
from tests.images.fast_stages import (
    above,
    body,
    box,
    even_sky,
    grey,
    ground_points,
    looking,
    placed,
    quad,
    sphere,
    stage,
)

SEED = Seed(5)
PLAIN = Fast(supersample=1, ambient_occlusion=0)


def shadow_of(blocker, lamp, view, renderer=PLAIN):
    """Share of the lamp that each pixel of the ground sees; what the blocker covers is NaN."""
    ground = body(quad(60), grey(1.0))
    shaded = renderer.radiance(stage(ground, blocker, lamps=[lamp]), view, seed=SEED)[..., 0]
    plain = renderer.radiance(stage(ground, lamps=[lamp]), view, seed=SEED)[..., 0]
    return shaded / plain


def test_a_box_throws_its_shadow_where_geometry_says():
    lamp = Sun(np.array([-1, 0, 1.0]) / np.sqrt(2), np.ones(3), angle=1e-4)
    view = above(80, 8)
    share = shadow_of(body(box(), grey(), placed((0, 0, 0.5))), lamp, view)
    x, y = ground_points(view)
    outside = (np.abs(x) > 0.5) | (np.abs(y) > 0.5)
    shadow = (x > 0.5) & (x < 1.5) & (np.abs(y) < 0.5)  # one high, under 45 degrees: one long
    pixel = 1 / view.fx
    edge = np.minimum(np.abs(x - 1.5), np.abs(np.abs(y) - 0.5))
    clear = outside & (edge > 1.1 * pixel)
    np.testing.assert_allclose(share[clear & shadow], 0, atol=1e-6)
    np.testing.assert_allclose(share[clear & ~shadow], 1, atol=1e-6)


@pytest.mark.parametrize("width", [0.4, 1.2])
def test_the_penumbra_of_a_panel_is_as_wide_as_the_law_of_rays_says(width):
    # a sheet one above the ground with its edge at x = 0, lamp three above, seen from the side
    # where the sheet is not: from the edge the lamp spans width, on the ground width 1 / 2
    sheet = body(quad(8), grey(), placed((-4, 0, 1)))
    panel = Panel(placed((0, 0, 3), (width, 0.02, 1), np.pi), np.ones(3))
    view = looking((0.01, 0, 0), (3, 0, 2), 96, f=220)
    share = shadow_of(sheet, panel, view, Fast(16, 1, 0))
    rays = (np.arange(96) + 0.5 - 48) / 220
    # the middle column looks along -x and down; where its pixels meet the ground:
    z, y = view.matrix[:3, 2], view.matrix[:3, 1]
    direction = z[None] + rays[:, None] * y[None]
    t = -2.0 / direction[:, 2]
    x = 3 + t * direction[:, 0]
    profile = share[:, 48]
    expected = np.clip((x + width / 4) / (width / 2), 0, 1)
    seen = (x > -0.8) & (x < 0.8) & np.isfinite(profile)
    assert seen.sum() > 20
    assert np.abs(profile - expected)[seen].max() < 0.08  # 1/16 of the samples, and the filter
    assert np.abs(profile - expected)[seen].mean() < 0.03


def test_a_larger_bulb_has_softer_shadows():
    widths = []
    for radius in (0.02, 0.4):
        bulb = Bulb(np.array([0, 0, 4.0]), np.ones(3), radius)
        ball = body(sphere(), grey(), placed((0, 0, 1.5), 0.5))
        share = shadow_of(ball, bulb, looking((0, 0, 0), (3, 0, 2.5), 96), Fast(8, 1, 0))
        widths.append(((share > 0.05) & (share < 0.95)).sum())
    assert widths[1] > 3 * widths[0]


@pytest.mark.parametrize("elevation", [2, 10, 45])
def test_nothing_shadows_itself_however_low_the_sun(elevation):
    a = np.radians(elevation)
    lamp = Sun(np.array([np.cos(a), 0.0, np.sin(a)]), np.ones(3))
    turned = placed((0.3, 0.2, 500.0), 3.0, 0.3)  # far from the origin, at a slant
    floor = body(quad(9), grey(1.0), turned)
    view = looking((0.3, 0.2, 500), (4, 3, 504), 48)
    seen = PLAIN.radiance(stage(floor, lamps=[lamp]), view, seed=SEED)[..., 0]
    lit = seen[seen > 0]
    assert np.ptp(lit) < 1e-6 * lit.max()


@pytest.mark.parametrize("turn", [-0.2, -0.21, 0.05])
def test_a_coarse_smooth_sphere_shows_no_facets_at_its_terminator(turn):
    lamp = Sun(np.array([1.0, 0, 0]), np.ones(3))
    view = above(96, 2.2)
    coarse = body(sphere(8), grey(1.0), placed(turn=turn, axis="y"))
    seen = PLAIN.radiance(stage(coarse, lamps=[lamp]), view, seed=SEED)[..., 0]
    x = ground_points(view)[0][48, 49:80]
    row = seen[48, 49:80] * np.pi  # from the terminator towards the lit limb, where cos = x
    assert np.abs(row - x).max() < 0.03
    assert (np.diff(row) > -0.02).all()


@pytest.mark.parametrize("number", range(6))
def test_hard_shadows_are_those_of_the_label_engine(number):
    rng = np.random.default_rng(number)
    heap = [
        body(
            (box(), sphere(12))[k % 2],
            grey(),
            placed(rng.uniform(-2, 2, 3), rng.uniform(0.1, 0.8, 3), rng.uniform(0, 6)),
            name=f"b{k}",
        )
        for k in range(8)
    ]
    heap = stage(*heap, body(quad(9), grey(), placed((0, 0, -2.5)), name="ground"))
    view = looking((0, 0, 0), (3, 3, 4), 80)
    lamps = [Bulb(np.array([1.5, -1, 3.0]), np.ones(3), radius=0.0)]
    lamps.append(Sun(np.array([*rng.normal(0, 0.7, 2), 1.0]), np.ones(3), angle=0.0))
    prepared, table = prepare(heap), lamps_of(lamps)
    points = points_of(prepared, camera_of(view), find_hits(heap, view))
    shares, _ = visible_shares(prepared, points, table, spots_on(table, 1, SEED))
    for k, share in enumerate(shares):
        there = points.instance >= 0
        origins, share = points.origin[there], share[there]
        towards = table.place[k] - origins if k == 0 else np.tile(table.place[k], (len(origins), 1))
        faces = np.sum(points.normal[there] * towards, axis=1) > 0
        origins, towards = origins[faces], towards[faces]
        far = np.linalg.norm(towards, axis=1)
        hidden = occluded(heap, origins, towards / far[:, None], far * (99 if k else 1))
        assert 0.002 < hidden.mean() < 0.98
        assert np.mean(hidden == (share[faces] == 0)) > 0.998  # rays that graze an edge


def test_moving_a_body_moves_its_shadow_and_nothing_is_left_behind():
    lamp = Sun(np.array([0, 0, 1.0]), np.ones(3))
    ball, ground = sphere(), body(quad(20), grey())
    view = looking((0, 0, 0), (0.1, -6, 4), 64)

    def picture(at):
        blocker = body(ball, grey(), placed((at, 0, 2), 0.5))
        return PLAIN.radiance(stage(ground, blocker, lamps=[lamp]), view, seed=SEED)

    first, moved = picture(0.0), picture(1.0)
    assert np.abs(first - moved).max() > 0.05
    np.testing.assert_array_equal(picture(0.0), first)


def test_at_the_foot_of_a_wall_half_of_the_sky_is_hidden():
    floor = body(quad(400), grey(0.3))
    wall = body(quad(400), grey(0.3), placed((0, -100, 0), turn=-np.pi / 2))
    view = looking((0, -99.9, 0), (0, -95, 5), 31, f=300)
    seen = Fast(ambient_occlusion=64).radiance(stage(floor, wall, sky=even_sky()), view, seed=SEED)
    open_sky = 0.3
    shown = seen[15, 15, 0] / open_sky
    # what is hidden gives back: s = o / (1 - a (1 - o)) with o = 1/2
    assert shown == pytest.approx(0.5 / (1 - 0.3 * 0.5), abs=0.03)


def test_without_rays_to_the_sky_every_point_is_open():
    scene = stage(body(quad(9), grey()), body(box(), grey(), placed((0, 0, 0.5))), sky=even_sky())
    seen = PLAIN.radiance(scene, above(), seed=SEED)
    np.testing.assert_allclose(seen, 0.5, rtol=2e-3)


def test_a_pixel_half_covered_has_half_of_each_colour():
    scene = stage(body(quad(2), grey(0.0, emission=np.ones(3, np.float32))))
    view = above(20, 4.1)  # the border of the square crosses pixels
    sharp = PLAIN.radiance(scene, view, seed=SEED)[..., 0]
    soft = Fast(0, 4, 0).radiance(scene, view, seed=SEED)[..., 0]
    assert set(np.unique(sharp)) == {0.0, 1.0}
    covered = 4.0 * view.fx * view.fy  # area of the square, pixels
    assert soft.sum() == pytest.approx(covered, rel=0.02)
    assert abs(soft.sum() - covered) < abs(sharp.sum() - covered)
    inner = slice(6, 14)
    np.testing.assert_array_equal(soft[inner, inner], sharp[inner, inner])


def test_a_ridge_between_two_faces_is_mixed_too():
    scene = stage(
        body(box(), grey(1.0), placed(turn=np.radians(40))),
        lamps=[Sun(np.array([0, 0.7, 0.7]), np.ones(3))],
    )
    view = above(40, 2.03)
    sharp = PLAIN.radiance(scene, view, seed=SEED)[..., 0]
    soft = Fast(4, 4, 0).radiance(scene, view, seed=SEED)[..., 0]
    middle = slice(14, 26)
    assert len(np.unique(np.round(sharp[:, middle], 4))) < len(np.unique(np.round(soft, 4)))
