"""Meshes from files: geometry, axes and units, hard edges, materials, provenance."""

import logging
from pathlib import Path

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from trimesh.visual.material import PBRMaterial
from trimesh.visual.texture import TextureVisuals

from abbild.core import Seed
from abbild.images.asset_files import MeshFile, licence_of, load_parts, split_assets
from abbild.images.asset_files.surfaces import color_atlas
from abbild.images.colors import decode_srgb
from abbild.images.errors import AssetError, SceneError
from abbild.images.meshes import area, merge, volume
from abbild.images.shapes import Blob, Box, Cylinder, Torus
from abbild.images.topology import is_closed

SIZE = (0.3, 0.2, 0.1)
KINDS = ["obj", "ply", "stl", "glb"]


def exported(shape, path, **visual):
    mesh = shape.mesh()
    vertices, faces = mesh.vertices, mesh.faces
    if path.suffix == ".glb":  # y is up in glTF
        vertices = vertices @ np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]]).T
    solid = trimesh.Trimesh(vertices, faces, process=False)
    if visual:
        solid.visual = TextureVisuals(uv=mesh.uv, **visual)
    solid.export(path)
    return path


def whole(parts):
    return merge(part.mesh for part in parts)


@pytest.mark.parametrize("kind", KINDS)
class TestRoundTrip:
    def test_size_place_and_volume_come_back(self, tmp_path, kind):
        path = exported(Box(SIZE), tmp_path / f"box.{kind}")
        mesh = whole(load_parts(path))
        half = np.array(SIZE) / 2
        assert np.abs(mesh.bounds - [-half, half]).max() < 1e-6
        assert volume(mesh) == pytest.approx(np.prod(SIZE), rel=1e-5)
        assert area(mesh) == pytest.approx(0.22, rel=1e-5)

    def test_a_box_has_hard_edges_and_a_blob_has_none(self, tmp_path, kind):
        box = whole(load_parts(exported(Box(SIZE), tmp_path / f"box.{kind}")))
        assert np.abs(np.abs(box.normals).max(axis=1) - 1).max() < 1e-5
        shape = Blob(bumps=0.03, segments=64)
        blob = whole(load_parts(exported(shape, tmp_path / f"blob.{kind}")))
        a, b, c = (blob.vertices[blob.faces[:, k]].astype(float) for k in range(3))
        flat = np.cross(b - a, c - a)
        flat /= np.linalg.norm(flat, axis=1, keepdims=True)
        agree = np.einsum("fi,fki->fk", flat, blob.normals[blob.faces])
        assert agree.min() > 0.8 and agree.max() < 1 + 1e-5
        # One normal at each place: equal positions have equal normals.
        _, which = np.unique(blob.vertices.round(5), axis=0, return_inverse=True)
        spread = [np.ptp(blob.normals[which == k], axis=0).max() for k in range(0, 200, 7)]
        assert max(spread) < 0.02

    def test_units_scale_and_axes(self, tmp_path, kind):
        path = exported(Box(SIZE), tmp_path / f"box.{kind}")
        millimetres = whole(load_parts(path, unit="mm", scale=2.0))
        assert np.ptp(millimetres.bounds, axis=0) == pytest.approx(np.array(SIZE) * 2e-3)
        swapped = whole(load_parts(path, up="z" if kind == "glb" else "y"))
        assert np.ptp(swapped.bounds, axis=0) == pytest.approx([SIZE[0], SIZE[2], SIZE[1]])
        assert volume(swapped) > 0

    def test_centring(self, tmp_path, kind):
        path = exported(Cylinder(0.1, 0.4), tmp_path / f"rod.{kind}")
        base = whole(load_parts(path, center="base")).bounds
        assert base[0, 2] == pytest.approx(0, abs=1e-7)
        assert base.mean(axis=0)[:2] == pytest.approx(0, abs=1e-7)
        middle = whole(load_parts(path, center="middle")).bounds
        assert middle.mean(axis=0) == pytest.approx(0, abs=1e-7)

    def test_inside_out_is_turned(self, tmp_path, kind):
        mesh = Torus().mesh()
        solid = trimesh.Trimesh(mesh.vertices, mesh.faces[:, ::-1], process=False)
        solid.export(tmp_path / f"ring.{kind}")
        ring = whole(load_parts(tmp_path / f"ring.{kind}"))
        assert volume(ring) == pytest.approx(volume(mesh), rel=1e-4)
        assert is_closed(ring.vertices, ring.faces)

    def test_open_meshes_are_welcome(self, tmp_path, kind):
        mesh = Box(SIZE).mesh()
        trimesh.Trimesh(mesh.vertices, mesh.faces[:8], process=False).export(
            tmp_path / f"open.{kind}"
        )
        assert sum(len(part.mesh.faces) for part in load_parts(tmp_path / f"open.{kind}")) == 8

    def test_equal_calls_return_the_same_objects_until_the_file_changes(self, tmp_path, kind):
        path = exported(Box(SIZE), tmp_path / f"box.{kind}")
        first = load_parts(path)
        assert load_parts(str(path))[0].mesh is first[0].mesh
        assert load_parts(path, scale=3.0)[0].mesh is not first[0].mesh
        exported(Box((1.0, 1.0, 1.0)), path).touch()
        assert np.ptp(whole(load_parts(path)).bounds, axis=0) == pytest.approx(1.0)


