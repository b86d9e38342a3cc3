"""Single rays: distances, what stands in the way, what is inside."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abbild.images.errors import SceneError
from abbild.images.labels import cast, is_inside, occluded
from abbild.images.stage import Mesh
from tests.images.labels_stages import BALL, CUBE, SHEET, at, body, soup, stage, turned


def brute_force(scene, origins, directions):
    """Meet every triangle by solving for weights and distance (Möller and Trumbore 1997)."""
    best = np.full(len(origins), np.inf)
    for thing in scene.bodies:
        mesh = thing.parts[0].mesh
        corners = mesh.vertices @ thing.matrix[:3, :3].T + thing.matrix[:3, 3]
        for a, b, c in corners[mesh.faces]:
            with np.errstate(all="ignore"):
                columns = np.stack(
                    [
                        -directions,
                        np.broadcast_to(b - a, origins.shape),
                        np.broadcast_to(c - a, origins.shape),
                    ],
                    axis=2,
                )
                t, u, v = np.linalg.solve(columns, (origins - a)[..., None])[..., 0].T
            hit = (u >= 0) & (v >= 0) & (u + v <= 1) & (t >= 0)
            best = np.where(hit, np.minimum(best, t), best)
    return best


@given(st.integers(0, 10_000), st.booleans())
@settings(max_examples=40)
def test_rays_of_any_kind_find_the_nearest_triangle(seed, coherent):
    rng = np.random.default_rng(seed)
    scene = stage(
        body(soup(seed, 5), turned(at(1, 0, 0, (1, -2, 0.5)), 1.0)),
        body(soup(seed + 1, 5), at(0, 3, 0, 0.7)),
        body(soup(seed + 2, 5), at(-20, 0, 5, 3)),
    )
    origins = rng.normal(0, 0.01 if coherent else 5, (100, 3))
    directions = rng.normal(0, 1, (100, 3)) * 10 ** rng.uniform(-2, 2, (100, 1))
    if coherent:
        directions = np.array([-1.0, 0.2, 0.2]) + 0.2 * rng.normal(0, 1, (100, 3))
    truth = brute_force(scene, origins, directions)
    found = cast(scene, origins, directions)
    off = ~np.isclose(found.distance, truth, rtol=1e-4)
    assert np.count_nonzero(off) <= 1  # an edge met within rounding
    assert ((found.body > 0) == np.isfinite(found.distance)).all()
    far = rng.uniform(0, 2, 100) * np.where(np.isfinite(truth), truth, 1)
    clear = np.abs(far / truth - 1) > 1e-3
    blocked = occluded(scene, origins, directions, far)
    assert (blocked == (truth < far))[clear & ~off].all()
    short = cast(scene, origins, directions, far)
    assert ((short.body > 0) == blocked)[clear & ~off].all()


@given(st.integers(0, 1000))
@settings(max_examples=20)
def test_rays_that_are_none_meet_nothing_and_harm_no_neighbour(seed):
    rng = np.random.default_rng(seed)
    directions = np.tile([0.0, 0.0, 1.0], (64, 1))
    origins = np.zeros((64, 3))
    bad = rng.random(64) < 0.3
    directions[bad & (rng.random(64) < 0.3)] = 0
    directions[bad & (directions[:, 2] > 0), 1] = np.nan
    other = rng.random(64) < 0.1
    origins[other, 0] = np.inf
    scene = stage(body(CUBE, at(0, 0, 5)))
    found = cast(scene, origins, directions)
    assert ((found.body == 1) == ~(bad | other)).all()
    assert np.allclose(found.distance[~(bad | other)], 4.5)
    assert (occluded(scene, origins, directions) == ~(bad | other)).all()
    reach = np.where(rng.random(64) < 0.5, np.nan, -1.0)
    assert not occluded(scene, origins, directions, reach).any()


def test_distances_count_in_lengths_of_the_direction_and_ids_choose_bodies():
    scene = stage(body(SHEET, at(0, 0, 2, 9)), body(SHEET, at(0, 0, 6, 9)))
    origins, directions = np.zeros((1, 3)), np.array([[0, 0, 4.0]])
    assert cast(scene, origins, directions).distance[0] == pytest.approx(0.5)
    second = cast(scene, origins, directions, ids=[2])
    assert (second.body[0], second.distance[0]) == (2, pytest.approx(1.5))
    assert not occluded(scene, origins, directions, 0.49)[0]
    assert occluded(scene, origins, directions, 0.51)[0]


def test_no_rays_and_no_bodies_are_no_trouble():
    none = np.zeros((0, 3))
    assert cast(stage(body(CUBE, at(0, 0, 0))), none, none).body.shape == (0,)
    ray = np.ones((1, 3))
    assert cast(stage(), ray, ray).body.tolist() == [0]
    assert occluded(stage(), ray, ray).tolist() == [False]
    with pytest.raises(SceneError, match=r"\(1, 3\) and \(0, 3\)"):
        cast(stage(), ray, none)


@given(st.floats(-1.2, 1.2), st.floats(-1.2, 1.2), st.floats(-1.2, 1.2), st.sampled_from([1, -1]))
@settings(max_examples=40)
def test_inside_of_a_cube_is_inside_of_its_six_sides(x, y, z, mirror):
    matrix = turned(at(1, 2, 3, (2 * mirror, 1, 0.5)), 0.7)
    if min(abs(abs(c) - 0.5) for c in (x, y, z)) > 1e-3:
        point = (matrix @ [x, y, z, 1])[:3]
        expected = max(abs(x), abs(y), abs(z)) < 0.5
        assert is_inside(stage(body(SHEET, at(0, 0, 0)), body(CUBE, matrix)), point) == 2 * expected


def test_a_room_and_a_sheet_enclose_nothing_and_a_hole_does_no_harm():
    room = Mesh(CUBE.vertices, CUBE.faces[:, ::-1].copy(), -CUBE.normals, CUBE.uv)
    holed = Mesh(BALL.vertices, BALL.faces[40:], BALL.normals, BALL.uv)
    here = np.zeros(3)
    assert is_inside(stage(body(room, at(0, 0, 0, 5)), body(SHEET, at(0, 0, 0))), here) == 0
    assert is_inside(stage(body(room, at(0, 0, 0, 5)), body(holed, at(0, 0, 0))), here) == 2
    with pytest.raises(SceneError, match="three finite numbers"):
        is_inside(stage(), np.array([np.nan, 0, 0]))
