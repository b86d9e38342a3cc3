"""A world goes on step by step, remembers exactly, and says who touched whom."""

import time
from dataclasses import replace

import numpy as np
import pytest

from abbild.core import Seed
from abbild.core.errors import UnknownNameError
from abbild.images.behaviours import Conveyor, Follow, LaneFollower, Orbit, Path, RandomWalk, Spin
from abbild.images.errors import RendererError, SceneError
from abbild.images.fast import Fast
from abbild.images.physics import Matter
from abbild.images.stage import Environment, Stage, Sun, View
from abbild.images.world import Force, Pose, Situation, Velocity, World
from tests.images.physics_bodies import body, turn

G = 9.81
SKY = Environment(np.full((8, 16, 3), 0.5, np.float32))
LAMP = Sun(np.array([0.0, 0.6, 0.8]), np.ones(3))


def looking(eye, at=(0, 0, 0), size=84, **options):
    ahead = np.subtract(at, eye) / np.linalg.norm(np.subtract(at, eye))
    right = np.cross(ahead, [0, 0, 1])
    right /= np.linalg.norm(right)
    matrix = np.eye(4)
    matrix[:3, :3] = np.stack([right, np.cross(ahead, right), ahead], axis=1)
    matrix[:3, 3] = eye
    return View(size, size, size, size, size / 2, size / 2, matrix, **options)


CAMERA = looking((0.0, -2.0, 1.0))


def situation(*bodies, views=None, **roles):
    stage = Stage((body("ground", "ground"), *bodies), (LAMP,), SKY)
    return Situation(stage, {"camera": CAMERA} if views is None else views, **roles)


def world_of(*bodies, renderer=None, **roles):
    world = World(lambda seed: situation(*bodies, **roles), renderer)
    world.reset(Seed(0))
    return world


def busy(seed):
    """Some of everything, different with every seed."""
    rng = seed.rng()
    return situation(
        *(
            body(f"thing{k}", shape, (*rng.uniform(-0.3, 0.3, 2), 0.2 + 0.15 * k))
            for k, shape in enumerate(["box", "cylinder", "cone", "box"])
        ),
        body("arm", "plank", (-0.6, 0, 0.05)),
        body("moon", "box", (0, 0, 1.0), scale=0.5),
        body("walker", "cylinder", (0.4, 0.4, 0.05)),
        dynamic=[f"thing{k}" for k in range(4)],
        kinematic=["arm"],
        behaviours={
            "moon": Orbit((0, 0, 0.4), 0.5, 4.0),
            "walker": RandomWalk(0.4, 1.0, ((-0.5, -0.5), (0.5, 0.5))),
        },
    )


PUSH = {"arm": Velocity((0.4, 0.0, 0.0))}


def state(world):
    return {name: matrix.tobytes() for name, matrix in world.matrices.items()}


def test_the_same_seed_and_controls_give_the_same_bytes():
    seen = []
    for root in (1, 1, 2):
        world = World(busy, Fast())
        world.reset(Seed(root))
        for _ in range(20):
            world.step(PUSH)
        seen.append((state(world), world.events, world.observe("camera").rgb.tobytes()))
    assert seen[0] == seen[1]
    assert seen[0][0] != seen[2][0]


def test_a_snapshot_brings_everything_back():
    world = World(busy)
    world.reset(Seed(1))
    for _ in range(10):
        world.step(PUSH)
    kept, before = world.snapshot(), (state(world), world.time, world.events)
    futures = []
    for _ in range(2):
        for _ in range(15):
            world.step(PUSH)
        futures.append((state(world), world.events, world.time))
        world.restore(kept)
        assert (state(world), world.time, world.events) == before
    assert futures[0] == futures[1]
    world.reset(Seed(2))
    with pytest.raises(SceneError, match="another episode"):
        world.restore(kept)


def test_a_dynamic_body_falls_and_rests_while_others_are_controlled():
    world = world_of(body("ball", "ball", (0, 0, 1)), body("arm", "box"), dynamic=["ball"])
    for _ in range(10):
        world.step(dt=0.04)
    fallen = 1 - world.matrices["ball"][2, 3]
    assert fallen == pytest.approx(G * 0.4**2 / 2, rel=0.02)
    assert world.velocity("ball")[0][2] == pytest.approx(-G * 0.4, rel=1e-6)
    for _ in range(30):
        world.step(dt=0.04)
    assert world.matrices["ball"][2, 3] == pytest.approx(0.1, abs=1e-3)  # on the arm, a box