class TestMaterials:
    def glb(self, path, material, shape=None):
        return load_parts(exported(shape or Box(SIZE), path / "it.glb", material=material))

    def test_factors_are_linear_and_exact(self, tmp_path):
        material = PBRMaterial(
            baseColorFactor=[51, 102, 204, 255], metallicFactor=0.25, roughnessFactor=0.75
        )
        (part,) = self.glb(tmp_path, material)
        assert part.surface.color == pytest.approx([0.2, 0.4, 0.8], abs=1e-6)
        assert part.surface.metallic == 0.25 and part.surface.roughness == 0.75

    def test_a_mirror_keeps_a_little_roughness(self, tmp_path):
        (part,) = self.glb(tmp_path, PBRMaterial(roughnessFactor=0.0, metallicFactor=1.0))
        assert part.surface.roughness == 0.03

    def test_textures_are_multiplied_in_linear_light(self, tmp_path):
        pixels = np.random.default_rng(1).integers(0, 256, (8, 16, 3), np.uint8)
        material = PBRMaterial(
            baseColorTexture=Image.fromarray(pixels), baseColorFactor=[255, 128, 0, 255]
        )
        (part,) = self.glb(tmp_path, material)
        expected = decode_srgb(pixels) * [1.0, 128 / 255, 0.0]
        step = np.abs(np.diff(decode_srgb(np.arange(256, dtype=np.uint8)))).max()
        assert np.abs(decode_srgb(part.surface.color) - expected).max() <= step
        assert (part.surface.color[..., 0] == pixels[..., 0]).all()

    def test_green_is_roughness_and_blue_is_metal(self, tmp_path):
        both = np.zeros((4, 4, 3), np.uint8)
        both[..., 0], both[..., 1], both[..., 2] = 250, 200, 100
        both[0, 0] = 0
        relief = np.full((4, 4, 3), (128, 128, 255), np.uint8)
        material = PBRMaterial(
            metallicRoughnessTexture=Image.fromarray(both),
            normalTexture=Image.fromarray(relief),
            roughnessFactor=0.5,
            metallicFactor=0.5,
        )
        (part,) = self.glb(tmp_path, material)
        assert part.surface.roughness[1, 1] == 100 and part.surface.metallic[1, 1] == 50
        assert part.surface.roughness[0, 0] == 8  # 0.03 of 255, rounded up
        assert (part.surface.normal_map == relief).all()

    @pytest.mark.parametrize("inside_out", [False, True])
    @pytest.mark.parametrize("kind", ["glb", "obj"])
    def test_the_upper_row_of_a_texture_is_at_v_one(self, tmp_path, kind, inside_out):
        pixels = np.zeros((4, 4, 3), np.uint8)
        pixels[:, :, 2] = [10, 90, 170, 250]
        pixels[0, :, 0] = 255  # red above, green below
        pixels[3, :, 1] = 255
        image = Image.fromarray(pixels)
        material = (
            PBRMaterial(baseColorTexture=image)
            if kind == "glb"
            else trimesh.visual.material.SimpleMaterial(image=image, glossiness=0.0)
        )
        given = Box(SIZE).mesh()
        turned = given.faces[:, ::-1] if inside_out else given.faces
        solid = trimesh.Trimesh(given.vertices, turned, process=False)
        solid.visual = TextureVisuals(uv=given.uv, material=material)
        solid.export(tmp_path / f"it.{kind}")
        (part,) = load_parts(tmp_path / f"it.{kind}", up="z")
        mesh = part.mesh
        assert volume(mesh) > 0
        # Seen from outside, the side at +x has its first column at -y and its first row above.
        side = mesh.normals[:, 0] > 0.9
        expected = np.where(mesh.vertices[side][:, 1:] > 0, 1.0, 0.0)
        assert np.abs(mesh.uv[side] - expected).max() < 1e-6
        assert np.array_equal(part.surface.color, pixels)

    @pytest.mark.parametrize("kind", ["ply", "glb", "obj"])
    def test_vertex_colours_become_a_texture(self, tmp_path, kind):
        mesh = Box(SIZE).mesh()
        colors = np.random.default_rng(2).integers(0, 256, (24, 4), np.uint8)
        solid = trimesh.Trimesh(mesh.vertices, mesh.faces, process=False, vertex_colors=colors)
        solid.export(tmp_path / f"it.{kind}")
        (part,) = load_parts(tmp_path / f"it.{kind}", up="z")
        height, width = part.surface.color.shape[:2]
        column = np.floor(part.mesh.uv[:, 0] * width).astype(int)
        row = np.floor((1 - part.mesh.uv[:, 1]) * height).astype(int)
        found = part.surface.color[row, column]
        near = np.abs(part.mesh.vertices[:, None] - mesh.vertices).max(axis=2) < 1e-6
        # Corners that lie together have several colours; each of ours must be one of them.
        if kind == "glb":  # stored without the sRGB curve
            found, given = decode_srgb(found), colors[:, :3] / 255
            allowed = 0.005  # half a step of sRGB where it is steepest
        else:
            found, given, allowed = found.astype(float), colors[:, :3].astype(float), 1.0
        away = np.abs(given[None] - found[:, None]).max(axis=2)
        assert (np.where(near, away, np.inf).min(axis=1) <= allowed).all()

    @settings(max_examples=20)
    @given(st.integers(1, 40), st.integers(0, 10**6))
    def test_the_atlas_interpolates_as_triangles_do(self, count, number):
        rng = np.random.default_rng(number)
        colors = rng.integers(60, 196, (count, 3, 3), np.uint8)
        colors[:, 1:] = np.clip(
            colors[:, :1].astype(int) + rng.integers(-30, 30, (count, 2, 3)), 0, 255
        )
        pixels, uv = color_atlas(colors)
        height, width = pixels.shape[:2]
        weight = rng.dirichlet([1, 1, 1], count)
        place = np.einsum("fk,fki->fi", weight, uv)
        x, y = place[:, 0] * width - 0.5, (1 - place[:, 1]) * height - 0.5
        i, j = np.floor(x + 1e-9).astype(int), np.floor(y + 1e-9).astype(int)
        fx, fy = (x - i)[:, None], (y - j)[:, None]

        def at(row, column):
            return pixels[np.clip(row, 0, height - 1), np.clip(column, 0, width - 1)].astype(float)

        seen = (1 - fy) * ((1 - fx) * at(j, i) + fx * at(j, i + 1)) + fy * (
            (1 - fx) * at(j + 1, i) + fx * at(j + 1, i + 1)
        )
        assert np.abs(seen - np.einsum("fk,fkc->fc", weight, colors)).max() < 1e-6

    def test_obj_materials_become_parts(self, tmp_path):
        (tmp_path / "two.mtl").write_text(
            "newmtl red\nKd 0.8 0.1 0.1\nNs 0\nnewmtl shiny\nKd 0.2 0.2 0.2\nPr 0.1\nPm 1\n"
        )
        (tmp_path / "two.obj").write_text(
            "mtllib two.mtl\nv 0 0 0\nv 1 0 0\nv 1 1 0\nv 0 1 0\nv 0 0 1\n"
            "usemtl red\nf 1 2 3 4\nusemtl shiny\nf 1 2 5\n"
        )
        parts = load_parts(tmp_path / "two.obj")
        assert sorted(len(part.mesh.faces) for part in parts) == [1, 2]
        red = next(part for part in parts if len(part.mesh.faces) == 2).surface
        shiny = next(part for part in parts if len(part.mesh.faces) == 1).surface
        assert red.color == pytest.approx([0.8, 0.1, 0.1]) and red.roughness == 1.0
        assert shiny.metallic == 1.0 and shiny.roughness == pytest.approx(0.1)

    def test_scenes_keep_their_places_and_share_materials(self, tmp_path):
        scene = trimesh.Scene()
        material = PBRMaterial(baseColorFactor=[255, 0, 0, 255])
        mesh = Box((0.1, 0.1, 0.1)).mesh()
        for k in range(4):
            solid = trimesh.Trimesh(mesh.vertices, mesh.faces, process=False)
            solid.visual = TextureVisuals(uv=mesh.uv, material=material)
            place = np.eye(4)
            place[:3, 3] = [k, 0, 0]
            scene.add_geometry(solid, transform=place)
        scene.export(tmp_path / "row.glb")
        parts = load_parts(tmp_path / "row.glb")
        assert len(parts) == 1 and len(parts[0].mesh.faces) == 48
        assert np.ptp(parts[0].mesh.bounds, axis=0) == pytest.approx([3.1, 0.1, 0.1])

    def test_mirrored_nodes_still_face_outwards(self, tmp_path):
        scene = trimesh.Scene()
        mesh = Torus().mesh()
        scene.add_geometry(
            trimesh.Trimesh(mesh.vertices, mesh.faces, process=False),
            transform=np.diag([-1.0, 1.0, 2.0, 1.0]),
        )
        scene.export(tmp_path / "mirror.glb")
        ring = whole(load_parts(tmp_path / "mirror.glb"))
        assert volume(ring) == pytest.approx(2 * volume(mesh), rel=1e-3)

    def test_normals_of_the_file_are_kept(self, tmp_path):
        mesh = Box(SIZE).mesh()
        bent = mesh.normals + np.float32(0.2)
        bent /= np.linalg.norm(bent, axis=1, keepdims=True)
        trimesh.Trimesh(mesh.vertices, mesh.faces, vertex_normals=bent, process=False).export(
            tmp_path / "bent.glb", include_normals=True
        )
        back = whole(load_parts(tmp_path / "bent.glb", up="z"))
        assert np.abs(np.sort(back.normals, axis=0) - np.sort(bent, axis=0)).max() < 1e-5
        trimesh.Trimesh(mesh.vertices, mesh.faces, vertex_normals=-bent, process=False).export(
            tmp_path / "wrong.glb", include_normals=True
        )
        right = whole(load_parts(tmp_path / "wrong.glb", up="z"))
        assert np.abs(np.abs(right.normals).max(axis=1) - 1).max() < 1e-5


