"""Files that are broken, huge or malicious: one sentence each, nothing read that is not ours."""

import json
import logging
import struct
import zipfile

import numpy as np
import pytest
import trimesh
from PIL import Image

from abbild.images.asset_files import load_parts
from abbild.images.errors import AssetError
from abbild.images.meshes import area, merge
from abbild.images.shapes import Box

TRIANGLE = "v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n"


def refused(path, words, **options):
    with pytest.raises(AssetError) as caught:
        load_parts(path, **options)
    message = caught.value.args[0]
    assert words in message and path.name in message and "\n" not in message
    return caught.value


def written(path, content):
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def ply(vertices, faces, say=(None, None)):
    count = [len(vertices) if say[0] is None else say[0], len(faces) if say[1] is None else say[1]]
    head = (
        f"ply\nformat ascii 1.0\nelement vertex {count[0]}\nproperty float x\nproperty float y\n"
        f"property float z\nelement face {count[1]}\nproperty list uchar int vertex_indices\n"
        "end_header\n"
    )
    rows = [" ".join(map(str, v)) for v in vertices] + [f"3 {a} {b} {c}" for a, b, c in faces]
    return head + "\n".join(rows) + "\n"


def gltf(**change):
    points = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0]], "<f4").tobytes()
    tree = {
        "asset": {"version": "2.0"},
        "buffers": [{"byteLength": len(points)}],
        "bufferViews": [{"buffer": 0, "byteLength": len(points)}],
        "accessors": [{"bufferView": 0, "componentType": 5126, "count": 3, "type": "VEC3"}],
        "meshes": [{"primitives": [{"attributes": {"POSITION": 0}}]}],
        "nodes": [{"mesh": 0}],
        "scenes": [{"nodes": [0]}],
        "scene": 0,
    }
    tree.update(change)
    return tree, points


def glb(tree, data):
    text = json.dumps(tree).encode()
    text += b" " * (-len(text) % 4)
    total = 28 + len(text) + len(data)
    head = struct.pack("<4sIIII", b"glTF", 2, total, len(text), 0x4E4F534A)
    return head + text + struct.pack("<II", len(data), 0x004E4942) + data


class TestWhatIsNoMesh:
    @pytest.mark.parametrize("kind", ["obj", "ply", "stl", "glb", "gltf", "zip"])
    def test_missing_empty_and_folders(self, tmp_path, kind):
        refused(tmp_path / f"none.{kind}", "there is no file")
        refused(written(tmp_path / f"empty.{kind}", b""), "is empty")
        (tmp_path / f"dir.{kind}").mkdir()
        refused(tmp_path / f"dir.{kind}", "folder")

    @pytest.mark.parametrize("kind", ["obj", "ply", "stl", "glb", "gltf", "zip"])
    @pytest.mark.parametrize(
        "noise", [b"hello world\n" * 40, bytes(range(256)) * 8, b"\xff\xfe" * 99]
    )
    def test_noise(self, tmp_path, kind, noise):
        refused(written(tmp_path / f"noise.{kind}", noise), "")

    def test_other_kinds_are_named(self, tmp_path):
        error = refused(written(tmp_path / "it.fbx", b"Kaydara"), "no mesh file that is read")
        assert "glb" in error.hint

    def test_points_and_nothing_flat(self, tmp_path):
        refused(written(tmp_path / "p.obj", "v 0 0 0\nv 1 1 1\n"), "no faces")
        refused(written(tmp_path / "p.ply", ply([(0, 0, 0)] * 4, [])), "4 vertices and 0 faces")
        flat = "v 0 0 0\nv 1 1 1\nv 2 2 2\nf 1 2 3\nf 1 1 2\n"
        refused(written(tmp_path / "flat.obj", flat), "area")
        same = ply([(1, 1, 1)] * 3, [(0, 1, 2)])
        refused(written(tmp_path / "same.ply", same), "area")

    @pytest.mark.parametrize("bad", ["nan", "inf"])
    def test_numbers_that_are_none(self, tmp_path, bad):
        text = ply([(0, 0, 0), (1, 0, bad), (0, 1, 0), (1, 1, 1)], [(0, 1, 2), (0, 2, 3)])
        refused(written(tmp_path / "n.ply", text), "1 of 4 vertices that are NaN or infinite")
        refused(written(tmp_path / "n.obj", TRIANGLE.replace("1 0 0", f"1 {bad} 0")), "")

    def test_unused_bad_vertices_do_not_matter(self, tmp_path):
        text = ply([(0, 0, 0), (1, 0, 0), (0, 1, 0), ("nan", 1, 1)], [(0, 1, 2)])
        assert len(load_parts(written(tmp_path / "n.ply", text))) == 1

    def test_faces_of_vertices_that_are_not_there(self, tmp_path):
        refused(written(tmp_path / "f.ply", ply([(0, 0, 0)] * 3, [(0, 1, 7)])), "")
        refused(written(tmp_path / "f.obj", TRIANGLE + "f 1 2 9\n"), "")
        tree, data = gltf()
        tree["meshes"][0]["primitives"][0]["attributes"]["POSITION"] = 4
        refused(written(tmp_path / "f.glb", glb(tree, data)), "not valid glTF")

    def test_degenerate_faces_are_dropped_from_sound_meshes(self, tmp_path):
        box = Box().mesh()
        faces = np.vstack([box.faces, box.faces[:5, [0, 0, 1]]])
        trimesh.Trimesh(box.vertices, faces, process=False).export(tmp_path / "d.ply")
        mesh = merge(part.mesh for part in load_parts(tmp_path / "d.ply"))
        assert len(mesh.faces) == 12 and area(mesh) == pytest.approx(6)

    def test_far_away(self, tmp_path):
        text = TRIANGLE.replace("1 0 0", "1e9 0 0")
        refused(written(tmp_path / "far.obj", text), "metres from its origin")