def test_a_kinematic_body_pushes_a_dynamic_one_and_the_touch_is_an_event():
    world = world_of(
        body("box", "box", (0.2, 0, 0.05)),
        body("arm", "box", (0, 0, 0.05)),
        dynamic=["box"],
        kinematic=["arm"],
    )
    touched, blow = [], ()
    for _ in range(20):
        world.step({"arm": Velocity((0.5, 0, 0))}, dt=0.04)
        touched += [event for event in world.events if event.second == "arm"]
        blow = world.events if len(touched) == 1 else blow
    assert world.matrices["arm"][0, 3] == pytest.approx(0.4, abs=1e-12)
    assert world.matrices["box"][0, 3] == pytest.approx(0.5, abs=0.02)
    mass = 0.1**3 * Matter().density
    first = touched[0]
    # the blow also overcomes friction on the ground, at most 0.6 of what presses there
    pressed = sum(e.impulse for e in blow if e.first == "ground")
    assert (first.first, first.second) == ("box", "arm")
    assert first.normal == pytest.approx((-1, 0, 0), abs=0.1)
    assert 0.5 * mass * 0.5 < first.impulse < 2 * (mass * 0.5 + 0.6 * pressed)
    for _ in range(30):
        world.step(dt=0.04)
    (ground,) = [e for e in world.events if e.first == "ground"]
    # what rests presses with its weight
    assert ground.impulse == pytest.approx(mass * G * 0.04, rel=0.01)
    assert ground.position == pytest.approx((*world.matrices["box"][:2, 3], 0), abs=1e-3)


def test_a_force_accelerates_by_its_mass_and_only_for_its_step():
    world = World(
        lambda seed: situation(body("box", "box", (0, 0, 1)), dynamic=["box"], gravity=(0, 0, 0))
    )
    world.reset(Seed(0))
    mass = 0.7
    world.set_velocity("box", (0, 0, 1.0))
    for _ in range(5):
        world.step({"box": Force((0.35, 0.0, 0.0))}, dt=0.1)
    world.step(dt=1.0)
    np.testing.assert_allclose(world.velocity("box")[0], [0.35 / mass * 0.5, 0, 1], rtol=1e-6)
    world.step({"box": Force(torque=(0, 0, 0.001))}, dt=0.5)
    inertia = mass * 0.1**2 / 6
    np.testing.assert_allclose(world.velocity("box")[1], [0, 0, 0.0005 / inertia], atol=1e-6)


def test_forces_and_velocities_may_be_local():
    quarter = turn((0, 0, 1), np.pi / 2)
    world = World(
        lambda seed: situation(
            body("box", "box", (0, 0, 2), quarter),
            body("arm", "box", (1, 0, 1), quarter),
            dynamic=["box"],
            kinematic=["arm"],
            gravity=(0, 0, 0),
        )
    )
    world.reset(Seed(0))
    controls = {
        "box": Force((0.7, 0, 0), local=True),
        "arm": Velocity((1, 0, 0), (0, 0, np.pi / 2), local=True),
        "camera": Velocity((0, 0, 1), local=True),
    }
    world.step(controls, dt=1.0)
    np.testing.assert_allclose(world.velocity("box")[0], [0, 1, 0], atol=1e-6)
    np.testing.assert_allclose(world.matrices["arm"][:3, 3], [1, 1, 1], atol=1e-12)
    np.testing.assert_allclose(world.matrices["arm"][:3, 0], [-1, 0, 0], atol=1e-12)
    ahead = world.matrices["camera"][:3, 3] - CAMERA.matrix[:3, 3]
    np.testing.assert_allclose(ahead, CAMERA.matrix[:3, 2], atol=1e-12)


def test_what_rides_a_platform_is_carried_and_what_jumps_flings_nothing():
    belt = Conveyor((1, 0, 0), 0.2, 0.5)
    world = world_of(
        body("platform", "plank", (0, 0, 0.3)),
        body("box", "box", (0, 0, 0.361)),
        dynamic=["box"],
        behaviours={"platform": belt},
    )
    for _ in range(50):
        world.step(dt=0.04)
    assert world.matrices["box"][0, 3] == pytest.approx(0.4, abs=0.02)
    for _ in range(20):
        world.step(dt=0.04)  # the platform is back at its beginning, the box falls straight down
    assert abs(world.matrices["platform"][0, 3]) < 0.1
    assert world.matrices["box"][2, 3] == pytest.approx(0.05, abs=0.05)
    assert world.matrices["box"][0, 3] < 0.8


