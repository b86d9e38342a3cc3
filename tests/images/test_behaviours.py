"""Behaviours keep their laws: speed along the curve, radius, gap, bounds, whatever the steps."""

import json
from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abbild.core import Seed
from abbild.core.errors import UnknownNameError
from abbild.images.behaviours import (
    Context,
    Conveyor,
    Driving,
    Follow,
    LaneFollower,
    Orbit,
    Path,
    RandomWalk,
    Spin,
    Still,
    Sway,
)
from abbild.images.errors import SceneError

SEED = Seed(3)
START = np.array([[2.0, 0, 0, 1], [0, 2.0, 0, -1], [0, 0, 2.0, 0.5], [0, 0, 0, 1]])
BEND = ((0.0, 0.0), (4.0, 0.0), (5.0, 3.0), (1.0, 4.0))
ALL = [
    Still(),
    Path(BEND, 1.3, loop=True),
    Path(BEND, 1.3),
    Orbit((1, 2, 3), 2.0, 5.0, (1, 1, 0), 0.3),
    Spin((1, 2, 3), 3.0),
    Sway((0, 1, 0), 0.3, (0.1, 0, 0.2), 1.7),
    Conveyor((0, 2, 0), 0.7, 1.5, 0.4),
    RandomWalk(1.2, 1.0, ((-3, -3), (2, 4))),
]
RADII = st.lists(st.floats(2, 6), min_size=4, max_size=9)


def run(behaviour, times, context=None):
    state, before, matrices = behaviour.start(SEED), 0.0, []
    for t in times:
        matrix, state = behaviour.move(state, START, t, t - before, context or Context())
        matrices.append(matrix)
        before = t
    return np.array(matrices)


@pytest.mark.parametrize("behaviour", ALL, ids=lambda b: type(b).__name__)
def test_the_place_depends_on_the_time_and_not_on_the_steps(behaviour):
    fine = run(behaviour, np.arange(1, 601) / 100)
    coarse = run(behaviour, np.arange(1, 13) / 2)
    np.testing.assert_allclose(fine[49::50], coarse, atol=1e-9)


@pytest.mark.parametrize("behaviour", ALL, ids=lambda b: type(b).__name__)
def test_only_rotations_and_places_change(behaviour):
    before = START.copy()
    for matrix in run(behaviour, np.arange(1, 40) / 7):
        linear = matrix[:3, :3] / 2
        np.testing.assert_allclose(linear.T @ linear, np.eye(3), atol=1e-12)
        assert np.linalg.det(linear) > 0
    np.testing.assert_array_equal(START, before)


@pytest.mark.parametrize("behaviour", [*ALL, Follow("x"), LaneFollower(BEND)])
def test_every_behaviour_survives_json(behaviour):
    fields = json.loads(json.dumps(asdict(behaviour)))
    again = type(behaviour)(**fields)
    once, twice = (run(b, [0.5, 1.0], Context("", {"x": START})) for b in (behaviour, again))
    np.testing.assert_array_equal(once, twice)


@settings(max_examples=30)
@given(RADII, st.booleans())
def test_the_speed_along_a_smooth_path_is_constant(radii, loop):
    angles = np.arange(len(radii)) * 2 * np.pi / len(radii)
    points = zip(radii * np.cos(angles), radii * np.sin(angles), strict=True)
    path = Path(tuple(points), 1.5, loop=loop)
    end = path.curve.length / 1.5
    times = np.linspace(0, end * (1 - 1e-9), 400)
    step = times[1]
    places = run(path, times)[:, :2, 3]
    half = run(path, times[:-1] + step / 2)[:, :2, 3]
    chords = np.linalg.norm(np.diff(places, axis=0), axis=1)
    broken = np.linalg.norm(half - places[:-1], axis=1) + np.linalg.norm(places[1:] - half, axis=1)
    arcs = broken + (broken - chords) / 3  # Richardson: chords are short by a square of the step
    smooth = broken - chords < 1e-3 * chords  # sharp bends are left out
    np.testing.assert_allclose(arcs[smooth], 1.5 * step, rtol=2e-3)
    assert smooth.mean() > 0.8


