"""What a scene is made of. Every field may hold a constant or a distribution.

Lengths in metres, angles in degrees (people write scenes), z up. Colours are names or "#rrggbb"
(sRGB) or three linear numbers. The nodes are frozen dataclasses without behaviour: `drawing`
draws them, `document` writes and reads them as JSON, `building` makes the geometry.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from abbild.images.scene.cameras import Camera
from abbild.images.scene.lights import PlainSky

__all__ = ["Group", "Hsv", "Material", "Motion", "Object", "Require", "Scene", "Settle"]


@dataclass(frozen=True)
class Hsv:
    """A colour by hue, saturation and value, each in [0, 1]; a hue beyond 1 goes round."""

    hue: Any
    saturation: Any = 1.0
    value: Any = 1.0


@dataclass(frozen=True)
class Material:
    """How an object looks.

    Attributes
    ----------
    color : a colour, or a texture node
    roughness, metallic, specular : [0, 1], see `stage.Surface`; the first two may be textures
    emission : a colour times `glow`; 0 does not shine
    wear : nodes that age the texture, in order: `Dirt`, `Fading`, `Scratches` ...
    normals : a texture node of tangent-space normals, or None
    absorption : (3,) share of light lost per metre, for `Camera.bright_field`
    index_excess : of refraction over that of the medium around, for `Camera.bright_field`: light
        or dark edges where a cell is out of focus
    texture_seed : textures with equal parameters and seed are the same pixels
    """

    color: Any = "#b0b0b0"
    roughness: Any = 0.5
    metallic: Any = 0.0
    specular: Any = 0.5
    emission: Any = "#ffffff"
    glow: Any = 0.0
    wear: Any = ()
    normals: Any = None
    absorption: Any = (0.0, 0.0, 0.0)
    index_excess: Any = 0.0
    texture_seed: Any = 0


@dataclass(frozen=True)
class Object:
    """One thing, labelled as one.

    Attributes
    ----------
    shape : a shape node
    material : a shape that brings its own materials (a mesh from a file, a carton) keeps them
        unless another is given here
    position : (3,) metres
    rotation : (roll, pitch, yaw) about x, y and z in this order, or a quaternion (w, x, y, z)
    scale : one factor or three
    label : category; "" is not annotated
    attributes : free values, kept in the annotations
    keypoints : name to (3,) point in the shape's own frame, before scale
    physics : "none", "fixed" (others land on it), "falls", or "driven" (moved by controls of a
        `World`, pushes what falls)
    collides_as : "auto", "hull", "sphere", "box", "cylinder", "capsule" or "plane"
    present : whether it is there at all
    on : path of an object whose top it stands on; its position then counts from there
    part_of : path of an object it belongs to: labelled as that one, moves with it
    """

    shape: Any
    material: Any = field(default_factory=Material)
    position: Any = (0.0, 0.0, 0.0)
    rotation: Any = (0.0, 0.0, 0.0)
    scale: Any = 1.0
    label: Any = ""
    attributes: Any = field(default_factory=dict)
    keypoints: Any = field(default_factory=dict)
    physics: Any = "none"
    collides_as: Any = "auto"
    present: Any = True
    on: Any = ""
    part_of: Any = ""


@dataclass(frozen=True)
class Group:
    """Several objects made after one pattern; each draws its own values.

    Attributes
    ----------
    member : an `Object` (or a `Choice` of objects)
    count : how many
    placement : where they go, all together: `PoissonDisk`, `Grid`, `Scatter`, `OnSurface`; None
        leaves each at its own position
    members : filled by `drawing`
    """

    member: Any
    count: Any = 1
    placement: Any = None
    members: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Motion:
    """What an object does on its own while time goes on.

    Attributes
    ----------
    object : its path, such as "cart" or "people/3"; "*" at the end takes all that begin so
    behaviour : a behaviour node: `Path`, `Orbit`, `Traffic` ...
    """

    object: Any
    behaviour: Any


@dataclass(frozen=True)
class Settle:
    """Let what falls fall, before the picture is taken.

    Attributes
    ----------
    seconds : at most this long; a scene that is still moving then is a rejected attempt
    friction : coefficient of sliding friction
    """

    seconds: Any = 4.0
    friction: Any = 0.7


@dataclass(frozen=True)
class Require:
    """A condition on the finished picture; attempts that break it are drawn again.

    Attributes
    ----------
    objects : path or pattern ("cups/*"), or "label:NAME"
    visible : smallest share of the silhouette that must be seen
    area_px : smallest visible area
    count : how many of the objects must satisfy this; None for all
    """

    objects: Any
    visible: Any = 0.0
    area_px: Any = 0
    count: Any = None


@dataclass(frozen=True)
class Scene:
    """Everything there is.

    Attributes
    ----------
    objects : name to `Object` or `Group`
    lights : name to `SunLight`, `PanelLight` or `BulbLight`
    sky : light from all around: `PlainSky`, `DaySky`, `Studio`, `PhotoSky` ...
    backdrop : a texture node shown behind everything, or None
    cameras : name to `Camera`; each gives one image of every scene
    weather : nodes of air and water: `Haze`, `Rain`, `Snow`, `Drops`, `Glare`, `Bloom`
    motions : what moves on its own
    time : seconds that pass before the picture is taken
    physics : `Settle`, or None
    variables : name to value, for others to refer to
    label : class of the whole image; "" if it has none
    categories : labels in the order of the data set's category ids; () takes them as they come
    require : conditions on the picture
    attempts : how often a scene is drawn before the image is given up
    licence : of the recipe and what it brings, for the card
    """

    objects: Any
    cameras: Any = field(default_factory=lambda: {"camera": Camera()})
    lights: Any = field(default_factory=dict)
    sky: Any = field(default_factory=PlainSky)
    backdrop: Any = None
    weather: Any = ()
    motions: Any = ()
    time: Any = 0.0
    physics: Any = None
    variables: Mapping[str, Any] = field(default_factory=dict)
    label: Any = ""
    categories: tuple[str, ...] = ()
    require: Any = ()
    attempts: int = 20
    licence: str = ""