class TestNodes:
    def test_a_mesh_file_is_a_value(self, tmp_path):
        path = exported(Box(SIZE), tmp_path / "box.stl")
        node = MeshFile(str(path), unit="cm", center="base")
        assert hash(node) == hash(MeshFile(str(path), unit="cm", center="base"))
        assert np.ptp(whole(node.parts()).bounds, axis=0) == pytest.approx(np.array(SIZE) / 100)

    @pytest.mark.parametrize(
        "change",
        [{"unit": "furlong"}, {"up": "x"}, {"scale": 0.0}, {"center": "top"}, {"path": ""}],
    )
    def test_options_that_are_none_are_refused(self, change):
        options = {"path": "it.obj", **change}
        with pytest.raises(SceneError, match=f"MeshFile.{next(iter(change))}"):
            MeshFile(**options).check()

    @pytest.mark.parametrize(("size", "words"), [(300.0, 'unit="mm"'), (0.0003, "only 0.0003")])
    def test_extents_no_thing_has_are_named(self, tmp_path, caplog, size, words):
        path = exported(Box((size, size, size)), tmp_path / "odd.stl")
        with caplog.at_level(logging.WARNING):
            load_parts(path)
        assert words in caplog.text and str(path) in caplog.text

    def test_ordinary_extents_are_not(self, tmp_path, caplog):
        load_parts(exported(Box(SIZE), tmp_path / "fine.stl"))
        assert caplog.text == ""