class TestCutOff:
    @pytest.mark.parametrize("kind", ["glb", "ply", "stl"])
    def test_any_cut_is_one_error(self, tmp_path, kind):
        mesh = Box().mesh()
        trimesh.Trimesh(mesh.vertices, mesh.faces, process=False).export(tmp_path / f"w.{kind}")
        content = (tmp_path / f"w.{kind}").read_bytes()
        for share in (0.02, 0.3, 0.6, 0.95):
            cut = content[: max(int(len(content) * share), 1)]
            refused(written(tmp_path / f"cut-{share}.{kind}", cut), "")

    def test_a_cut_glb_says_so(self, tmp_path):
        content = glb(*gltf())
        refused(written(tmp_path / "c.glb", content[:-9]), "is cut off")
        refused(written(tmp_path / "v.glb", content[:4] + b"\x01" + content[5:]), "glTF 1")

    def test_a_broken_number_does_not_end_a_list_silently(self, tmp_path):
        text = "v 0 0 0\nv 1 0 0\nv 0 1 0\nv 0 0 x1\nf 1 2 3\nf 1 2 4\n"
        refused(written(tmp_path / "b.obj", text), "")


class TestTooLarge:
    def test_faces_are_counted_before_anything_is_unpacked(self, tmp_path):
        triangle = struct.pack("<12fH", *[0.0] * 3, *[0, 0, 0, 1, 0, 0, 0, 1, 0], 0)
        stl = bytes(80) + struct.pack("<I", 30) + 30 * triangle
        error = refused(
            written(tmp_path / "m.stl", stl), "has 30 faces, more than 20", max_faces=20
        )
        assert "reduce" in error.hint
        obj = "v 0 0 0\nv 1 0 0\nv 0 1 0\n" + "f 1 2 3\n" * 30
        refused(written(tmp_path / "m.obj", obj), "30 faces", max_faces=20)

    def test_ten_million_faces_in_a_head(self, tmp_path):
        text = ply([(0, 0, 0)] * 3, [(0, 1, 2)], say=(3, 10_000_000))
        refused(written(tmp_path / "m.ply", text), "10,000,000 faces")
        tree, data = gltf()
        tree["accessors"][0]["count"] = 30_000_000
        refused(written(tmp_path / "m.glb", glb(tree, data)), "10,000,000 faces")
        tree["accessors"][0]["count"] = 10**15
        refused(written(tmp_path / "h.glb", glb(tree, data)), "values")

    def test_instances_count_too(self, tmp_path):
        tree, data = gltf()
        tree["nodes"] = [{"mesh": 0} for _ in range(50)]
        tree["scenes"] = [{"nodes": list(range(50))}]
        path = written(tmp_path / "many.glb", glb(tree, data))
        assert sum(len(part.mesh.faces) for part in load_parts(path)) == 50
        refused(path, "faces, more than 20", max_faces=20)


