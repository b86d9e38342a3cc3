"""Building blocks of meshes: hard edges, welding, turning inside out meshes, extrusion."""

from math import pi, sqrt

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st

from abbild.images.drawing import circle, filled, over, rectangle, regular_polygon
from abbild.images.errors import AssetError, SceneError
from abbild.images.grids import revolved
from abbild.images.meshes import (
    area,
    box_uv,
    check_mesh,
    flat_shaded,
    merge,
    planar_uv,
    smooth,
    spherical_uv,
    subdivide,
    transformed,
    volume,
)
from abbild.images.shapes import Box, Extrusion, Sphere, Text, Torus
from abbild.images.shapes.extrusions import extrude, extrude_drawing, extrude_sides
from abbild.images.shapes.sweeps import frames, sweep
from abbild.images.stage import Mesh
from abbild.images.topology import is_closed, outward, weld

FEW = settings(max_examples=20)
SQUARE = rectangle(1.0, 1.0)


def welded_cube():
    vertices, faces, _ = weld(*(lambda m: (m.vertices, m.faces))(Box().mesh()))
    return vertices, faces


class TestNormals:
    def test_a_cube_has_hard_edges(self):
        mesh = smooth(*welded_cube())
        assert len(mesh.vertices) == 24
        assert np.abs(np.abs(mesh.normals).max(axis=1) - 1).max() < 1e-6
        assert (np.einsum("ij,ij->i", mesh.normals, mesh.vertices) == 0.5).all()

    def test_a_cube_with_all_edges_soft_points_to_its_corners(self):
        # Weighted by angle each of the three faces counts alike, however they were cut.
        mesh = smooth(*welded_cube(), crease=pi)
        assert len(mesh.vertices) == 8
        assert np.abs(mesh.normals - np.sign(mesh.vertices) / sqrt(3)).max() < 1e-6

    @FEW
    @given(st.floats(0.1, 1.4))
    def test_the_crease_decides(self, fold):
        # Two triangles that meet along an edge at an angle `fold` between their normals.
        points = np.array([[0, 0, 0], [0, 1, 0], [-1, 0.5, 0], [np.cos(fold), 0.5, -np.sin(fold)]])
        faces = [[0, 1, 2], [1, 0, 3]]
        assert len(smooth(points, faces, crease=fold + 1e-6).vertices) == 4
        assert len(smooth(points, faces, crease=fold - 1e-6).vertices) == 6

    def test_vertices_split_where_textures_do(self):
        points, faces = welded_cube()
        corner = np.random.default_rng(1).random((12, 3, 2))
        mesh = smooth(points, faces, pi, corner)
        assert np.abs(mesh.uv[mesh.faces] - corner).max() < 1e-6
        assert np.abs(mesh.vertices[mesh.faces] - points[faces]).max() < 1e-6

    def test_flat_shading_keeps_positions_and_gives_plane_normals(self):
        ball = Sphere(1.0, 8).mesh()
        mesh = flat_shaded(ball.vertices, ball.faces)
        assert len(mesh.vertices) == 3 * len(ball.faces)
        assert (np.abs(mesh.normals[mesh.faces] - mesh.normals[mesh.faces][:, :1]) < 1e-6).all()
        assert volume(mesh) == pytest.approx(volume(ball), rel=1e-6)

    def test_agrees_with_trimesh_on_a_smooth_body(self):
        ball = Torus().mesh()
        joined, faces, _ = weld(ball.vertices, ball.faces)
        ours = smooth(joined, faces, pi)
        theirs = trimesh.Trimesh(ours.vertices, ours.faces, process=False).vertex_normals
        assert np.einsum("ij,ij->i", ours.normals, theirs).min() > 0.999


