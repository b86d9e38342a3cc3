"""What the pixels see: closed forms, and two engines that share no code."""

import dataclasses
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abbild.core import MissingExtraError
from abbild.images.errors import AssetError, SceneError
from abbild.images.labels import find_hits, find_layers, raster, trace
from abbild.images.labels.draws import prepare_mesh
from abbild.images.stage import Body, Mesh, Part
from tests.images.labels_stages import (
    BALL,
    CUBE,
    GREY,
    SHEET,
    at,
    body,
    camera,
    soup,
    stage,
    turned,
)

views = st.builds(
    lambda flat, near, x, y: camera(
        40,
        focal=8 if flat else 30,
        matrix=turned(turned(at(0, 0, -2.5), x, axis=0), y, axis=1),
        projection="orthographic" if flat else "pinhole",
        near=near,
    ),
    st.booleans(),
    st.sampled_from([1e-3, 1.0, 2.5]),
    st.floats(-0.5, 0.5),
    st.floats(-0.5, 0.5),
)


@given(st.integers(0, 10_000), views)
@settings(max_examples=60)
def test_raster_and_rays_agree_on_random_triangles(seed, view):
    """Also on triangles that cross the near plane and the camera's own plane."""
    scene = stage(
        body(soup(seed), at(0, 0, 0)), body(soup(seed + 1, spread=2), at(0.5, 0, 0, (1, -1, 0.5)))
    )
    a, b = raster(scene, view), trace(scene, view)
    same = (a.body == b.body) & (a.face == b.face)
    assert np.count_nonzero(~same) <= 1  # an edge within 32-bit rounding of a pixel's centre
    seen = same & (a.body > 0)
    assert np.allclose(a.z[seen], b.z[seen], rtol=1e-5)
    assert np.allclose(a.weights[seen], b.weights[seen], atol=1e-4)
    assert (a.z[seen] >= np.float32(view.near)).all()
    assert (a.weights >= 0).all()
    assert (a.weights.sum(axis=-1) <= 1 + 1e-6).all()
    assert (a.z[a.body == 0] == np.inf).all()
    assert (a.part[a.body == 0] == -1).all()
    assert (a.face[a.body == 0] == -1).all()


@given(st.integers(1, 12), st.integers(1, 12), st.floats(-3, 3), st.booleans())
@settings(max_examples=40)
def test_no_ray_slips_between_triangles_that_share_an_edge(columns, rows, angle, exact):
    """A wall of triangles, their corners even on pixel centres, hides all that is behind."""
    grid = np.stack(np.meshgrid(np.arange(columns + 1), np.arange(rows + 1)), axis=-1)
    corners = grid.reshape(-1, 2) / [columns, rows] - 0.5
    if not exact:
        rng = np.random.default_rng(columns * 31 + rows)
        inner = (np.abs(corners) < 0.5).all(axis=1)
        corners[inner] += rng.uniform(-0.3, 0.3, (inner.sum(), 2)) / [columns, rows]
        angle = 0.0
    vertices = np.c_[corners, np.zeros(len(corners))].astype(np.float32)
    i, j = np.mgrid[:rows, :columns].reshape(2, -1)
    a, b = i * (columns + 1) + j, i * (columns + 1) + j + 1
    c, d = a + columns + 1, b + columns + 1
    faces = np.concatenate([np.stack([a, b, c], 1), np.stack([b, d, c], 1)]).astype(np.int32)
    mesh = Mesh(vertices, faces, vertices, np.zeros((len(vertices), 2), np.float32))
    scale = 4.0 if exact else 2.0
    wall = body(mesh, turned(at(1 / 64, 1 / 64, 2, scale), angle))
    hits = raster(stage(wall), camera(32, focal=32))
    assert (hits.body == 1).all()
    assert np.allclose(hits.z, 2, rtol=1e-6)


def test_a_floor_that_passes_under_the_camera_is_seen_up_to_the_horizon():
    """Two triangles that reach far behind the camera; z = height / slope in closed form."""
    floor = body(SHEET, turned(at(0, 1.5, 0, 1000), np.pi / 2, axis=0))
    view = camera(50, focal=40, near=0.01)
    hits = find_hits(stage(floor), view)
    slope = (np.arange(50) + 0.5 - 25) / 40
    below = (slope > 0) & (1.5 / np.where(slope > 0, slope, 1) < 499)
    assert (hits.body == np.where(below, 1, 0)[:, None]).all()
    assert np.allclose(hits.z[below], (1.5 / slope[below])[:, None], rtol=1e-6)