class TestWhatLiesOutside:
    @pytest.fixture
    def secret(self, tmp_path):
        (tmp_path / "secret.png").parent.mkdir(exist_ok=True)
        Image.new("RGB", (2, 2), "red").save(tmp_path / "secret.png")
        (tmp_path / "secret.mtl").write_text("newmtl m\nKd 1 0 0\n")
        inside = tmp_path / "assets"
        inside.mkdir()
        return inside

    def obj(self, folder, mtl="it.mtl", texture=None):
        if texture is not None:
            (folder / "it.mtl").write_text(f"newmtl m\nmap_Kd {texture}\n")
        text = f"mtllib {mtl}\nusemtl m\nvt 0 0\nvt 1 0\nvt 0 1\n"
        return written(folder / "it.obj", text + TRIANGLE.replace("1 2 3", "1/1 2/2 3/3"))

    @pytest.mark.parametrize(
        "name",
        ["../secret.png", "a/../../secret.png", "..\\secret.png", "/etc/passwd", "C:\\x.png"],
    )
    def test_textures(self, secret, name):
        refused(self.obj(secret, texture=name), "outside of its folder")

    @pytest.mark.parametrize("name", ["../secret.mtl", "../../etc/passwd", "/etc/passwd"])
    def test_material_files(self, secret, name):
        refused(self.obj(secret, mtl=name), "outside of its folder")

    def test_links(self, secret):
        try:
            (secret / "link.png").symlink_to(secret.parent / "secret.png")
        except OSError:
            pytest.skip("this system makes no links")
        refused(self.obj(secret, texture="link.png"), "outside of its folder")

    @pytest.mark.parametrize("uri", ["../secret.png", "%2e%2e/secret.png", "file:///etc/passwd"])
    def test_gltf(self, secret, uri):
        tree, data = gltf()
        tree["buffers"][0]["uri"] = uri
        tree["bufferViews"][0]["byteLength"] = len(data)
        refused(written(secret / "it.gltf", json.dumps(tree)), "outside of its folder")
        tree, data = gltf(
            images=[{"uri": uri}],
            textures=[{"source": 0}],
            materials=[{"pbrMetallicRoughness": {"baseColorTexture": {"index": 0}}}],
        )
        tree["meshes"][0]["primitives"][0]["material"] = 0
        refused(written(secret / "it.glb", glb(tree, data)), "outside of its folder")

    def test_a_way_back_into_the_folder_is_fine(self, secret):
        (secret / "sub").mkdir()
        Image.new("RGB", (2, 2), "blue").save(secret / "it.png")
        (part,) = load_parts(self.obj(secret, texture="sub/../IT.png"))
        assert (part.surface.color == (0, 0, 255)).all()

    def test_archives(self, tmp_path):
        Image.new("RGB", (2, 2), "blue").save(tmp_path / "it.png")
        obj = "mtllib it.mtl\nusemtl m\nvt 0 0\nvt 1 0\nvt 0 1\n" + TRIANGLE.replace(
            "1 2 3", "1/1 2/2 3/3"
        )
        with zipfile.ZipFile(tmp_path / "good.zip", "w") as archive:
            archive.writestr("model/it.obj", obj)
            archive.writestr("model/it.mtl", "newmtl m\nmap_Kd -s 1 1 1 it.png\n")
            archive.write(tmp_path / "it.png", "model/it.png")
        (part,) = load_parts(tmp_path / "good.zip")
        assert (part.surface.color == (0, 0, 255)).all()
        for bad in ("../it.obj", "/it.obj", "a\\..\\..\\it.obj"):
            with zipfile.ZipFile(tmp_path / "bad.zip", "w") as archive:
                archive.writestr("it.obj", obj)
                archive.writestr(bad, obj)
            refused(tmp_path / "bad.zip", "leads out of the archive")

    def test_archives_hold_one_mesh(self, tmp_path):
        for names, words in ((["a.obj", "b.obj"], "holds 2"), (["readme.txt"], "holds 0")):
            with zipfile.ZipFile(tmp_path / f"{len(names)}.zip", "w") as archive:
                for name in names:
                    archive.writestr(name, TRIANGLE)
            refused(tmp_path / f"{len(names)}.zip", words)

    def test_damaged_archives(self, tmp_path):
        with zipfile.ZipFile(tmp_path / "z.zip", "w") as archive:
            archive.writestr("it.obj", TRIANGLE)
        content = bytearray((tmp_path / "z.zip").read_bytes())
        content[40] ^= 0xFF
        refused(written(tmp_path / "flipped.zip", bytes(content)), "")