class TestMoving:
    @FEW
    @given(st.integers(0, 10**6))
    def test_any_affine_map_keeps_the_outside_outside(self, number):
        rng = np.random.default_rng(number)
        matrix = np.eye(4)
        matrix[:3] = rng.normal(size=(3, 4)) + 2 * np.eye(3, 4) * rng.choice([-1, 1])
        determinant = np.linalg.det(matrix)
        if abs(determinant) < 0.1:
            return
        ball = Sphere(0.5, 12).mesh()
        mesh = transformed(ball, matrix)
        assert volume(mesh) == pytest.approx(abs(determinant) * volume(ball), rel=1e-3)
        # A normal stays orthogonal to every tangent of the ball, moved by the map.
        tangents = np.cross(ball.normals, [0.3, 0.5, 0.8]) @ matrix[:3, :3].T
        assert np.abs(np.einsum("ij,ij->i", tangents, mesh.normals)).max() < 1e-5
        away = (mesh.vertices - matrix[:3, 3]) * mesh.normals
        assert (away.sum(axis=1) > 0).all()

    def test_subdividing_keeps_area_and_volume(self):
        mesh = Torus(segments=12, rings=8).mesh()
        fine = subdivide(mesh, 2)
        assert len(fine.faces) == 16 * len(mesh.faces)
        assert area(fine) == pytest.approx(area(mesh), rel=1e-5)
        assert volume(fine) == pytest.approx(volume(mesh), rel=1e-5)
        assert is_closed(fine.vertices, fine.faces)

    def test_merging_nothing_is_refused(self):
        with pytest.raises(AssetError, match="no mesh"):
            merge([])


class TestOrientation:
    @FEW
    @given(st.integers(0, 10**6))
    def test_whatever_was_flipped_is_turned_back(self, number):
        rng = np.random.default_rng(number)
        ball, ring = Sphere(0.5, 10).mesh(), Torus(segments=8, rings=6).mesh()
        away = np.eye(4)
        away[0, 3] = 3.0
        both = merge([ball, transformed(ring, away)])
        faces = both.faces.astype(np.int64).copy()
        flipped = rng.random(len(faces)) < rng.random()
        faces[flipped] = faces[flipped][:, ::-1]
        turned = outward(both.vertices, faces)
        right = np.sort(np.array([np.roll(f, -f.argmin()) for f in both.faces]), axis=0)
        ours = np.sort(np.array([np.roll(f, -f.argmin()) for f in turned]), axis=0)
        assert np.array_equal(right, ours)

    def test_open_sheets_follow_their_majority(self):
        cup = Sphere(0.5, 16).mesh()
        lower = cup.faces[cup.vertices[cup.faces][:, :, 2].max(axis=1) <= 1e-6].astype(np.int64)
        broken = lower.copy()
        broken[::5] = broken[::5][:, ::-1]
        assert np.array_equal(
            np.sort(outward(cup.vertices, broken), axis=1), np.sort(lower, axis=1)
        )
        a, b, c = (cup.vertices[outward(cup.vertices, broken)[:, k]] for k in range(3))
        assert (np.einsum("ij,ij->i", np.cross(b - a, c - a), a + b + c) > 0).all()


class TestTextureCoordinates:
    def test_texts_on_a_box_are_not_mirrored(self):
        # Seen from outside, u x v must turn the same way as the triangle does.
        for mesh in (Box().mesh(), smooth(*welded_cube()), Sphere().mesh(), Torus().mesh()):
            a, b, c = (mesh.uv[mesh.faces[:, k]].astype(float) for k in range(3))
            turn = (b - a)[:, 0] * (c - a)[:, 1] - (b - a)[:, 1] * (c - a)[:, 0]
            assert (turn > 0).all()

    def test_projections(self):
        points = np.array([[0.0, 2.0, 4.0], [1.0, 4.0, 4.0]])
        assert planar_uv(points).tolist() == [[0, 0], [1, 1]]
        assert planar_uv(points, tile=2.0).tolist() == [[0, 1], [0.5, 2]]
        poles = spherical_uv([[0, 0, 1.0], [0, 0, -1.0], [1, 0, 0], [0, 1.0, 0]])
        assert poles[:, 1].tolist() == [1, 0, 0.5, 0.5] and poles[3, 0] == 0.25
        up = box_uv([[1.0, 2.0, 3.0]] * 2, [[0, 0, 1.0], [1.0, 0, 0]], tile=2.0)
        assert up.tolist() == [[0.5, 1.0], [1.0, 1.5]]