def test_poses_go_there_in_a_straight_line_and_jumps_do_not():
    goal = np.eye(4)
    goal[:3, 3] = 1, 0, 0.05
    roles = {"dynamic": ["box"], "kinematic": ["arm"]}
    bodies = body("box", "box", (0.5, 0, 0.05)), body("arm", "box", (0, 0, 0.05))
    swept, jumped = world_of(*bodies, **roles), world_of(*bodies, **roles)
    swept.step({"arm": Pose(goal)}, dt=1.0)
    jumped.step({"arm": Pose(goal, jump=True)}, dt=1.0)
    for world in (swept, jumped):
        np.testing.assert_array_equal(world.matrices["arm"], goal)
    assert swept.matrices["box"][0, 3] > 1.05
    assert jumped.matrices["box"][0, 3] == pytest.approx(0.5, abs=1e-3)


def test_behaviours_begin_on_their_way_and_sweep_nothing_there():
    things = body("bird", "box"), body("box", "box", (0.5, 0, 0.05))
    orbit = Orbit((0, 0, 0.05), 1.0, 8.0)
    world = world_of(*things, dynamic=["box"], behaviours={"bird": orbit})
    np.testing.assert_allclose(world.matrices["bird"][:3, 3], [1, 0, 0.05], atol=1e-12)
    np.testing.assert_array_equal(world.stage.bodies[1].matrix, world.matrices["bird"])
    world.step(dt=0.1)
    assert {(e.first, e.second) for e in world.events} == {("ground", "box")}


def test_behaviours_see_each_other_and_followers_come_after_their_targets():
    lane = ((-5.0, 0.0), (5.0, 0.0), (5.0, 5.0), (-5.0, 5.0))
    world = world_of(
        body("dog", "box"),
        body("car0", "box", (0, 0, 0.05)),
        body("car1", "box", (0, 0, 0.05)),
        body("bird", "box"),
        behaviours={
            "dog": Follow("bird", (0, 0, -0.5)),
            "bird": Follow("car0", (0, 0, 1.0)),
            "car0": LaneFollower(lane, at=0.0, wanted=5.0),
            "car1": LaneFollower(lane, at=8.0, wanted=1.0),
            "camera": Follow("car1", (0, 0, 3), turn=False),
        },
    )
    for _ in range(200):
        world.step(dt=0.1)
    m = world.matrices
    np.testing.assert_allclose(m["dog"][:3, 3], m["car0"][:3, 3] + [0, 0, 0.5], atol=1e-9)
    np.testing.assert_allclose(m["camera"][:3, 3], m["car1"][:3, 3] + [0, 0, 3], atol=1e-9)
    assert world.snapshot().states["car0"].speed == pytest.approx(1.0, rel=0.2)  # it queues


def test_a_mounted_camera_moves_with_its_body():
    world = world_of(
        body("car", "box", (0, 0, 0.1), scale=2.0),
        views={"eye": looking((0.5, 0, 0.2), (2, 0, 0.2))},
        behaviours={"car": Path(((0.0, 0.0), (1.0, 0.0)), 1.0, face=True)},
        mounts={"eye": "car"},
    )
    before = world.matrices["eye"].copy()
    world.step(dt=0.5)
    moved = world.observe("eye").view.matrix
    np.testing.assert_allclose(moved[:3, 3], before[:3, 3] + [0.5, 0, 0], atol=1e-12)
    np.testing.assert_allclose(moved[:3, :3], before[:3, :3], atol=1e-12)


def test_what_did_not_move_stays_the_same_object():
    world = world_of(body("arm", "box"), body("rock", "ball", (1, 1, 0)), kinematic=["arm"])
    first = world.stage
    world.step({"arm": Velocity((1, 0, 0))})
    ground, arm, rock = world.stage.bodies
    assert ground is first.bodies[0]
    assert rock is first.bodies[2]
    assert arm is not first.bodies[1]
    assert arm.parts is first.bodies[1].parts
    np.testing.assert_array_equal(arm.bounds, first.bodies[1].bounds)
    assert world.stage is world.stage


def test_a_view_that_moved_forgets_its_old_inverse():
    world = world_of()
    inverse = world.observe("camera").view.camera_from_world
    world.step({"camera": Velocity((1, 0, 0))}, dt=1.0)
    view = world.observe("camera").view
    np.testing.assert_allclose(view.camera_from_world @ view.matrix, np.eye(4), atol=1e-12)
    assert not np.array_equal(view.camera_from_world, inverse)


