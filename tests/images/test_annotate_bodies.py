"""Annotations of bodies: boxes, shares, poses, keypoints."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from abbild.images.annotate import (
    annotate,
    box_corners,
    find_keypoints,
    mask_box,
    place_body,
    self_checks,
)
from abbild.images.annotate.boxes import box_of, find_extents
from abbild.images.labels import find_layers, find_silhouettes
from tests.images.labels_stages import BALL, CUBE, SHEET, at, body, camera, stage, turned

LENSES = {
    "pinhole": {},
    "orthographic": {"projection": "orthographic", "focal": 12},
    "distorted": {"distortion": (-0.2, 0.05, 1e-3, 0, 0)},
    "fisheye": {"projection": "fisheye"},
}


def seen_by(scene, view, **options):
    layers = find_layers(scene, view)
    return layers, annotate(scene, view, layers, **options)


@given(arrays.arrays(np.bool_, arrays.array_shapes(min_dims=2, max_dims=2, max_side=9)))
def test_a_box_holds_every_pixel_and_none_less_would(mask):
    box = mask_box(mask)
    if not mask.any():
        assert box is None
        return
    x0, y0, x1, y1 = map(int, box)
    assert mask.sum() == mask[y0:y1, x0:x1].sum()
    assert mask[y0].any()
    assert mask[y1 - 1].any()
    assert mask[:, x0].any()
    assert mask[:, x1 - 1].any()


@given(arrays.arrays(np.int32, (7, 9), elements=st.integers(0, 4)))
def test_extents_of_all_bodies_are_those_of_their_masks(body_ids):
    z = np.arange(63, dtype=np.float32).reshape(7, 9)[::-1].copy()
    extents = find_extents(body_ids, z, 4)
    for identity in range(1, 5):
        mask = body_ids == identity
        assert extents.area[identity] == mask.sum()
        assert box_of(extents, identity) == mask_box(mask)
        assert extents.z[identity] == z[mask].min(initial=np.inf)


positions = st.tuples(st.floats(-3, 3), st.floats(-3, 3), st.floats(1, 6))


@pytest.mark.parametrize("lens", LENSES)
@given(places=st.lists(positions, min_size=1, max_size=5), angle=st.floats(-3, 3))
@example(places=[(0, 0, 1)] * 4 + [(0, 0.25886, 1.25)], angle=0.125)  # a face 3 mm away
@settings(max_examples=15)
def test_labels_of_any_scene_agree_with_each_other(lens, places, angle):
    meshes = [CUBE, BALL, SHEET]
    things = [
        body(
            meshes[k % 3], turned(at(*place, (1, -0.7 if k == 3 else 0.7, 1.3)), angle, axis=k % 3)
        )
        for k, place in enumerate(places)
    ]
    scene, view = stage(*things), camera(32, **LENSES[lens])
    layers, found = seen_by(scene, view)
    checks = self_checks(scene, view, layers, found)
    assert checks.pop("reprojection_px") < 1e-3
    assert checks.pop("pose_px") < 1e-3
    assert checks.pop("z_distance") < 1e-5
    assert checks.pop("visibility_sum") < 1e-12
    assert set(checks.values()) == {0.0}
    assert [a.instance for a in found] == list(range(1, len(things) + 1))
    for a in found:
        for share in (a.visible, a.truncated, a.occluded):
            assert 0 <= share <= 1
        assert (a.mask == (layers.body == a.instance)).all()
        if a.box is not None:
            assert a.z == layers.z[a.mask].min()
            assert a.amodal_box[0] <= a.box[0] <= a.box[2] <= a.amodal_box[2]


def test_shares_of_half_hidden_and_half_cut_bodies():
    """Sheets of 16 x 16 pixels at one metre: halves are halves to the pixel."""
    view = camera(32, focal=32)
    whole = body(SHEET, at(0, 0, 1, 0.5))
    cut = body(SHEET, at(0.5, 0, 1, 0.5))
    front = body(SHEET, at(0.125, 0, 0.5, 0.25), label="")
    _, (alone,) = seen_by(stage(whole), view)
    assert alone.box == alone.amodal_box == (8, 8, 24, 24)
    assert (alone.visible, alone.truncated, alone.occluded, alone.area_px) == (1, 0, 0, 256)
    _, (half,) = seen_by(stage(cut), view)
    assert half.box == (24, 8, 32, 24)
    assert half.amodal_box == (24, 8, 40, 24)
    assert (half.visible, half.truncated, half.occluded) == (0.5, 0.5, 0)
    _, (behind,) = seen_by(stage(whole, front), view)
    assert behind.box == (8, 8, 16, 24)
    assert behind.amodal_box == (8, 8, 24, 24)
    assert (behind.visible, behind.truncated, behind.occluded) == (0.5, 0, 0.5)
    assert behind.amodal_mask.sum() == 256


def test_hidden_unseen_and_tiny_bodies_are_listed_until_a_limit_drops_them():
    hidden = body(CUBE, at(0, 0, 5), name="hidden")
    wall = body(SHEET, at(0, 0, 2, 1.8), name="wall", label="wall")
    behind = body(CUBE, at(0, 0, -5), name="behind")
    tiny = body(CUBE, at(0.6, 0.01, 1.4, 1e-6), name="tiny")
    scene, view = stage(hidden, wall, behind, tiny), camera()
    layers, found = seen_by(scene, view)
    shares = {a.name: (a.visible, a.truncated, a.occluded) for a in found}
    assert shares["hidden"] == (0, 0, 1)
    assert shares["behind"] == (0, 1, 0)
    assert shares["tiny"] == (0, 0, 0)
    assert all(a.box is None and np.isnan(a.z) for a in found if a.name != "wall")
    for options in ({"min_visible": 0.1}, {"min_area_px": 1}):
        assert [a.name for a in annotate(scene, view, layers, **options)] == ["wall"]
    assert annotate(scene, view, layers, min_area_px=10_000) == ()


def test_bodies_without_a_label_and_without_an_outline():
    scene = stage(body(CUBE, at(0, 0, 5), label=""), body(CUBE, at(1, 0, 5)))
    layers, found = seen_by(scene, camera())
    assert [a.instance for a in found] == [2]
    (unknown,) = annotate(scene, camera(), layers, silhouettes=[])
    assert unknown.amodal_mask is None
    assert unknown.amodal_box is None
    assert (unknown.visible, unknown.truncated, unknown.occluded) == (1, 0, 0)


angles, scales = st.floats(-3, 3), st.floats(0.1, 3)


@given(angles, angles, angles, scales, scales, scales, st.booleans())
def test_a_pose_is_rigid_and_its_box_encloses_the_body_tightly(a, b, c, x, y, z, mirror):
    matrix = turned(turned(turned(at(1, 2, 5), a, 0), b, 1), c, 2)
    matrix = matrix @ np.diag([-x if mirror else x, y, z, 1])
    view = camera(matrix=turned(at(0.3, 0, 0), 0.5, axis=1))
    shifted = CUBE.__class__(
        CUBE.vertices + np.float32([0.5, 1, -2]), CUBE.faces, CUBE.normals, CUBE.uv
    )
    placed = place_body(body(shifted, matrix), view)
    turn = placed.pose[:3, :3]
    assert np.allclose(turn @ turn.T, np.eye(3))
    assert np.linalg.det(turn) == pytest.approx(1)
    assert np.allclose(placed.size, [x, y, z], rtol=1e-6)
    corners = box_corners(placed.pose, placed.size, placed.center)
    local = view.camera_from_world @ matrix
    truth = shifted.vertices @ local[:3, :3].T + local[:3, 3]
    gaps = np.linalg.norm(corners[:, None] - truth[None], axis=2)
    assert gaps.min(axis=1).max() < 1e-5
    assert gaps.min(axis=0).max() < 1e-5


def test_a_sheared_body_lies_within_its_box():
    shear = at(0, 0, 5) @ np.array([[1, 0.5, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1.0]])
    placed = place_body(body(CUBE, shear), camera())
    local = (CUBE.vertices @ shear[:3, :3].T + shear[:3, 3] - placed.pose[:3, 3]) @ placed.pose[
        :3, :3
    ]
    assert (np.abs(local - placed.center) <= placed.size / 2 + 1e-9).all()


def test_keypoints_are_seen_hidden_or_out_of_the_image():
    points = {
        "front": np.array([0, 0, -0.5]),
        "back": np.array([0, 0, 0.5]),
        "inside": np.array([0, 0, 0.0]),
        "above": np.array([0, -0.9, 0]),
        "aside": np.array([9.0, 0, 0]),
        "behind": np.array([0, 0, -9.0]),
    }
    thing = body(CUBE, at(0.2, 0.1, 3), keypoints=points)
    wall = body(SHEET, at(0, 0, 2, 0.5))
    for view in (camera(), camera(distortion=(0.01, 0, 0, 0, 0))):
        ((found),) = find_keypoints(stage(thing), view, [1])
        assert {p.name: p.visibility for p in found} == {
            "front": 2,
            "back": 1,
            "inside": 1,
            "above": 2,
            "aside": 0,
            "behind": 0,
        }
        (covered, none) = find_keypoints(stage(thing, wall), view, [1, 2])
        assert covered[0].visibility == 1
        assert none == ()
    front = find_keypoints(stage(thing), camera(), [1])[0][0]
    assert (front.x, front.y) == (
        pytest.approx(32 + 64 * 0.2 / 2.5),
        pytest.approx(32 + 64 * 0.1 / 2.5),
    )
    flat = camera(projection="orthographic", focal=12)
    assert [p.visibility for p in find_keypoints(stage(thing), flat, [1])[0]] == [2, 1, 1, 2, 0, 0]


def test_a_keypoint_may_lie_a_little_under_the_skin():
    deep = {"skin": np.array([0.1, 0, -0.499]), "deep": np.array([0.1, 0, -0.48])}
    thing = body(CUBE, at(0, 0, 30, 10), keypoints=deep)
    (found,) = find_keypoints(stage(thing), camera(), [1])
    assert [p.visibility for p in found] == [2, 1]
    (found,) = find_keypoints(stage(thing), camera(), [1], tolerance=0.02)
    assert [p.visibility for p in found] == [2, 2]


@pytest.mark.parametrize("damage", ["mask", "area", "pose", "z", "amodal", "visible"])
def test_self_checks_see_what_is_planted(damage):
    scene = stage(body(CUBE, turned(at(0, 0, 3), 0.5, axis=1)), body(BALL, at(0.5, 0, 5)))
    view = camera()
    layers, found = seen_by(scene, view)
    a = found[0]
    if damage == "mask":
        a.mask[:, int(a.box[0])] = False
        assert self_checks(scene, view, layers, found)["mask_box"] >= 1
    elif damage == "area":
        a.mask[0, 0] = True
        assert self_checks(scene, view, layers, found)["mask_area"] == 2
    elif damage == "pose":
        a.pose[0, 3] += 0.01
        assert self_checks(scene, view, layers, found)["pose_px"] > 0.1
    elif damage == "z":
        layers.hits.z[layers.body > 0] = layers.distance[layers.body > 0]
        assert self_checks(scene, view, layers, found)["z_distance"] > 1e-3
    elif damage == "amodal":
        a.amodal_mask[a.mask] = False
        assert self_checks(scene, view, layers, found)["amodal"] == a.area_px
    else:
        object.__setattr__(a, "visible", 0.5)
        assert self_checks(scene, view, layers, found)["visibility_sum"] == pytest.approx(0.5)


def test_given_silhouettes_are_taken_as_they_are():
    scene, view = stage(body(CUBE, at(0, 0, 3)), body(BALL, at(0, 0, 6))), camera()
    layers = find_layers(scene, view)
    one = annotate(scene, view, layers, find_silhouettes(scene, view))
    other = annotate(scene, view, layers)
    assert [a.visible for a in one] == [a.visible for a in other]