class TestExtrusion:
    @FEW
    @given(st.floats(0.1, 0.9), st.floats(0.01, 2))
    def test_plate_with_a_hole_is_exact(self, hole, thickness):
        mesh = extrude([SQUARE, SQUARE * hole], thickness)
        assert volume(mesh) == pytest.approx((1 - hole**2) * thickness, rel=1e-5)
        faces = 2 * (1 - hole**2) + 4 * (1 + hole) * thickness
        assert area(mesh) == pytest.approx(faces, rel=1e-5)
        assert is_closed(mesh.vertices, mesh.faces)

    @FEW
    @given(st.permutations(range(5)), st.booleans())
    def test_rings_in_any_order_and_sense_follow_even_and_odd(self, order, turned):
        # A frame, within its hole an island with a hole of its own, and a plate beside it.
        rings = [SQUARE * 4, SQUARE * 3, SQUARE * 2, SQUARE, SQUARE + np.array([5.0, 0.0])]
        mixed = [rings[k][::-1] if turned else rings[k] for k in order]
        mesh = extrude(mixed, 0.5)
        assert volume(mesh) == pytest.approx((16 - 9 + 4 - 1 + 1) * 0.5, rel=1e-5)
        assert area(mesh) == pytest.approx(2 * 11 + 0.5 * 4 * (4 + 3 + 2 + 1 + 1), rel=1e-5)
        assert is_closed(mesh.vertices, mesh.faces)

    @FEW
    @given(st.integers(3, 40), st.floats(0.01, 0.3))
    def test_bevelled_polygon_is_a_prism_and_a_frustum(self, sides, bevel):
        ring = regular_polygon(sides, 1.0)
        whole = sides / 2 * np.sin(2 * pi / sides)
        inner = np.cos(pi / sides)  # of the inscribed circle; the bevel takes from it
        top = whole * ((inner - bevel) / inner) ** 2
        mesh = extrude([ring], 0.5, bevel)
        frustum = bevel / 3 * (whole + top + np.sqrt(whole * top))
        assert volume(mesh) == pytest.approx(whole * (0.5 - bevel) + frustum, rel=1e-4)
        assert is_closed(mesh.vertices, mesh.faces)

    def test_a_bevel_without_room_shrinks(self):
        thin = rectangle(1.0, 0.02)
        mesh = extrude([thin], 0.5, 0.3)
        assert is_closed(mesh.vertices, mesh.faces)
        assert 0 < volume(mesh) < 0.01

    def test_front_texture_spans_the_bounds_upright(self):
        front, wall, back = extrude_sides([SQUARE * 2], 0.1)
        assert np.abs(front.uv - (front.vertices[:, :2] / 2 + 0.5)).max() < 1e-6
        assert (front.normals == [0, 0, 1]).all() and (back.normals == [0, 0, -1]).all()
        assert (wall.normals[:, 2] == 0).all()

    def test_fills_of_a_drawing_share_its_texture(self):
        drawing = over(filled("#ff0000", circle(1.0)), filled("#ffffff", rectangle(0.4, 0.2)))
        mesh = extrude_drawing(drawing, 0.1)
        bar = mesh.uv[-24:]  # four corners in front, four behind, sixteen of the walls
        assert bar[:, 0].min() > 0.25 and bar[:, 0].max() < 0.75

    def test_round_walls_are_smooth_and_square_ones_are_not(self):
        _, rod, _ = extrude_sides([circle(1.0)], 1.0)
        out = rod.vertices[:, :2] / np.linalg.norm(rod.vertices[:, :2], axis=1, keepdims=True)
        assert np.einsum("ij,ij->i", out, rod.normals[:, :2]).min() > 0.9999
        _, box, _ = extrude_sides([SQUARE], 1.0)
        assert np.abs(np.abs(box.normals).max(axis=1) - 1).max() < 1e-6

    @pytest.mark.parametrize(
        "rings",
        [[[(0, 0), (1, 0)]], [[(0, 0), (1, 1), (2, 2)]], [[(0, 0), (1, float("nan")), (1, 1)]]],
    )
    def test_rings_without_area_are_refused(self, rings):
        with pytest.raises(AssetError, match="ring 0"):
            extrude(rings, 0.1)

    def test_shapes_stand_upright_and_are_read_from_the_front(self):
        mesh = Text("L", height=1.0, depth=0.2).mesh()
        assert mesh.bounds[0, 2] == pytest.approx(0.0, abs=1e-6)
        assert mesh.bounds[1, 2] == pytest.approx(1.0, abs=1e-6)
        upper = mesh.vertices[mesh.vertices[:, 2] > 0.5]
        assert upper[:, 0].max() < 0  # an L has nothing in its upper right, seen from -y
        plate = Extrusion(thickness=0.1).mesh()
        front = plate.normals[:, 1] < -0.99
        assert front.any() and (plate.vertices[front, 1] == plate.bounds[0, 1]).all()

    @pytest.mark.parametrize("string", ["", "  ", "漢"])
    def test_unknown_text_is_refused(self, string):
        with pytest.raises((SceneError, AssetError)):
            Text(string).mesh()


