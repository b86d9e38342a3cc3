"""Pictures of the reference scene by Blender; runs in the environment of `peers/bpy.txt` only.

Blender is under the GPL, version 3 or later: it is a program of its own, started as a process and
spoken to through files; nothing of ours imports it. It reads the numbers of all frames from one
file (`blender.py` writes it), builds meshes and nodes once, and changes for every picture only what
changed: poses, materials, the pixels of the ground and of the sky, lamp and camera.

Labels are what its passes hold: z, normals, object indices. Silhouettes of what is hidden, boxes
and poses it does not give.
"""

from __future__ import annotations

import argparse
import math
import tempfile
from pathlib import Path
from typing import Any

import bpy
import numpy as np
import OpenEXR
from mathutils import Matrix
from starting_gun import Clock, race

FLIP = np.diag([1.0, -1.0, -1.0, 1.0])  # looks along -z with y up; lamps shine along -z
PASSES = {"z": "Depth.Z", "ids": "Object Index.X"}


class Scene:
    """The reference scene in Blender, moved from frame to frame."""

    def __init__(self, path: Path, options: argparse.Namespace) -> None:
        with np.load(path) as file:
            self.numbers = {name: file[name] for name in file.files}
        bpy.ops.wm.read_factory_settings(use_empty=True)
        self.scene = bpy.context.scene
        self.count = self.numbers["matrices"].shape[1]
        self.objects = [self._object(k) for k in range(self.count)]
        self.tiles, self.sky = self._ground(), self._world(options.sky_map)
        self.lamp = self._lamp()
        self.camera = self._camera()
        memory = Path("/dev/shm")  # a disk in memory, where there is one
        self.folder = tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None)
        self.file = str(Path(self.folder.name) / "picture.exr")
        self._settings(options)

    def _object(self, k: int) -> Any:
        of = int(self.numbers["models"][k])
        vertices, faces, normals, uv = (
            self.numbers[f"{name}{of}"] for name in ("vertices", "faces", "normals", "uv")
        )
        mesh = bpy.data.meshes.get(f"model{of}")
        if mesh is None:
            mesh = bpy.data.meshes.new(f"model{of}")
            mesh.from_pydata(vertices, [], faces)
            mesh.polygons.foreach_set("use_smooth", np.ones(len(faces), bool))
            mesh.normals_split_custom_set_from_vertices(normals)
            mesh.uv_layers.new().data.foreach_set("uv", uv[faces.ravel()].ravel())
            mesh.materials.append(None)
            mesh.update()
        thing = bpy.data.objects.new(f"object{k}", mesh)
        thing.pass_index = k + 1
        self.scene.collection.objects.link(thing)
        material = bpy.data.materials.new(f"material{k}")
        thing.material_slots[0].link = "OBJECT"  # meshes are shared, materials are not
        thing.material_slots[0].material = material
        return thing

    def _principled(self, k: int) -> Any:
        return self.objects[k].material_slots[0].material.node_tree.nodes["Principled BSDF"]

    def _ground(self) -> Any:
        tree = self.objects[0].material_slots[0].material.node_tree
        texture = tree.nodes.new("ShaderNodeTexImage")
        tree.links.new(texture.outputs["Color"], self._principled(0).inputs["Base Color"])
        return texture

    def _world(self, columns: int) -> Any:
        world = bpy.data.worlds.new("world")
        texture = world.node_tree.nodes.new("ShaderNodeTexEnvironment")
        shine = world.node_tree.nodes["Background"]
        world.node_tree.links.new(texture.outputs["Color"], shine.inputs["Color"])
        if columns:
            world.cycles.sampling_method = "MANUAL"
            world.cycles.sample_map_resolution = columns
        self.scene.world = world
        return texture

    def _lamp(self) -> Any:
        light = bpy.data.lights.new("panel", "AREA")
        light.shape, light.size = "SQUARE", 1.0
        lamp = bpy.data.objects.new("panel", light)
        lamp.visible_camera = False
        self.scene.collection.objects.link(lamp)
        return lamp

    def _camera(self) -> Any:
        camera = bpy.data.objects.new("camera", bpy.data.cameras.new("camera"))
        camera.data.angle = math.radians(45)
        self.scene.collection.objects.link(camera)
        self.scene.camera = camera
        return camera

    def _settings(self, options: argparse.Namespace) -> None:
        render, image = self.scene.render, self.scene.render.image_settings
        render.resolution_x = render.resolution_y = options.size
        render.resolution_percentage = 100
        render.threads_mode, render.threads = "FIXED", options.threads
        render.use_persistent_data = True
        render.filepath = self.file
        image.media_type = "MULTI_LAYER_IMAGE"
        image.file_format, image.color_depth = "OPEN_EXR_MULTILAYER", "32"
        image.exr_codec = "NONE"
        render.engine = options.engine
        layer = bpy.context.view_layer
        layer.use_pass_z = layer.use_pass_normal = layer.use_pass_object_index = True
        if options.engine == "CYCLES":
            _cycles(self.scene.cycles, options)
        elif options.engine == "BLENDER_EEVEE":
            self.scene.eevee.taa_render_samples = options.samples
        else:
            self.scene.display.shading.color_type = "MATERIAL"

    def show(self, frame: int) -> None:
        """Give everything the numbers of a frame."""
        given = {name: value[frame] for name, value in self.numbers.items() if name in CHANGING}
        for k, thing in enumerate(self.objects):
            thing.matrix_world = Matrix(given["matrices"][k])
            inputs = self._principled(k).inputs
            if k:
                inputs["Base Color"].default_value = (*given["colors"][k], 1.0)
            inputs["Roughness"].default_value = given["roughness"][k]
            inputs["Metallic"].default_value = given["metallic"][k]
        _paint(self.tiles, given["tiles"].astype(np.float32) / 255, is_linear=False)
        _paint(self.sky, given["sky"], is_linear=True)
        self.lamp.matrix_world = Matrix(given["panel"] @ FLIP)
        power = given["panel_radiance"]
        # a square of 1 m2 with `energy` watt has the radiance energy / (pi m2)
        self.lamp.data.energy = math.pi * float(power.max())
        self.lamp.data.color = power / power.max()
        self.camera.matrix_world = Matrix(given["camera"] @ FLIP)
        self.scene.cycles.seed = frame

    def picture(self) -> dict[str, np.ndarray]:
        """Render what is shown; radiance (h, w, 3), and the passes."""
        bpy.ops.render.render(write_still=True)
        with OpenEXR.File(self.file, separate_channels=True) as file:
            channels = {
                name.partition(".")[2]: channel.pixels
                for part in file.parts  # one for each pass
                for name, channel in part.channels.items()
            }
        found = {"rgb": np.stack([channels[f"Combined.{c}"] for c in "RGB"], axis=2)}
        if "Normal.X" in channels:  # Workbench has none
            found["normal"] = np.stack([channels[f"Normal.{c}"] for c in "XYZ"], axis=2)
        return found | {name: channels[of] for name, of in PASSES.items() if of in channels}