def test_a_path_goes_through_its_points_and_faces_along_itself():
    path = Path(BEND, 1.0, loop=True, smooth=False)
    assert path.curve.length == pytest.approx(4 + 10**0.5 + 2 * 17**0.5)
    matrix = run(path, [4 + 10**0.5 / 2])[0]
    np.testing.assert_allclose(matrix[:3, 3], [4.5, 1.5, 0.5])  # its own height is kept
    np.testing.assert_allclose(matrix[:3, 0] / 2, np.array([1, 3, 0]) / 10**0.5)
    smooth = Path(BEND, 1.0).curve
    for point in BEND:
        nearest = min(
            np.hypot(*(smooth.at(s)[0] - point)) for s in np.linspace(0, smooth.length, 1500)
        )
        assert nearest < 0.01


def test_a_path_with_ends_stops_there_and_one_without_goes_round():
    ends = run(Path(BEND, 2.0), [1e3])[0]
    np.testing.assert_allclose(ends[:2, 3], BEND[-1])
    around = Path(BEND, 2.0, loop=True)
    lap = around.curve.length / 2
    np.testing.assert_allclose(run(around, [0.7 + 5 * lap]), run(around, [0.7]), atol=1e-9)


@given(st.floats(0.1, 9), st.floats(0.5, 9), st.floats(0, 20))
def test_an_orbit_keeps_its_radius_its_plane_and_its_period(radius, period, t):
    orbit = Orbit((1, 2, 3), radius, period, (1, 2, 2))
    here, later, next_to = run(orbit, [t, t + period, t + period + 1e-5])
    away = here[:3, 3] - [1, 2, 3]
    assert np.linalg.norm(away) == pytest.approx(radius)
    assert away @ [1, 2, 2] == pytest.approx(0, abs=1e-9)
    np.testing.assert_allclose(here, later, atol=1e-9 * (1 + radius) * (1 + t))
    ahead = (next_to - later)[:3, 3]
    np.testing.assert_allclose(
        ahead / np.linalg.norm(ahead), later[:3, 0] / 2, atol=1e-3
    )  # x looks along the motion
    # counter-clockwise seen from the tip of the axis
    assert np.cross(away, ahead) @ [1, 2, 2] > 0


def test_an_orbit_that_runs_backwards_looks_ahead():
    orbit = Orbit((0, 0, 0), 1.0, -4.0)
    here, later = run(orbit, [1.0, 1.0001])
    ahead = (later - here)[:3, 3]
    np.testing.assert_allclose(ahead / np.linalg.norm(ahead), here[:3, 0] / 2, atol=1e-3)


def test_spin_and_sway_are_what_their_names_say():
    quarter = run(Spin((0, 0, 1), 4.0), [1.0])[0]
    np.testing.assert_allclose(quarter[:3, 0], [0, 2, 0], atol=1e-12)
    np.testing.assert_array_equal(quarter[:3, 3], START[:3, 3])
    sway = Sway((0, 0, 1), 0.3, (0.5, 0, 0), 2.0)
    far = run(sway, [0.5])[0]
    np.testing.assert_allclose(far[:3, 0] / 2, [np.cos(0.3), np.sin(0.3), 0])
    np.testing.assert_allclose(far[:3, 3], [1.5, -1, 0.5])
    np.testing.assert_allclose(run(sway, [7.0])[0], START, atol=1e-9)