def test_moments_lie_between_the_steps():
    world = world_of(body("wheel", "box", (0, 0, 1)), behaviours={"wheel": Spin((0, 0, 1), 4.0)})
    moment = world.moments("camera")
    assert moment(-0.1)[0] is world.stage  # before the first step all stands still
    world.step({"camera": Velocity((1, 0, 0))}, dt=0.5)
    moment = world.moments("camera")
    assert moment(0.0)[0] is world.stage
    stage, view = moment(-0.25)
    np.testing.assert_allclose(
        stage.bodies[1].matrix[:3, :3], turn((0, 0, 1), np.pi / 8), atol=1e-12
    )
    np.testing.assert_allclose(view.matrix[:3, 3], CAMERA.matrix[:3, 3] + [0.25, 0, 0])
    np.testing.assert_allclose(moment(-0.5)[0].bodies[1].matrix[:3, :3], np.eye(3), atol=1e-12)
    later = moment(0.25)[0].bodies[1].matrix[:3, :3]
    np.testing.assert_allclose(later, turn((0, 0, 1), np.pi * 3 / 8), atol=1e-12)


def test_nothing_is_blurred_across_a_jump():
    belt = Conveyor((1, 0, 0), 1.0, 1.0)
    world = world_of(
        body("cart", "box"),
        views={"eye": looking((0, -2, 1))},
        behaviours={"cart": belt},
        mounts={"eye": "cart"},
    )
    world.step(dt=0.9)
    world.step(dt=0.2)
    stage, view = world.moments("eye")(-0.1)
    assert stage.bodies[1].matrix[0, 3] == pytest.approx(0.1)
    np.testing.assert_allclose(view.matrix, world.matrices["eye"])


def test_what_jumps_brings_no_velocity_along():
    goal = np.eye(4)
    goal[:3, 3] = 0.35, 0, 0.05
    box, arm = body("box", "box", (0.46, 0, 0.05)), body("arm", "box", (-1, 0, 0.05))
    world = world_of(box, arm, dynamic=["box"], kinematic=["arm"])
    world.step({"arm": Velocity((2.0, 0, 0))}, dt=0.1)
    world.step({"arm": Pose(goal, jump=True)}, dt=0.1)
    world.step(dt=0.1)
    assert world.matrices["box"][0, 3] == pytest.approx(0.46, abs=1e-4)


def test_half_a_turn_between_two_steps_is_interpolated_too():
    world = world_of(body("wheel", "box"), kinematic=["wheel"])
    goal = np.eye(4)
    goal[:3, :3] = turn((1, 2, 2), np.pi)
    world.step({"wheel": Pose(goal)}, dt=1.0)
    half = world.moments("camera")(-0.5)[0].bodies[1].matrix[:3, :3]
    np.testing.assert_allclose(half @ half, goal[:3, :3], atol=1e-6)


def test_a_frame_has_pixels_labels_and_motion_blur_only_when_asked():
    cube = replace(body("cube", "box", (0, 0, 0.5), scale=4.0), label="cube")
    blurred = replace(CAMERA, exposure_time=0.2)
    world = world_of(
        cube,
        renderer=Fast(),
        views={"sharp": CAMERA, "slow": blurred},
        kinematic=["cube"],
    )
    world.step({"cube": Velocity((1.0, 0, 0))}, dt=0.2)
    sharp, slow = world.observe("sharp"), world.observe("slow")
    assert set(vars(sharp)) == set(vars(slow))
    assert "rgb" not in vars(sharp)
    assert sharp.rgb.shape == (84, 84, 3)
    assert sharp.rgb.dtype == np.uint8
    assert (sharp.layers.body == 2).sum() > 100
    (annotation,) = sharp.annotations
    assert annotation.label == "cube"
    assert annotation.area_px == (sharp.layers.body == 2).sum()
    difference = np.abs(sharp.radiance - slow.radiance).max(axis=2) > 0.02
    assert difference.sum() > 50
    assert not difference[:, :8].any()  # nothing moves at the left edge


def test_labels_work_without_a_renderer_and_pixels_say_what_is_missing():
    world = world_of(body("cube", "box", scale=4.0))
    frame = world.observe("camera")
    assert (frame.layers.body == 2).any()
    with pytest.raises(RendererError, match="no renderer") as caught:
        _ = frame.rgb
    assert "World(make, renderer)" in caught.value.hint


@pytest.mark.parametrize("dt", [0.0, -0.1, np.nan, np.inf])
def test_time_goes_forwards(dt):
    world = world_of(body("box", "box"))
    with pytest.raises(SceneError, match="a step of"):
        world.step(dt=dt)
    assert world.time == 0