def test_a_camera_within_a_closed_body_sees_its_inside():
    hits = find_hits(stage(body(CUBE, at(0, 0, 0, 2))), camera(20, focal=5))
    assert (hits.body == 1).all()
    assert hits.z.max() <= 1 + 1e-6


def test_nothing_nearer_than_near_is_seen():
    scene = stage(body(SHEET, at(0, 0, 1, 9)), body(SHEET, at(0, 0, 2, 9)))
    for view in (camera(near=1.5), camera(near=1.5, distortion=(1e-9, 0, 0, 0, 0))):
        hits = find_hits(scene, view)
        assert (hits.body == 2).all()
        assert np.allclose(hits.z, 2)


def test_of_equal_surfaces_the_lower_id_wins_and_of_others_the_nearer():
    same = body(BALL, at(0.1, 0.2, 3))
    hits = find_hits(stage(same, same), camera())
    assert set(np.unique(hits.body)) == {0, 1}
    near = body(BALL, at(0.1, 0.2, 2.9))
    assert set(np.unique(find_hits(stage(same, near), camera()).body)) == {0, 2}


def test_the_order_of_bodies_changes_ids_and_nothing_else():
    bodies = [body(soup(k), at(0, 0, 4)) for k in range(4)]
    forth, back = find_hits(stage(*bodies), camera()), find_hits(stage(*bodies[::-1]), camera())
    assert (forth.z == back.z).all()
    assert (np.where(forth.body > 0, 5 - forth.body, 0) == back.body).all()


def test_parts_are_named_by_their_place():
    parts = (Part(SHEET, GREY), Part(BALL, GREY))
    thing = Body("thing", "thing", parts, at(0, 0, 3))
    hits = find_hits(stage(body(CUBE, at(9, 9, 9)), thing), camera())
    assert set(np.unique(hits.part[hits.body == 2])) == {1}
    flat = Body("flat", "flat", parts, at(0, 0, 3, (1, 1, 0)))
    assert set(np.unique(find_hits(stage(flat), camera()).body)) == {0, 1}


@pytest.mark.parametrize("distortion", [(), (0.05, 0, 0, 0, 0)])
def test_an_empty_stage_and_one_out_of_view_show_nothing(distortion):
    view = camera(8, distortion=distortion)
    for scene in (stage(), stage(body(CUBE, at(0, 0, -5))), stage(body(CUBE, at(50, 0, 5)))):
        layers = find_layers(scene, view)
        assert not layers.body.any()
        assert np.isnan(layers.position).all()
        assert (layers.distance == np.inf).all()


# layers


@pytest.mark.parametrize("lens", ["pinhole", "orthographic", "fisheye"])
@pytest.mark.parametrize("mirror", [1, -1])
def test_normals_of_an_egg_are_those_of_an_ellipsoid(lens, mirror):
    """Under scale and mirroring normals go with the inverse transpose."""
    radii = np.array([0.5 * mirror, 1.0, 0.8])
    matrix = turned(turned(at(0.2, -0.1, 4), 0.6, axis=0), 0.4) @ np.diag([*radii, 1])
    view = camera(60, focal=15 if lens == "orthographic" else 60, projection=lens)
    layers = find_layers(stage(body(BALL, matrix)), view)
    seen = layers.body > 0
    local = (layers.position[seen] - matrix[:3, 3]) @ np.linalg.inv(matrix[:3, :3]).T
    local /= np.linalg.norm(local, axis=1, keepdims=True)
    truth = local @ np.linalg.inv(matrix[:3, :3])
    truth /= np.linalg.norm(truth, axis=1, keepdims=True)
    along = (layers.normal[seen] * truth).sum(axis=1)
    away = layers.position[seen] / np.linalg.norm(layers.position[seen], axis=1, keepdims=True)
    if lens == "orthographic":
        away = np.array([[0, 0, 1.0]])
    facing = (truth * away).sum(axis=1)
    assert along[facing < -0.2].min() > 0.999
    for normal in (layers.normal[seen], layers.facet_normal[seen]):
        assert np.allclose(np.linalg.norm(normal, axis=1), 1, atol=1e-6)
        assert ((normal * away).sum(axis=1) < 1e-6).all()


