"""What the engines see: meshes, surfaces, bodies, lights and a view, all of them numbers.

A scene (`scene`) is what a user writes and may hold distributions; a stage is one drawn scene
with its geometry made. Conventions, fixed once for everything that touches a stage:

* metres, seconds, radians; the world is right-handed with z up;
* a camera looks along its +z, x is right and y is down (OpenCV); pixel (column i, row j) has its
  centre at (i + 0.5, j + 0.5), which is what the intrinsics map to;
* ``matrix`` maps points of the body to the world, (4, 4) float64, affine: ``world = matrix @ p``;
* colours are linear with sRGB primaries as floats; uint8 textures are sRGB encoded, row 0 on top,
  and v of a texture coordinate grows upwards (v = 1 is row 0);
* body id 0 is "nothing"; ids count from 1 in the order of the bodies.

Meshes and surfaces that two stages share are the same objects, so that engines may keep what they
built for one (acceleration structures, textures) under its identity.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "Body",
    "Bulb",
    "Environment",
    "Fog",
    "Lamp",
    "Mesh",
    "Panel",
    "Part",
    "Sensor",
    "Stage",
    "Sun",
    "Surface",
    "View",
]

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Mesh:
    """Triangles with shading normals and texture coordinates, in the body's own frame.

    Vertices at hard edges are split, so that one normal for each vertex is enough.

    Attributes
    ----------
    vertices : (v, 3) float32, metres
    faces : (f, 3) int32, counter-clockwise seen from outside
    normals : (v, 3) float32, unit length
    uv : (v, 2) float32
    """

    vertices: Singles
    faces: NDArray[np.int32]
    normals: Singles
    uv: Singles

    @cached_property
    def bounds(self) -> Floats:
        """Smallest and largest corner, (2, 3)."""
        return np.stack([self.vertices.min(axis=0), self.vertices.max(axis=0)]).astype(np.float64)


@dataclass(frozen=True, eq=False)
class Surface:
    """How a part of a body looks; the principled model of Burley (2012), the parts we need.

    Attributes
    ----------
    color : base colour; (3,) float32 linear in [0, 1], or a texture (h, w, 3) uint8 sRGB
    roughness : [0, 1], or a texture (h, w) uint8
    metallic : [0, 1], or a texture (h, w) uint8
    specular : [0, 1]; 0.5 is an index of refraction of 1.5
    emission : (3,) float32 linear radiance
    normal_map : (h, w, 3) uint8 tangent-space normals, or None
    absorption : (3,) float32 per metre, for transmitted light in a `View` with ``bright_field``
    index_excess : of refraction over that of the medium around, for the same views
    smooth_texture : whether textures are interpolated (else nearest)
    """

    color: Singles | NDArray[np.uint8]
    roughness: float | NDArray[np.uint8] = 0.5
    metallic: float | NDArray[np.uint8] = 0.0
    specular: float = 0.5
    emission: Singles = field(default_factory=lambda: np.zeros(3, np.float32))
    normal_map: NDArray[np.uint8] | None = None
    absorption: Singles = field(default_factory=lambda: np.zeros(3, np.float32))
    index_excess: float = 0.0
    smooth_texture: bool = True


@dataclass(frozen=True, eq=False)
class Part:
    """A mesh with one surface."""

    mesh: Mesh
    surface: Surface


@dataclass(frozen=True, eq=False)
class Body:
    """A thing that is labelled as one; its id is its place in the stage, from 1.

    Attributes
    ----------
    name : path of the object in the scene, such as "cups/3"; unique
    label : category, "" for what is not annotated (ground, poles, distractors without a class)
    parts : all of them move together
    matrix : (4, 4) float64, world from body; rotation, scale and place
    keypoints : name to (3,) point in the body's frame
    attributes : free values that go to the annotations
    """

    name: str
    label: str
    parts: tuple[Part, ...]
    matrix: Floats
    keypoints: Mapping[str, Floats] = field(default_factory=dict)
    attributes: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def bounds(self) -> Floats:
        """Box around all parts in the body's own frame, (2, 3)."""
        each = np.stack([part.mesh.bounds for part in self.parts])
        return np.stack([each[:, 0].min(axis=0), each[:, 1].max(axis=0)])


@dataclass(frozen=True, eq=False)
class Sun:
    """A distant light.

    Attributes
    ----------
    direction : (3,) unit vector from the scene towards the light
    irradiance : (3,) linear, on a surface that faces it
    angle : angular diameter, radians; the real sun has 0.0093
    """

    direction: Floats
    irradiance: Floats
    angle: float = 0.0093


@dataclass(frozen=True, eq=False)
class Panel:
    """A rectangle that shines from one side.

    Attributes
    ----------
    matrix : (4, 4) world from panel; it spans x and y in [-0.5, 0.5] and shines along +z
    radiance : (3,) linear
    """

    matrix: Floats
    radiance: Floats