@pytest.mark.parametrize(
    ("controls", "error", "words"),
    [
        ({"armm": Velocity()}, UnknownNameError, "did you mean 'arm'"),
        ({"arm": Force((1, 0, 0))}, SceneError, "obeys no forces"),
        ({"box": Velocity((1, 0, 0))}, SceneError, "dynamic"),
        ({"ground": Velocity()}, SceneError, "cannot be controlled"),
        ({"moon": Velocity()}, SceneError, "cannot be controlled"),
        ({"arm": Velocity((np.nan, 0, 0))}, SceneError, "three finite numbers"),
        ({"arm": Pose(np.full((4, 4), np.nan))}, SceneError, "finite"),
        ({"arm": Pose(np.diag([2.0, 2, 2, 1]))}, SceneError, "size or shape"),
        ({"arm": Pose(np.diag([-1.0, 1, 1, 1]))}, SceneError, "size or shape"),
        ({"box": Force((np.inf, 0, 0))}, SceneError, "three finite numbers"),
    ],
)
def test_controls_that_make_no_sense_are_refused_and_change_nothing(controls, error, words):
    world = world_of(
        body("box", "box", (0, 0, 0.05)),
        body("arm", "box", (1, 0, 0.05)),
        body("moon", "ball", (0, 0, 2)),
        dynamic=["box"],
        kinematic=["arm"],
        behaviours={"moon": Spin()},
    )
    world.step()
    before = (state(world), world.time)
    with pytest.raises(error) as caught:
        world.step({"camera": Velocity((1, 0, 0)), **controls})
    assert words in str(caught.value)
    assert (state(world), world.time) == before


@pytest.mark.parametrize(
    ("roles", "words"),
    [
        ({"dynamic": ["bxo"]}, "did you mean 'box'"),
        ({"dynamic": ["box"], "kinematic": ["box"]}, "both dynamic and kinematic"),
        ({"dynamic": ["box"], "behaviours": {"box": Spin()}}, "both dynamic and moved"),
        ({"behaviours": {"camra": Spin()}}, "did you mean 'camera'"),
        ({"mounts": {"camera": "bx"}}, "did you mean 'box'"),
        ({"behaviours": {"box": Follow("bal")}}, "did you mean 'ball'"),
        ({"behaviours": {"box": Follow("ball"), "ball": Follow("box")}}, "in a circle"),
        ({"behaviours": {"box": Spin(period=0.0)}}, "a spin"),
        ({"dynamic": ["box"], "shapes": {"box": "cub"}}, "no collision shape"),
    ],
)
def test_situations_that_contradict_themselves_are_refused(roles, words):
    world = World(lambda seed: situation(body("box", "box"), body("ball", "ball"), **roles))
    with pytest.raises((SceneError, UnknownNameError)) as caught:
        world.reset(Seed(0))
    assert words in str(caught.value)


def test_doubled_names_and_worlds_that_have_not_begun_are_refused():
    doubled = World(lambda seed: situation(body("box", "box"), body("box", "box")))
    with pytest.raises(SceneError, match="share the name 'box'"):
        doubled.reset(Seed(0))
    fresh = World(busy)
    for use in (fresh.step, fresh.snapshot, lambda: fresh.observe("camera"), lambda: fresh.stage):
        with pytest.raises(SceneError, match="has not begun"):
            use()
    fresh.reset(Seed(0))
    with pytest.raises(UnknownNameError, match="'camra'"):
        fresh.observe("camra")
    with pytest.raises(UnknownNameError, match="dynamic body named 'arm'"):
        fresh.velocity("arm")


def test_an_empty_world_goes_on():
    world = World(lambda seed: Situation(Stage((), (), SKY), {"camera": CAMERA}))
    world.reset(Seed(0))
    world.step()
    assert world.events == ()
    assert not world.observe("camera").layers.body.any()


def test_physics_that_explodes_says_so():
    world = world_of(body("box", "box", (0, 0, 1)), dynamic=["box"])
    with pytest.raises(SceneError, match="unstable"):
        for _ in range(3):
            world.step({"box": Force((1e12, 0, 0))})


def test_a_step_is_cheap():
    world = World(busy)
    world.reset(Seed(0))
    for _ in range(20):
        world.step(PUSH)
    start = time.process_time()
    for _ in range(100):
        world.step(PUSH)
    # measured 0.4 ms alone; a wide margin for busy machines
    assert (time.process_time() - start) / 100 < 4e-3