def test_a_sheet_seen_from_behind_turns_its_normals_over():
    for side in (0.0, np.pi):
        layers = find_layers(stage(body(SHEET, turned(at(0, 0, 2, 9), side, axis=0))), camera(8))
        assert np.allclose(layers.normal, [0, 0, -1], atol=1e-6)
        assert np.allclose(layers.facet_normal, [0, 0, -1], atol=1e-6)


def test_layers_of_a_sheet_are_linear_and_in_perspective():
    matrix = turned(at(0, 0, 4, (3, 3, 1)), 0.9, axis=1)
    view = camera(48, focal=60)
    layers = find_layers(stage(body(SHEET, matrix)), view)
    seen = layers.body > 0
    local = (layers.position[seen] - matrix[:3, 3]) @ np.linalg.inv(matrix[:3, :3]).T
    assert np.allclose(layers.uv[seen], local[:, :2] + 0.5, atol=1e-5)
    assert np.allclose(layers.object_coordinates[seen, :2], local[:, :2] + 0.5, atol=1e-5)
    assert np.allclose(layers.object_coordinates[seen, 2], 0.5)  # flat: its middle
    assert np.allclose(layers.z[seen], layers.position[seen][:, 2], rtol=1e-6)
    length = np.linalg.norm(layers.position[seen], axis=1)
    assert np.allclose(layers.distance[seen], length, rtol=1e-6)
    row, column = np.nonzero(seen)
    again = layers.position[seen, :2] / layers.position[seen, 2:] * 60 + 24
    assert np.allclose(again, np.stack([column, row], axis=1) + 0.5, atol=1e-4)


def test_object_coordinates_fill_the_box_of_all_parts_together():
    small = Mesh(CUBE.vertices * 0.5 + np.float32(0.75), CUBE.faces, CUBE.normals, CUBE.uv)
    thing = Body("pair", "pair", (Part(CUBE, GREY), Part(small, GREY)), at(0, 0, 4))
    layers = find_layers(stage(thing), camera(90, focal=90))
    big = layers.hits.part == 0
    assert layers.object_coordinates[big].max() <= 2 / 3 + 1e-5
    assert layers.object_coordinates[layers.hits.part == 1].min() >= 2 / 3 - 1e-5


# hostile input


def test_the_same_mesh_is_checked_once_and_let_go_with_its_last_owner():
    mesh = soup(3)
    assert prepare_mesh(mesh) is prepare_mesh(mesh)
    assert sys.getrefcount(mesh) <= 2


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"faces": np.zeros((0, 3), np.int32)}, "no triangles"),
        ({"faces": np.array([[0, 1, 99]], np.int32)}, "corner 99"),
        ({"faces": np.array([[0, 1, -1]], np.int32)}, "corner"),
        ({"vertices": np.full((36, 3), np.nan, np.float32)}, "not finite"),
        ({"uv": np.zeros((3, 2), np.float32)}, "uv"),
    ],
)
def test_a_broken_mesh_is_refused_in_words(change, words):
    mesh = dataclasses.replace(soup(1), **change)
    with pytest.raises(AssetError, match=words):
        find_hits(stage(body(mesh, at(0, 0, 3))), camera())


def test_poses_that_are_not_finite_or_flatten_are_refused_by_name():
    bad = body(CUBE, np.full((4, 4), np.inf), name="cups/3")
    with pytest.raises(SceneError, match="cups/3"):
        find_hits(stage(bad), camera())
    flat = body(CUBE, at(0, 0, 3, (1, 0, 1)), name="cups/4")
    with pytest.raises(SceneError, match=r"cups/4.*flattens"):
        trace(stage(flat), camera())


def test_without_embreex_pinholes_still_work_and_others_say_what_is_missing(monkeypatch):
    module = sys.modules["abbild.images.labels.trace"]
    monkeypatch.setattr(module, "EmbreeScene", None)
    module._device.cache_clear()
    scene = stage(body(CUBE, at(0, 0, 3)))
    try:
        assert find_hits(scene, camera()).body.any()
        with pytest.raises(MissingExtraError, match="embreex"):
            find_hits(scene, camera(projection="fisheye"))
    finally:
        module._device.cache_clear()