CHANGING = (
    "matrices", "colors", "roughness", "metallic", "tiles", "sky", "panel", "panel_radiance",
    "camera",
)  # fmt: skip


def _cycles(cycles: Any, options: argparse.Namespace) -> None:
    """As many bounces, and a pixel as wide, as ours."""
    cycles.device, cycles.samples = "CPU", options.samples
    cycles.use_adaptive_sampling = False  # pays from hundreds of samples on
    cycles.max_bounces = cycles.diffuse_bounces = cycles.glossy_bounces = 3
    cycles.pixel_filter_type, cycles.filter_width = "BOX", 1.0
    cycles.use_auto_tile = False
    cycles.use_denoising = bool(options.denoise)
    if options.denoise:
        cycles.denoiser = "OPENIMAGEDENOISE"
        cycles.denoising_quality = options.denoise
        cycles.denoising_prefilter = options.prefilter
        cycles.denoising_input_passes = "RGB_ALBEDO_NORMAL"
    else:  # a reference: nothing is cut off
        cycles.sample_clamp_indirect = 0.0


def _paint(texture: Any, pixels: np.ndarray, *, is_linear: bool) -> None:
    """Show new pixels, (h, w, 3) with row 0 on top, by a texture node.

    The image is a new one: Cycles keeps the old pixels of one that changed (persistent data).
    """
    height, width = pixels.shape[:2]
    whole = np.ones((height, width, 4), np.float32)
    whole[..., :3] = pixels[::-1]
    before = texture.image
    texture.image = bpy.data.images.new("pixels", width, height, float_buffer=is_linear)
    texture.image.pixels.foreach_set(whole.ravel())
    if before is not None:
        bpy.data.images.remove(before)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("frames", type=Path)
    parser.add_argument("--size", type=int, required=True)
    parser.add_argument("--engine", default="CYCLES", help="or BLENDER_EEVEE, BLENDER_WORKBENCH")
    parser.add_argument("--samples", type=int, default=4)
    parser.add_argument("--denoise", default="FAST", help="quality of the denoiser, or '' for none")
    parser.add_argument("--prefilter", default="FAST")
    parser.add_argument("--sky-map", type=int, default=128, help="0: Blender's own choice, slow")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--keep", type=Path, help="folder for the first two pictures as arrays")
    options = parser.parse_args()
    scene = Scene(options.frames, options)
    total = len(scene.numbers["camera"])

    def take(number: int) -> dict[str, np.ndarray]:
        scene.show((options.first + number) % total)
        return scene.picture()

    def work() -> dict[str, Any]:
        walls, cpus = [], []
        while sum(walls) < options.seconds:
            clock = Clock()
            take(len(walls))
            wall, cpu = clock()
            walls.append(wall)
            cpus.append(cpu)
        return {"wall": walls, "cpu": cpus}

    if options.keep:
        options.keep.mkdir(parents=True, exist_ok=True)
        for number in range(2):
            path = options.keep / f"{number}.npz"
            if not path.exists():  # a reference takes many minutes
                np.savez(path, **take(number))
        return
    race(lambda: [take(k) for k in range(2)], work)


if __name__ == "__main__":
    main()