@dataclass(frozen=True, eq=False)
class Bulb:
    """A small sphere that shines in all directions, or into a cone.

    Attributes
    ----------
    position : (3,) metres
    intensity : (3,) linear radiant intensity
    radius : metres; decides how soft the shadows are
    direction : (3,) unit axis of the cone
    cone : half angle, radians; pi is no cone
    """

    position: Floats
    intensity: Floats
    radius: float = 0.02
    direction: Floats = field(default_factory=lambda: np.array([0.0, 0.0, -1.0]))
    cone: float = float(np.pi)


Lamp = Sun | Panel | Bulb


@dataclass(frozen=True, eq=False)
class Environment:
    """Light from all around, and what is seen where no body is.

    Attributes
    ----------
    radiance : (h, 2 h, 3) float32 linear; row 0 looks up (+z), the middle column looks along +x,
        columns to the left of it turn towards +y
    backdrop : (h, w, 3) uint8 sRGB photograph behind everything, scaled to cover the image; it
        gives no light. None shows `radiance`
    """

    radiance: Singles
    backdrop: NDArray[np.uint8] | None = None


@dataclass(frozen=True, eq=False)
class Fog:
    """Air that scatters: ``seen = surface * t + color * (1 - t)``, t = exp(-density distance)."""

    color: Singles
    density: float


@dataclass(frozen=True, eq=False)
class Sensor:
    """How radiance becomes a picture; every effect is off at its default.

    Attributes
    ----------
    exposure : factor on radiance before the tone curve; 0 chooses it so that the mean is grey
    gain_noise : standard deviation of signal-independent noise, in units of white
    shot_noise : electrons at white are 1 / shot_noise**2; 0 is none
    vignetting : share of light lost in the corners, [0, 1]
    blur : standard deviation of a Gaussian blur, pixels
    motion : (2,) linear motion blur, pixels along x and y (camera shake)
    white_balance : (3,) factors
    saturation, contrast, gamma : 1 leaves them
    sharpen : how strongly the camera sharpens edges (unsharp mask of 0.8 pixels); 0 is none
    downscale : rendered and then shrunk and enlarged by this factor, >= 1 (a small far picture)
    jpeg_quality : 1 to 100; 0 is none
    """

    exposure: float = 1.0
    gain_noise: float = 0.0
    shot_noise: float = 0.0
    vignetting: float = 0.0
    blur: float = 0.0
    motion: tuple[float, float] = (0.0, 0.0)
    white_balance: tuple[float, float, float] = (1.0, 1.0, 1.0)
    saturation: float = 1.0
    contrast: float = 1.0
    gamma: float = 1.0
    sharpen: float = 0.0
    downscale: float = 1.0
    jpeg_quality: int = 0


@dataclass(frozen=True, eq=False)
class View:
    """A camera: where it stands, how it projects, what its lens and shutter do.

    Attributes
    ----------
    width, height : pixels
    fx, fy, cx, cy : intrinsics, pixels. For ``orthographic``, fx and fy are pixels per metre
    matrix : (4, 4) float64, world from camera, rigid
    projection : "pinhole", "fisheye" (equidistant with the polynomial of Kannala and Brandt,
        as in OpenCV) or "orthographic"
    distortion : Brown-Conrady k1, k2, p1, p2, k3 of a pinhole, k1..k4 of a fisheye, () for none
    near : metres; nothing nearer is seen
    aperture : lens radius, metres; 0 has no depth of field
    focus : metres along the optical axis to what is sharp
    exposure_time : seconds the shutter is open (motion blur of what moves); 0 is an instant
    readout_time : seconds from the first to the last row (rolling shutter); 0 is global
    sensor : from radiance to the picture
    bright_field : (3,) radiance of a lamp below, seen through the absorbing bodies as under a
        microscope (Beer-Lambert); None for ordinary light
    """

    width: int
    height: int
    fx: float
    fy: float
    cx: float
    cy: float
    matrix: Floats
    projection: Literal["pinhole", "fisheye", "orthographic"] = "pinhole"
    distortion: tuple[float, ...] = ()
    near: float = 1e-3
    aperture: float = 0.0
    focus: float = 1.0
    exposure_time: float = 0.0
    readout_time: float = 0.0
    sensor: Sensor = field(default_factory=Sensor)
    bright_field: Floats | None = None

    @cached_property
    def camera_from_world(self) -> Floats:
        """Inverse of `matrix`, (4, 4)."""
        return np.asarray(np.linalg.inv(self.matrix), np.float64)

    @property
    def intrinsics(self) -> Floats:
        """K, (3, 3)."""
        return np.array([[self.fx, 0, self.cx], [0, self.fy, self.cy], [0, 0, 1.0]])


@dataclass(frozen=True, eq=False)
class Stage:
    """One drawn scene with its geometry, at one moment.

    Attributes
    ----------
    bodies : ids are places in this tuple, from 1
    lamps : lights besides the environment
    environment : light from all around
    fog : or None
    """

    bodies: tuple[Body, ...]
    lamps: tuple[Lamp, ...]
    environment: Environment
    fog: Fog | None = None