class TestTextures:
    def part(self, folder, texture):
        (folder / "it.mtl").write_text(f"newmtl m\nKd 0.1 0.1 0.9\nmap_Kd {texture}\n")
        text = "mtllib it.mtl\nusemtl m\nvt 0 0\nvt 1 0\nvt 0 1\n"
        path = written(folder / "it.obj", text + TRIANGLE.replace("1 2 3", "1/1 2/2 3/3"))
        return load_parts(path)[0]

    def test_missing_ones_are_logged_and_a_plain_colour_is_shown(self, tmp_path, caplog):
        with caplog.at_level(logging.WARNING):
            part = self.part(tmp_path, "gone.png")
        assert part.surface.color.shape == (3,)
        assert "'gone.png', which is not there" in caplog.text

    @pytest.mark.parametrize("content", [b"", b"not a picture", b"\x89PNG\r\n\x1a\n" + bytes(40)])
    def test_damaged_ones_too(self, tmp_path, content, caplog):
        (tmp_path / "bad.png").write_bytes(content)
        with caplog.at_level(logging.WARNING):
            part = self.part(tmp_path, "bad.png")
        assert part.surface.color.shape == (3,)
        assert "'bad.png', which is damaged" in caplog.text

    def test_a_texture_cut_in_the_middle(self, tmp_path, caplog):
        noise = np.random.default_rng(1).integers(0, 256, (64, 64, 3), np.uint8)
        Image.fromarray(noise).save(tmp_path / "cut.png")
        content = (tmp_path / "cut.png").read_bytes()
        (tmp_path / "cut.png").write_bytes(content[: len(content) // 2])
        with caplog.at_level(logging.WARNING):
            part = self.part(tmp_path, "cut.png")
        assert part.surface.color.shape == (3,) and "damaged" in caplog.text

    def test_broken_materials_do_not_break_the_mesh(self, tmp_path):
        tree, data = gltf(
            materials=[
                {
                    "pbrMetallicRoughness": {
                        "baseColorFactor": ["red"],
                        "roughnessFactor": None,
                        "baseColorTexture": {"index": 7},
                    },
                    "emissiveFactor": [0.5],
                }
            ]
        )
        tree["meshes"][0]["primitives"][0]["material"] = 0
        path = written(tmp_path / "m.glb", glb(tree, data))
        try:
            (part,) = load_parts(path)
        except AssetError as error:
            assert "m.glb" in str(error)
        else:
            assert np.isfinite(part.surface.color).all()


class TestSolids:
    """STL, whose binary form has no mark of its own."""

    @pytest.fixture
    def whole(self, tmp_path):
        path = tmp_path / "m.stl"
        trimesh.creation.box().export(path)
        return path

    @pytest.mark.parametrize("cut", [1, 50, 100, 500])
    def test_one_that_is_cut_off_says_how_much_is_missing(self, whole, cut):
        whole.write_bytes(whole.read_bytes()[:-cut])
        refused(whole, "says 12 faces, which take 684 bytes, but has only")

    def test_what_stands_behind_the_faces_is_passed_over(self, whole):
        faces = load_parts(whole)[0].mesh.faces
        whole.write_bytes(whole.read_bytes() + b"made with a program")
        assert np.array_equal(load_parts(whole)[0].mesh.faces, faces)

    @pytest.mark.parametrize("content", [bytes(500), b"hello", b"solid x\nendsolid x\n" * 10])
    def test_what_is_none_has_no_faces(self, tmp_path, content):
        path = written(tmp_path / "m.stl", content)
        with pytest.raises(AssetError) as told:
            load_parts(path)
        assert "charset" not in str(told.value)

    def test_text_is_read(self, tmp_path):
        text = trimesh.creation.box().export(file_type="stl_ascii")
        assert len(load_parts(written(tmp_path / "m.stl", text))[0].mesh.faces) == 12
        loud = written(tmp_path / "n.stl", text.upper())
        assert len(load_parts(loud)[0].mesh.faces) == 12


def test_an_archive_that_unpacks_to_a_thousand_times_its_size_is_refused(tmp_path):
    path = tmp_path / "m.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("m.stl", bytes(101_000_000))
    assert "times" in refused(path, "unpacks to 101,000,000 bytes").args[0]