class TestSweeps:
    @FEW
    @given(st.integers(0, 10**6), st.booleans())
    def test_frames_are_orthonormal_and_right_handed(self, number, closed):
        path = np.cumsum(np.random.default_rng(number).normal(size=(12, 3)), axis=0)
        along, side, up = frames(path, closed=closed)
        for one, two in ((along, side), (side, up), (up, along)):
            assert np.abs(np.einsum("ij,ij->i", one, two)).max() < 1e-9
        assert np.einsum("ij,ij->i", np.cross(side, up), along).min() > 1 - 1e-9

    def test_a_straight_path_does_not_turn_its_profile(self):
        path = np.linspace([0, 0, 0], [1, 2, 3], 7)
        _, side, _ = frames(path)
        assert np.abs(side - side[0]).max() < 1e-12

    def test_a_closed_path_spreads_its_twist_evenly(self):
        t = 2 * pi * np.arange(800) / 800
        out = 1 + 0.4 * np.cos(3 * t)
        path = np.stack([out * np.cos(2 * t), out * np.sin(2 * t), 0.4 * np.sin(3 * t)], axis=1)
        _, side, up = frames(path, closed=True)
        ahead = np.roll(side, -1, axis=0)
        turn = np.arctan2((ahead * up).sum(axis=1), (ahead * side).sum(axis=1))
        assert np.abs(turn - turn.mean()).max() < 0.01  # also from the last to the first
        open_turn = frames(path)[1]
        assert np.abs(open_turn[-1] - open_turn[0]).max() > 0.1  # there was something to spread

    def test_swept_square_is_a_bar(self):
        mesh = sweep([[0, 0, 0], [0, 0, 1], [0, 0, 3]], rectangle(0.2, 0.3))
        assert volume(mesh) == pytest.approx(0.2 * 0.3 * 3, rel=1e-5)
        assert is_closed(mesh.vertices, mesh.faces)

    def test_revolved_profile_has_edges_where_it_bends(self):
        cup = revolved([(0, 0), (1, 0), (1, 1), (0, 1)], 32)
        assert set(np.round(np.abs(cup.normals[:, 2]), 6).tolist()) == {0.0, 1.0}
        cone = revolved([(0, 0), (1, 0), (0, 1)], 64)
        assert volume(cone) == pytest.approx(pi / 3 * (32 / pi * np.sin(2 * pi / 64)), rel=1e-5)


class TestChecks:
    def make(self, **change):
        box = Box().mesh()
        arrays = {n: getattr(box, n).copy() for n in ("vertices", "faces", "normals", "uv")}
        arrays.update(change)
        return Mesh(**arrays)

    def test_a_sound_mesh_passes(self):
        check_mesh(self.make(), "it")

    def test_each_fault_has_its_sentence(self):
        box = Box().mesh()
        nan = box.vertices.copy()
        nan[3, 1] = np.nan
        far = box.faces.copy()
        far[0, 0] = 99
        faults = {
            "0 faces": {"faces": np.zeros((0, 3), np.int32)},
            "vertices 0 to 23": {"faces": far},
            "1 of 24 vertices": {"vertices": nan},
            "without any area": {"vertices": np.zeros_like(box.vertices)},
        }
        for words, change in faults.items():
            with pytest.raises(AssetError, match=words) as caught:
                check_mesh(self.make(**change), "cup.obj")
            assert str(caught.value).startswith("cup.obj")