def test_a_conveyor_brings_things_back_and_says_that_they_jumped():
    belt = Conveyor((0, 2, 0), 0.5, 2.0, 0.4)
    state, laps, on = belt.start(SEED), [], []
    for t in np.arange(1, 200) / 10:
        matrix, state = belt.move(state, START, t, 0.1, Context())
        laps.append(state.lap)
        on.append(matrix[1, 3] - START[1, 3] + 0.4)
    assert 0 <= min(on) < max(on) < 2.0
    jumps = np.flatnonzero(np.diff(on) < 0)
    np.testing.assert_array_equal(jumps, np.flatnonzero(np.diff(laps)))
    assert laps[-1] == int((0.4 + 0.5 * 19.9) // 2)


def test_a_follower_is_glued_on_or_comes_exponentially_nearer():
    target = START.copy()
    target[:3, :3] = 3 * np.array([[0, -1, 0], [1, 0, 0], [0, 0, 1.0]])
    context = Context("me", {"boss": target})
    glued = run(Follow("boss", (1, 0, 0)), [0.1], context)[0]
    np.testing.assert_allclose(glued[:3, 3], target[:3, 3] + [0, 1, 0])
    np.testing.assert_allclose(glued[:3, 0], [0, 2, 0])  # turned with it, in its own size
    slow = Follow("boss", (10, 0, 0), turn=False, lag=0.5)
    for times in ([1.0], [0.3, 1.0], np.arange(1, 101) / 100):
        place = run(slow, times, context)[-1][0, 3]
        assert place == pytest.approx(11 - 10 * np.exp(-2))
    with pytest.raises(UnknownNameError, match="'bos'") as caught:
        run(Follow("bos"), [0.1], context)
    assert "boss" in caught.value.hint


@settings(max_examples=25)
@given(st.integers(0, 10**6), st.floats(0.1, 5), st.floats(0, 4))
def test_a_walker_keeps_its_speed_and_its_bounds(root, speed, turn):
    walk = RandomWalk(speed, turn, ((-2, -1), (1.5, 3)))
    state, places = walk.start(Seed(root)), []
    for t in np.arange(1, 200) * 0.05:
        matrix, state = walk.move(state, START, t, 0.05, Context())
        places.append(matrix[:2, 3])
    places = np.array(places)
    assert (places >= [-2 - 1e-9, -1 - 1e-9]).all()
    assert (places <= [1.5 + 1e-9, 3 + 1e-9]).all()
    moved = np.linalg.norm(np.diff(places, axis=0), axis=1) / 0.05
    assert moved.max() <= speed * (1 + 1e-6)
    straight = np.abs(places - [-0.25, 1]).max(axis=1) < 1.2  # away from the mirrors
    inside = straight[1:] & straight[:-1]
    if speed < 2 and inside.any():
        np.testing.assert_allclose(moved[inside][1::2], speed, rtol=0.2)


def test_a_free_walk_diffuses_as_theory_says():
    # <cos(heading(t) - heading(0))> = exp(-turn² t / 2), for a Brownian heading
    walk = RandomWalk(1.0, 0.8, ((-99, -99), (99, 99)))
    cosines = []
    for k in range(400):
        state = walk.start(Seed(k))
        start = state.heading
        _, state = walk.move(state, START, 2.0, 2.0, Context())
        cosines.append(np.cos(state.heading - start))
    error = np.std(cosines) / 20
    assert np.mean(cosines) == pytest.approx(np.exp(-0.64), abs=4 * error)


CIRCLE = tuple((30 * np.cos(a), 30 * np.sin(a)) for a in np.arange(12) * np.pi / 6)


def drive(drivers, steps, dt):
    states = {name: driver.start(SEED) for name, driver in drivers.items()}
    history = []
    for k in range(steps):
        states = {
            name: driver.move(states[name], START, (k + 1) * dt, dt, Context(name, {}, states))[1]
            for name, driver in drivers.items()
        }
        history.append([(states[name].at, states[name].speed) for name in drivers])
    return np.array(history)


@settings(max_examples=15)
@given(st.integers(0, 10**6), st.sampled_from([0.02, 0.1, 0.5, 1.5]))
def test_drivers_never_collide_and_never_reverse(root, dt):
    rng = Seed(root).rng()
    length = LaneFollower(CIRCLE).curve.length
    count = int(rng.integers(2, 12))
    places = np.sort(rng.permutation(int(length / 5) - 1)[:count]) * 5.0
    drivers = {
        f"car{k}": LaneFollower(
            CIRCLE, at=places[k], speed=rng.uniform(0, 15), wanted=rng.uniform(3, 30)
        )
        for k in range(count)
    }
    history = drive(drivers, min(int(40 / dt), 400), dt)
    at, speed = history[..., 0], history[..., 1]
    gap = (np.roll(at, -1, axis=1) - at) % length - 4.5
    assert gap.min() > -1e-6
    assert speed.min() >= 0
    assert speed.max() <= 30 + 1e-6


@pytest.mark.parametrize("dt", [0.1, 1.5])
def test_a_driver_does_not_run_into_one_that_stops_dead(dt):
    driver = LaneFollower(CIRCLE, at=0.0, speed=15.0, wanted=20.0)
    lead = Driving("lane", 8.0, 15.0, 4.5, 0)
    state = driver.start(SEED)
    for _ in range(40):
        _, state = driver.move(state, START, dt, dt, Context("me", {}, {"me": state, "x": lead}))
        lead = lead._replace(speed=0.0)
        assert state.at <= 3.5 + 1e-9  # 8 m less a vehicle's length
    assert state.speed == pytest.approx(0, abs=0.1)


def test_a_free_driver_reaches_its_speed_and_a_queue_its_equilibrium():
    free = drive({"a": LaneFollower(CIRCLE, wanted=10.0)}, 600, 0.1)
    assert free[-1, 0, 1] == pytest.approx(10.0, rel=1e-3)
    # Treiber et al. (2000), eq. 4: gap(v) = (s0 + v T) / sqrt(1 - (v / v0)^4)
    queue = {
        f"c{k}": LaneFollower(CIRCLE, at=15.0 * k, wanted=20.0, acceleration=3) for k in range(12)
    }
    last = drive(queue, 1500, 0.1)[-1]
    length = LaneFollower(CIRCLE).curve.length
    gap = (np.roll(last[:, 0], -1) - last[:, 0]) % length - 4.5
    v = last[:, 1]
    np.testing.assert_allclose(gap, (2 + 1.5 * v) / np.sqrt(1 - (v / 20) ** 4), rtol=0.01)
    np.testing.assert_allclose(gap, length / 12 - 4.5, rtol=0.02)


def test_lanes_do_not_see_each_other_and_open_ones_are_entered_again():
    line = ((0.0, 0.0), (50.0, 0.0))
    drivers = {
        "a": LaneFollower(line, loop=False, lane="one", speed=10.0, wanted=10.0),
        "b": LaneFollower(line, loop=False, lane="two", at=5.0),
    }
    history = drive(drivers, 120, 0.1)
    np.testing.assert_allclose(history[-1, 0], [20.0, 10.0], atol=1e-6)  # 120 m, two laps
    states = drivers["a"].start(SEED)
    matrix, states = drivers["a"].move(states, START, 6.0, 6.0, Context())
    assert states.lap == 1
    np.testing.assert_allclose(matrix[:3, 3], [10.0, 0.0, 0.5], atol=1e-6)


@pytest.mark.parametrize(
    "behaviour",
    [
        Path(((0.0, 0.0),)),
        Path(((0.0, 0.0), (0.0, 0.0))),
        Path(((0.0, 0.0), (np.nan, 0.0))),
        Path(BEND, np.inf),
        Path(((0.0, 0.0), (1.0, 0.0), (0.0, 0.0)), loop=True),
        Orbit(period=0.0),
        Orbit(axis=(0, 0, 0)),
        Orbit(radius=np.nan),
        Spin(period=0.0),
        Sway(period=np.nan),
        Conveyor(length=0.0),
        Conveyor(direction=(0, 0, 0)),
        Conveyor(length=-1.0),
        RandomWalk(speed=-1.0),
        RandomWalk(bounds=((0, 0), (0, 1))),
        LaneFollower(BEND, wanted=0.0),
        LaneFollower(BEND, speed=-1.0),
        LaneFollower(BEND, at=np.nan),
        Follow("x", lag=np.nan),
    ],
    ids=repr,
)
def test_what_makes_no_sense_is_refused_at_the_start(behaviour):
    with pytest.raises(SceneError):
        behaviour.start(SEED)
