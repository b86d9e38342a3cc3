"""Things are put where nothing is, and what is in the way is said."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abbild.core import Seed
from abbild.core.errors import UnknownNameError
from abbild.images.errors import SceneError
from abbild.images.physics import overlaps, scatter, stack
from abbild.images.shapes import Terrain
from tests.images.physics_bodies import body, corners, turn

GROUND = body("ground", "ground")
KINDS = ["box", "ball", "cylinder", "capsule", "plank", "cone", "ring"]


def things(count):
    return [body(f"thing{k}", KINDS[k % len(KINDS)]) for k in range(count)]


# how far outside of each solid a point of its own frame is, in metres, from its definition
OUTSIDE = {
    "box": lambda p: box_distance(p, (0.05, 0.05, 0.05)),
    "plank": lambda p: box_distance(p, (0.15, 0.05, 0.01)),
    "ball": lambda p: np.linalg.norm(p, axis=1) - 0.05,
    "cylinder": lambda p: box_distance(
        np.stack([np.hypot(p[:, 0], p[:, 1]), 0 * p[:, 0], p[:, 2]], axis=1), (0.04, 1, 0.05)
    ),
}


def box_distance(points, half):
    beyond = np.abs(points) - half
    return np.linalg.norm(np.maximum(beyond, 0), axis=1) + np.minimum(beyond.max(axis=1), 0)


def surface(thing, matrix, count=400):
    """Points on the triangles of a body, world."""
    triangles = corners(thing, matrix)[thing.parts[0].mesh.faces]
    rng = np.random.default_rng(0)
    weights = rng.dirichlet(np.ones(3), count)
    area = np.linalg.norm(
        np.cross(triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0]), axis=1
    )
    chosen = rng.choice(len(triangles), count, p=area / area.sum())
    return np.einsum("ij,ijk->ik", weights, triangles[chosen])


@settings(max_examples=8)
@given(st.integers(0, 1000), st.sampled_from(["upright", "free"]))
def test_scattered_things_do_not_overlap(root, turned):
    bodies = [body(f"thing{k}", list(OUTSIDE)[k % 4]) for k in range(16)]
    found = scatter(bodies, [[-0.3, -0.3, 0], [0.3, 0.3, 0.2]], seed=Seed(root), turn=turned)
    placed = {k: found.matrices[k] for k in found.matrices}
    assert set(placed) | set(found.failed) == set(range(1, 17))
    for k, matrix in placed.items():
        shape = list(OUTSIDE)[(k - 1) % 4]
        others = [surface(bodies[j - 1], placed[j]) for j in placed if j != k]
        points = np.concatenate(others)
        local = (points - matrix[:3, 3]) @ matrix[:3, :3]
        # a mesh lies within its ball or cylinder, so that this is exact but for rounding
        assert OUTSIDE[shape](local).min() > -2e-4


def test_the_gap_is_kept_and_the_region_holds():
    bodies = [body(f"ball{k}", "ball") for k in range(12)]
    region = np.array([[-0.4, -0.3, 0.1], [0.4, 0.3, 0.1]])
    found = scatter(bodies, region, seed=Seed(5), gap=0.02)
    places = np.array([m[:3, 3] for m in found.matrices.values()])
    assert len(places) == 12
    apart = np.linalg.norm(places[:, None] - places[None], axis=2) + np.eye(12)
    assert apart.min() > 0.12 - 1e-5
    assert (places[:, :2] >= region[0, :2] - 1e-9).all()
    assert (places[:, :2] <= region[1, :2] + 1e-9).all()
    np.testing.assert_allclose(places[:, 2], 0.15, atol=1e-6)


def test_everything_can_be_put_on_the_ground():
    bodies = [GROUND, *things(14)]
    found = scatter(bodies, [[-2, -2, 0], [2, 2, 0]], seed=Seed(5), placing=range(2, 16))
    assert not found.failed
    for k, matrix in found.matrices.items():
        assert corners(bodies[k - 1], matrix)[:, 2].min() == pytest.approx(0, abs=2e-4)


def test_one_more_thing_changes_nothing_for_the_others():
    few = scatter(things(6), [[-1, -1, 0], [1, 1, 0]], seed=Seed(2))
    more = scatter(things(7), [[-1, -1, 0], [1, 1, 0]], seed=Seed(2))
    for k in few.matrices:
        np.testing.assert_array_equal(few.matrices[k], more.matrices[k])


def test_turns_are_uniform_and_sizes_are_kept():
    bodies = [body(f"thing{k}", "plank", scale=0.01) for k in range(300)]
    found = scatter(bodies, [[-9, -9, 0], [9, 9, 0]], seed=Seed(0), turn="free").matrices
    axes = np.stack([m[:3, 0] for m in found.values()]) / 0.01
    np.testing.assert_allclose(np.linalg.norm(axes, axis=1), 1, atol=1e-9)
    # mean of n uniform directions: each coordinate has variance 1 / (3 n); four sigma
    assert np.abs(axes.mean(axis=0)).max() < 4 / np.sqrt(3 * 300)
    upright = scatter(bodies, [[-9, -9, 0], [9, 9, 0]], seed=Seed(0)).matrices
    assert all(m[2, 2] == pytest.approx(0.01) for m in upright.values())


def test_who_finds_no_place_is_named_with_the_reason():
    bodies = [GROUND, *[body(f"box{k}", "box") for k in range(20)]]
    region = [[0, 0, 0], [0.1, 0.1, 0]]
    found = scatter(bodies, region, seed=Seed(1), placing=range(2, 22), attempts=20)
    assert 1 <= len(found.matrices) <= 4
    assert "no free place in 20 attempts" in found.failed[21]
    assert "'box0' was in the way" in found.failed[21]


def test_obstacles_are_kept_clear_of_also_a_hilly_ground():
    hills = body("hills", Terrain(size=(4.0, 4.0), height=1.0, segments=16, variant=1).mesh())
    tower = body("tower", "box", scale=8.0)
    bodies = [hills, tower, *things(8)]
    found = scatter(bodies, [[-1, -1, -1], [1, 1, 1]], seed=Seed(1), placing=range(3, 11))
    assert not found.failed
    for k, matrix in found.matrices.items():
        points = corners(bodies[k - 1], matrix)
        assert box_distance(points, (0.4, 0.4, 0.4)).min() > -1e-5


def test_overlaps_are_found_with_their_depth():
    bodies = [
        body("a", "box"),
        body("b", "box", (0.09, 0, 0)),
        body("c", "ball", (0, 0.12, 0)),
        body("d", "ball", (0, 0.3, 0)),
        body("e", "ball", (0.06, 0.3, 0)),
    ]
    found = {(o.first, o.second): o.depth for o in overlaps(bodies)}
    assert found == {(1, 2): pytest.approx(0.01, abs=1e-5), (4, 5): pytest.approx(0.04, abs=2e-4)}
    assert overlaps([]) == ()


@given(st.floats(-0.2, 0.2), st.floats(-0.2, 0.2), st.floats(0, 3))
def test_two_boxes_overlap_exactly_if_no_axis_separates_them(x, y, angle):
    one, two = body("a", "box"), body("b", "box", (x, y, 0.03), turn((0, 0, 1), angle))
    depth = separating(one, two)
    found = overlaps([one, two], tolerance=0)
    if abs(depth) > 1e-6:
        assert bool(found) == (depth > 0)


def separating(one, two):
    """Overlap of two upright boxes along their worst axis in the plane (Gottschalk, 1996)."""
    axes = [one.matrix[:3, 0], one.matrix[:3, 1], two.matrix[:3, 0], two.matrix[:3, 1]]
    a, b = corners(one, one.matrix), corners(two, two.matrix)
    return min(min((a @ n).max() - (b @ n).min(), (b @ n).max() - (a @ n).min()) for n in axes)


def test_a_tower_of_boxes_stands():
    bodies = [GROUND, *[body(f"box{k}", "box", (3, 3, 3)) for k in range(6)]]
    tower = stack(bodies, range(2, 8), on=(0.2, -0.1), seed=Seed(0))
    assert tower.stands
    assert tower.fallen == ()
    heights = [tower.matrices[k][2, 3] for k in range(2, 8)]
    np.testing.assert_allclose(heights, 0.05 + 0.1 * np.arange(6), atol=1e-3)
    np.testing.assert_allclose(tower.matrices[7][:2, 3], [0.2, -0.1], atol=2e-3)
    built = [GROUND, *[replace(bodies[k - 1], matrix=tower.matrices[k]) for k in range(2, 8)]]
    assert overlaps(built, tolerance=1e-3) == ()


def test_a_ball_between_boxes_does_not_stand_and_who_fell_is_said():
    bodies = [GROUND, body("base", "box"), body("ball", "ball"), body("top", "box")]
    tower = stack(bodies, [2, 3, 4], seed=Seed(1))
    assert not tower.stands
    assert 4 in tower.fallen


@pytest.mark.parametrize(
    ("region", "words"),
    [
        ([[0, 0], [1, 1]], "two corners"),
        ([[0, 0, np.nan], [1, 1, 1]], "finite"),
        ([[0, 0, 1], [1, 1, 0]], "below"),
    ],
)
def test_a_region_that_is_none_is_refused(region, words):
    with pytest.raises(SceneError, match=words):
        scatter(things(1), region, seed=Seed(0))


def test_misspelt_turns_and_doubled_stacks_are_refused():
    with pytest.raises(UnknownNameError, match="'uprigt'") as caught:
        scatter(things(1), [[0, 0, 0], [1, 1, 1]], seed=Seed(0), turn="uprigt")
    assert "upright" in caught.value.hint
    with pytest.raises(SceneError, match="twice"):
        stack(things(2), [1, 1], seed=Seed(0))
    assert scatter([], [[0, 0, 0], [1, 1, 1]], seed=Seed(0)).matrices == {}
    assert stack([], [], seed=Seed(0)).stands
