"""The peer of the renderers, bpy: its environment, and the numbers of frames that go there."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from install_peers import is_ready, python_of
from numpy.typing import NDArray
from reference_scene import frame

from abbild.core import atomically
from abbild.images.stage import Mesh, Panel, Stage, View

HERE = Path(__file__).resolve().parent
NAME = "bpy"

Settings = Mapping[str, str | int | float]


def is_there() -> bool:
    """Say whether the peer is installed."""
    return is_ready(NAME)


def write_frames(path: Path, count: int) -> None:
    """Write pictures 0 to `count` of the reference scene as numbers."""
    stages = [frame(index, 64) for index in range(count)]
    models: dict[int, tuple[int, Mesh]] = {}
    for body in stages[0][0].bodies:
        mesh = body.parts[0].mesh
        models.setdefault(id(mesh), (len(models), mesh))
    numbers: dict[str, NDArray[np.generic]] = {
        "models": np.array([models[id(b.parts[0].mesh)][0] for b in stages[0][0].bodies])
    }
    for k, mesh in models.values():
        for name in ("vertices", "faces", "normals", "uv"):
            numbers[f"{name}{k}"] = getattr(mesh, name)
    each = [_numbers(stage, view) for stage, view in stages]
    numbers |= {name: np.stack([one[name] for one in each]) for name in each[0]}
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomically(path) as part, part.open("wb") as file:
        np.savez(file, **numbers)


def _numbers(stage: Stage, view: View) -> dict[str, NDArray[np.generic]]:
    """Return what changes from picture to picture."""
    surfaces = [body.parts[0].surface for body in stage.bodies]
    (panel,) = stage.lamps
    assert isinstance(panel, Panel)
    return {
        "matrices": np.stack([body.matrix for body in stage.bodies]),
        "colors": np.stack([np.zeros(3), *(surface.color for surface in surfaces[1:])]),
        "roughness": np.array([surface.roughness for surface in surfaces]),
        "metallic": np.array([surface.metallic for surface in surfaces]),
        "tiles": np.asarray(surfaces[0].color),
        "sky": stage.environment.radiance,
        "panel": panel.matrix,
        "panel_radiance": panel.radiance,
        "camera": view.matrix,
    }


def command(frames: Path, settings: Settings) -> list[str]:
    """Return the command of one process of the peer."""
    given = [f"--{name}={value}" for name, value in settings.items()]
    return [str(python_of(NAME)), str(HERE / "render_blender.py"), str(frames), *given]


def pictures(frames: Path, folder: Path, settings: Settings) -> Sequence[dict[str, NDArray]]:
    """Return the first two pictures by the peer, made once and kept in `folder`."""
    if not (folder / "1.npz").exists():
        subprocess.run(
            command(frames, {**settings, "keep": str(folder)}),
            check=True,
            stdout=subprocess.DEVNULL,
        )
    return [dict(np.load(folder / f"{number}.npz")) for number in range(2)]