class TestProvenance:
    NAMES = tuple(f"cup-{k}" for k in range(400))

    def test_the_split_is_a_partition_near_its_share(self):
        train, held = split_assets(self.NAMES, 0.25, seed=Seed(3))
        assert sorted((*train, *held)) == sorted(self.NAMES)
        assert abs(len(held) - 100) < 4 * np.sqrt(400 * 0.25 * 0.75)

    def test_assets_do_not_move_when_others_come_or_order_changes(self):
        _, held = split_assets(self.NAMES, 0.25, seed=Seed(3))
        _, more = split_assets((*reversed(self.NAMES), "a", "b", "c"), 0.25, seed=Seed(3))
        assert set(more) - {"a", "b", "c"} == set(held)
        assert split_assets(self.NAMES, 0.25, seed=Seed(4))[1] != held

    @given(st.integers(2, 6), st.integers(0, 1000))
    def test_no_side_is_empty(self, count, number):
        train, held = split_assets(self.NAMES[:count], 0.2, seed=Seed(number))
        assert train and held

    def test_the_ends(self):
        assert split_assets(["a", "b"], 0.0, seed=Seed(1)) == (("a", "b"), ())
        assert split_assets(["a", "b"], 1.0, seed=Seed(1)) == ((), ("a", "b"))
        assert split_assets([], seed=Seed(1)) == ((), ())
        with pytest.raises(AssetError, match="twice"):
            split_assets(["a", "a"], seed=Seed(1))
        with pytest.raises(AssetError, match="share"):
            split_assets(["a"], 1.5, seed=Seed(1))

    def test_licences_are_found_beside_the_file(self, tmp_path):
        mesh = tmp_path / "cup.glb"
        assert licence_of(mesh) is None
        (tmp_path / "LICENSE.txt").write_text("\n  MIT License\n\nCopyright ...")
        assert licence_of(mesh) == "MIT License"
        Path(f"{mesh}.license").write_text("# SPDX-License-Identifier: CC0-1.0\n")
        assert licence_of(str(mesh)) == "CC0-1.0"
        assert licence_of(tmp_path / "missing" / "cup.glb") is None
