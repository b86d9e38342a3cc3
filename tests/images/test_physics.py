"""Bodies move as Newton and Coulomb say, and lie where they can lie."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial import ConvexHull

from abbild.core import Seed
from abbild.images.meshes import volume
from abbild.images.physics import Cast, Matter, Simulation, scatter, settle
from abbild.images.physics.model import damping_ratio
from abbild.images.physics.pieces import pieces
from abbild.images.shapes import Road, Room, Terrain
from tests.images.physics_bodies import body, corners, mesh, turn

G = 9.81
GROUND = body("ground", "ground")


def test_free_fall_is_half_g_t_squared_to_the_integrators_error():
    world = Simulation([body("ball", "ball", (0, 0, 9))], Cast([1]))
    world.advance(200)
    t = world.time
    fallen = 9 - world.matrices()[1][2, 3]
    # semi-implicit Euler falls g t dt / 2 too far, exactly
    assert fallen == pytest.approx(G * t * (t + world.timestep) / 2, rel=1e-9)
    assert world.velocity(1)[0][2] == pytest.approx(-G * t, rel=1e-9)


@pytest.mark.parametrize("slope", [0.1, 0.3])
def test_a_ball_rolls_down_a_slope_with_five_sevenths_of_its_pull(slope):
    tilt = turn((0, 1, 0), slope)
    ball = body("ball", "ball", tilt @ [0, 0, 0.05])
    cast = Cast([2], matter=Matter(rolling=0.0))
    assert speeding_up([body("hill", "ground", rotation=tilt), ball], cast) == pytest.approx(
        5 / 7 * G * np.sin(slope), rel=0.01
    )


@pytest.mark.parametrize("friction", [0.1, 0.3])
def test_a_box_slides_down_a_slope_against_coulombs_friction(friction):
    slope = 0.4
    tilt = turn((0, 1, 0), slope)
    box = body("box", "box", tilt @ [0, 0, 0.05], tilt)
    cast = Cast([2], matter=Matter(friction=friction))
    pull = G * (np.sin(slope) - friction * np.cos(slope))
    found = speeding_up([body("hill", "ground", rotation=tilt), box], cast)
    assert found == pytest.approx(pull, abs=0.01 * G)


def test_a_box_on_a_slope_stays_below_the_angle_of_repose():
    tilt = turn((0, 1, 0), 0.4)
    box = body("box", "box", tilt @ [0, 0, 0.05], tilt)
    lying = settle([body("hill", "ground", rotation=tilt), box], moving=[2])
    assert lying.resting
    assert np.linalg.norm(lying.matrices[2][:3, 3] - box.matrix[:3, 3]) < 1e-3


def speeding_up(bodies, cast):
    """Acceleration between 0.1 and 0.5 s, m/s²."""
    world = Simulation(bodies, cast)
    world.advance(25)
    before, start = world.velocity(2)[0], world.time
    world.advance(100)
    return np.linalg.norm(world.velocity(2)[0] - before) / (world.time - start)


@pytest.mark.parametrize("bounce", [0.3, 0.6, 0.9])
def test_a_ball_bounces_by_its_restitution(bounce):
    world = Simulation(
        [GROUND, body("ball", "ball", (0, 0, 0.3))], Cast([2], matter=Matter(restitution=bounce))
    )
    speed = []
    for _ in range(400):
        world.advance(1)
        speed.append(world.velocity(2)[0][2])
    down = int(np.argmin(speed))
    assert max(speed[down : down + 40]) / -speed[down] == pytest.approx(bounce, abs=0.03)


@given(st.floats(0.1, 0.999))
def test_the_damping_of_a_bounce_is_the_inverse_of_its_formula(bounce):
    z = damping_ratio(bounce)
    turned = np.arccos(z) / np.sqrt(1 - z * z) if z < 1 else np.arccosh(z) / np.sqrt(z * z - 1)
    assert np.exp(-2 * z * turned) == pytest.approx(bounce, rel=1e-6)


@pytest.mark.parametrize("bounce", [0.0, 0.8])
def test_a_collision_keeps_momentum_and_loses_energy(bounce):
    bodies = [body("a", "ball", (-0.2, 0, 0)), body("b", "ball", (0.2, 0.02, 0))]
    matter = {1: Matter(700, restitution=bounce), 2: Matter(2100, restitution=bounce)}
    world = Simulation(bodies, Cast([1, 2], matter=matter), gravity=(0, 0, 0))
    assert world.mass(2) == pytest.approx(3 * world.mass(1))
    world.set_velocity(1, (2, 0, 0), (0, 0, 3))
    energy, start = world.energy(), world.mass(1) * np.array([2, 0, 0])
    impulse = 0.0
    for _ in range(50):
        world.advance(10, events=True)
        impulse += sum(touch.impulse for touch in world.contacts())
    after = [world.mass(k) * world.velocity(k)[0] for k in (1, 2)]
    np.testing.assert_allclose(sum(after), start, atol=1e-9)
    assert 0.1 * energy < world.energy() < energy
    # what the second one gained came through the contact, along the normal and by friction
    assert impulse == pytest.approx(np.linalg.norm(after[1]), rel=0.1)


def test_energy_of_a_falling_heap_does_not_grow():
    bodies = [GROUND, *heap(8)]
    world = Simulation(bodies, Cast(range(2, 10)))
    scale = energy = world.energy()
    for _ in range(60):
        world.advance(5)
        now = world.energy()
        assert now <= energy + 0.002 * scale
        energy = now
    assert energy < 0.5 * scale


def heap(count, seed=1):
    rng = np.random.default_rng(seed)
    kinds = ["box", "ball", "cylinder", "capsule", "cone", "plank", "ring", "cup"]
    return [
        body(
            f"thing{k}",
            kinds[k % len(kinds)],
            (0.02 * (k % 3), 0.02 * (k % 2), 0.2 + 0.18 * k),
            turn(rng.normal(size=3), rng.uniform(0, 3)),
        )
        for k in range(count)
    ]


@pytest.mark.parametrize("shape", ["box", "ball", "cylinder", "capsule", "cone", "ring", "cup"])
@pytest.mark.parametrize("scale", [1.0, 0.01, 30.0])
def test_what_falls_on_the_ground_lies_on_it(shape, scale):
    tilt = turn((1, 2, 3), 0.7)
    thing = body("thing", shape, (0, 0, 0.15 * scale), tilt, scale)
    ground = body("ground", "ground", scale=max(scale, 1.0))
    # times go with the root of lengths
    lying = settle([ground, thing], moving=[2], seconds=3 * max(scale, 1.0) ** 0.5, seed=Seed(1))
    assert lying.resting, lying
    assert lying.restless == ()
    lowest = corners(thing, lying.matrices[2])[:, 2].min()
    assert abs(lowest) < 1e-3 * scale
    assert lying.penetration < 1e-3 * scale
    after = lying.matrices[2][:3, :3]
    np.testing.assert_allclose(after.T @ after, np.eye(3) * scale**2, atol=1e-9 * scale**2)


def test_a_box_rests_with_its_bottom_on_the_plane_within_a_tenth_of_a_millimetre():
    box = body("box", "box", (0.3, -0.2, 0.05 + 1e-3))
    lying = settle([GROUND, box], moving=[2])
    points = corners(box, lying.matrices[2])
    assert abs(points[:, 2].min()) < 1e-4
    np.testing.assert_allclose(lying.matrices[2][:2, 3], [0.3, -0.2], atol=1e-4)


def test_a_heap_comes_to_rest_and_nothing_is_in_the_ground():
    bodies = [GROUND, *heap(8)]
    lying = settle(bodies, moving=range(2, 10), seed=Seed(3))
    assert lying.resting
    assert lying.penetration < 1e-3
    for k, matrix in lying.matrices.items():
        assert corners(bodies[k - 1], matrix)[:, 2].min() > -1e-3


def test_a_box_on_its_edge_falls_over():
    box = body("box", "box", (0, 0, 0.0708), turn((0, 1, 0), np.pi / 4))
    for root in range(3):
        assert settle([GROUND, box], moving=[2], seed=Seed(root)).matrices[2][2, 3] < 0.06


def test_a_mirrored_and_sheared_body_keeps_its_stretch():
    stretch = np.array([[-1.0, 0.3, 0], [0, 1.5, 0], [0, 0, 0.5]])
    thing = body("thing", "cone", (0, 0, 0.2), turn((1, 0, 0), 1.0) @ stretch)
    lying = settle([GROUND, thing], moving=[2], seed=Seed(1))
    linear = lying.matrices[2][:3, :3]
    np.testing.assert_allclose(linear.T @ linear, stretch.T @ stretch, atol=1e-9)
    assert np.linalg.det(linear) < 0
    assert abs(corners(thing, lying.matrices[2])[:, 2].min()) < 1e-3


def test_a_ball_falls_into_a_cup_and_through_a_ring_unless_they_are_hulls():
    for shape, depth in (("cup", 0.037), ("ring", 0.03)):
        small = body("ball", "ball", (0, 0, 0.2), scale=0.5)
        bodies = [GROUND, body("hollow", shape, (0, 0, 0.02 if shape == "ring" else 0)), small]
        inside = settle(bodies, moving=[3])
        above = settle(bodies, moving=[3], shapes={2: "hull"})
        assert inside.matrices[3][2, 3] < depth
        assert above.matrices[3][2, 3] > depth + 0.01


@pytest.mark.parametrize(
    "shape",
    [
        Terrain(size=(6.0, 6.0), height=0.5, segments=12, variant=3),
        Road(width=4.0, length=8.0, behind=4.0, curvature=0.1, camber=0.05),
        Road(width=4.0, length=8.0, behind=4.0, camber=0.05),
    ],
    ids=["terrain", "bend", "roof"],
)
def test_things_lie_on_the_triangles_of_open_ground(shape):
    ground = body("ground", shape.mesh())
    things = [body(f"box{k}", "box", (0.4 * k - 0.6, 0.3, 0.6)) for k in range(4)]
    lying = settle([ground, *things], moving=range(2, 6), seed=Seed(0))
    assert lying.resting
    triangles = ground.parts[0].mesh.vertices[ground.parts[0].mesh.faces].astype(float)
    for k, thing in enumerate(things, start=2):
        points = corners(thing, lying.matrices[k])
        gap = min(p[2] - height(triangles, p) for p in points)
        assert abs(gap) < 2e-3


def test_a_room_is_hollow_and_its_walls_hold():
    room = body("room", Room((2.0, 1.5, 2.0)).mesh())
    world = Simulation([room, body("ball", "ball", (0, 0, 0.5))], Cast([2]))
    world.set_velocity(2, (5.0, 3.0, 0.0), (0, 0, 0))
    for _ in range(40):
        world.advance(10)
        x, y, z = world.matrices()[2][:3, 3]
        assert abs(x) < 0.97  # a step at 5 m/s is 2 cm
        assert abs(y) < 0.72
        assert 0.04 < z < 1.96


def height(triangles, point):
    """Height of the triangles above a place, by barycentric weights."""
    a, b, c = (triangles[:, k] for k in range(3))
    area = cross2(b - a, c - a)
    u, v = cross2(point - a, c - a) / area, cross2(b - a, point - a) / area
    k = np.flatnonzero((u >= -1e-9) & (v >= -1e-9) & (u + v <= 1 + 1e-9))[0]
    return (a + u[:, None] * (b - a) + v[:, None] * (c - a))[k, 2]


def cross2(one, two):
    return one[:, 0] * two[:, 1] - one[:, 1] * two[:, 0]


def test_what_has_no_ground_falls_for_ever_and_that_is_said():
    lying = settle([body("ball", "ball", (0, 0, 1)), body("far", "box", (9, 9, 9))], moving=[1])
    assert not lying.resting
    assert lying.restless == (1,)
    assert lying.seconds == pytest.approx(3.0, abs=0.05)


def digest():
    bodies = [GROUND, *heap(8)]
    lying = settle(bodies, moving=range(2, 10), seed=Seed(3)).matrices
    region = [[-1, -1, 0], [1, 1, 0]]
    spread = scatter(bodies, region, seed=Seed(4), placing=range(2, 10)).matrices
    found = hashlib.sha256()
    for k in range(2, 10):
        found.update(lying[k].tobytes() + spread[k].tobytes())
    return found.hexdigest()


def test_the_same_bytes_in_another_process_at_another_thread_count():
    code = "from tests.images.test_physics import digest; print(digest())"
    settings = {"OMP_NUM_THREADS": "4", "OPENBLAS_NUM_THREADS": "4", "PYTHONHASHSEED": "1"}
    run = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | settings,
        cwd=Path(__file__).parents[2],
    )
    assert run.stdout.strip() == digest()


def test_a_state_that_was_saved_goes_on_with_the_same_bytes():
    world = Simulation([GROUND, *heap(6)], Cast(range(2, 8)))
    world.advance(60)
    kept = world.save()
    world.advance(60)
    once = {k: m.tobytes() for k, m in world.matrices().items()}
    world.load(kept)
    world.advance(60)
    assert {k: m.tobytes() for k, m in world.matrices().items()} == once


def test_a_driven_plank_carries_a_box_by_friction():
    plank = body("plank", "plank", (0, 0, 0.5))
    world = Simulation([plank, body("box", "box", (0, 0, 0.5601))], Cast([2], [1]))
    goal = plank.matrix.copy()
    for _ in range(50):
        goal = goal.copy()
        goal[0, 3] += 0.3 / 50
        world.drive(1, goal, 0.02)
        world.advance(5)
        world.arrive()
    assert world.matrices()[1][0, 3] == pytest.approx(0.3, abs=1e-12)
    assert world.matrices()[2][0, 3] == pytest.approx(0.3, abs=0.01)


def test_a_turntable_turns_what_stands_on_it():
    table = body("table", "plank", (0, 0, 0.5))
    world = Simulation([table, body("box", "box", (0.02, 0, 0.5601))], Cast([2], [1]))
    for k in range(1, 101):
        goal = table.matrix.copy()
        goal[:3, :3] = turn((0, 0, 1), 0.01 * k)
        world.drive(1, goal, 0.02)
        world.advance(5)
        world.arrive()
    np.testing.assert_allclose(world.matrices()[1], goal, atol=1e-12)
    np.testing.assert_allclose(world.matrices()[2][:3, :3], turn((0, 0, 1), 1.0), atol=0.02)
    around = 0.02 * np.array([np.cos(1), np.sin(1)])
    np.testing.assert_allclose(world.matrices()[2][:2, 3], around, atol=2e-3)


def test_normals_of_contacts_point_from_the_first_to_the_second():
    things = [body("ball", "ball", (0, 0, 0.05)), body("box", "box", (1, 0, 0.05))]
    for bodies, up in (([GROUND, *things], 1.0), ([*things, GROUND], -1.0)):
        moving = [k for k, thing in enumerate(bodies, 1) if thing is not GROUND]
        world = Simulation(bodies, Cast(moving))
        world.advance(50, events=True)
        assert len(world.contacts()) == 2
        for touch in world.contacts():
            assert touch.first < touch.second
            assert touch.normal == pytest.approx((0, 0, up), abs=1e-3)
            weight = world.mass(touch.second if up > 0 else touch.first) * G
            assert touch.impulse == pytest.approx(weight * 0.2, rel=0.05)


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3])
def test_forces_and_impulses_are_newtons_at_every_scale(scale):
    box = body("box", "box", (0, 0, 0.05 * scale), scale=scale)
    ground = body("ground", "ground", scale=scale)
    world = Simulation([ground, box], Cast([2], matter=Matter(friction=0.0)))
    mass = 700 * (0.1 * scale) ** 3
    assert world.mass(2) == pytest.approx(mass)
    world.push(2, (2 * mass, 0, 0), (0, 0, 0))
    steps = int(0.04 / world.timestep)
    world.advance(steps, events=True)
    assert world.velocity(2)[0][0] == pytest.approx(2 * steps * world.timestep, rel=1e-3)
    (touch,) = world.contacts()
    assert touch.impulse == pytest.approx(mass * G * steps * world.timestep, rel=0.1)
    assert world.energy() == pytest.approx(mass * (0.5 * 0.08**2 + G * 0.05 * scale), rel=0.1)


@pytest.mark.parametrize(("shape", "excess"), [("cup", 1.5), ("ring", 1.2), ("cone", 1.001)])
def test_pieces_are_convex_cover_the_mesh_and_leave_its_hollow(shape, excess):
    whole = mesh(shape)
    parts = [ConvexHull(points) for points in pieces(whole)]
    volumes = sum(part.volume for part in parts)
    assert abs(volume(whole)) * 0.999 < volumes < abs(volume(whole)) * excess
    outside = np.min(
        [
            (whole.vertices @ part.equations[:, :3].T + part.equations[:, 3]).max(axis=1)
            for part in parts
        ],
        axis=0,
    )
    assert outside.max() < 1e-6


def test_the_second_time_gives_the_same_as_the_first():
    first = settle([GROUND, body("a", "ring", (0, 0, 0.3))], moving=[2])
    again = settle([GROUND, body("a", "ring", (0, 0, 0.3))], moving=[2])
    assert first.matrices[2].tobytes() == again.matrices[2].tobytes()
