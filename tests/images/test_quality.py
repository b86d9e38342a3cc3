"""The quality renderer against light that has a closed form."""

from __future__ import annotations

import hashlib
import importlib.util
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from abbild.core import Seed
from abbild.images.errors import AssetError, SceneError
from abbild.images.labels import find_layers
from abbild.images.stage import (
    Body,
    Bulb,
    Environment,
    Mesh,
    Panel,
    Part,
    Stage,
    Sun,
    Surface,
    View,
)

if importlib.util.find_spec("mitsuba") is None:
    pytest.skip("mitsuba is not installed", allow_module_level=True)

from abbild.images.quality.denoise import Denoiser
from abbild.images.quality.probe import LLVM, SCALAR
from abbild.images.quality.renderer import Quality

VARIANTS = [LLVM, SCALAR] if Quality().variant == LLVM else [SCALAR]
needs_llvm = pytest.mark.skipif(LLVM not in VARIANTS, reason="LLVM does not work here")
needs_denoiser = pytest.mark.skipif(not Denoiser.available(), reason="pyoidn is not installed")

BLACK = Environment(np.zeros((4, 8, 3), np.float32))


def sky(*color: float) -> Environment:
    return Environment(np.full((8, 16, 3), color, np.float32))


def quad(size: float = 1.0) -> Mesh:
    """A square in x and y that faces +z; u along x, v along y."""
    corners = np.array([[-0.5, -0.5], [0.5, -0.5], [0.5, 0.5], [-0.5, 0.5]], np.float32)
    return Mesh(
        np.column_stack([corners * size, np.zeros(4)]).astype(np.float32),
        np.array([[0, 1, 2], [0, 2, 3]], np.int32),
        np.tile(np.array([0, 0, 1], np.float32), (4, 1)),
        corners + np.float32(0.5),
    )


def ball(rows: int = 24) -> Mesh:
    """A sphere of radius 1."""
    v, u = np.meshgrid(np.linspace(0, 1, rows + 1), np.linspace(0, 1, 2 * rows + 1), indexing="ij")
    fall, turn = np.pi * v, 2 * np.pi * u
    points = np.stack(
        [np.sin(fall) * np.cos(turn), np.sin(fall) * np.sin(turn), np.cos(fall)], axis=-1
    )
    i, j = np.mgrid[:rows, : 2 * rows]
    a = (i * (2 * rows + 1) + j).ravel()
    b = a + 2 * rows + 1
    faces = np.concatenate([np.stack([a, b, b + 1], 1), np.stack([a, b + 1, a + 1], 1)])
    flat = points.reshape(-1, 3).astype(np.float32)
    uv = np.stack([u.ravel(), 1 - v.ravel()], axis=1).astype(np.float32)
    return Mesh(flat, faces.astype(np.int32), flat, uv)


QUAD, BALL = quad(), ball()


def matte(*color: float, **more: object) -> Surface:
    return Surface(np.array(color, np.float32), roughness=0.9, specular=0.0, **more)


def body(mesh: Mesh, surface: Surface, matrix: np.ndarray | None = None, name: str = "a") -> Body:
    return Body(name, "thing", (Part(mesh, surface),), np.eye(4) if matrix is None else matrix)


def at(x: float, y: float, z: float, scale: float = 1.0) -> np.ndarray:
    matrix = np.diag([scale, scale, scale, 1.0])
    matrix[:3, 3] = x, y, z
    return matrix


def look(eye: object, target: object, up: object = (0, 0, 1)) -> np.ndarray:
    forward = np.subtract(target, eye).astype(float)
    forward /= np.linalg.norm(forward)
    right = np.cross(forward, up)
    right /= np.linalg.norm(right)
    matrix = np.eye(4)
    matrix[:3] = np.stack([right, np.cross(forward, right), forward, eye], axis=1)
    return matrix


def view(matrix: np.ndarray, size: int = 32, focal: float = 1.0, **more: object) -> View:
    f = focal * size
    return View(size, size, f, f, size / 2, size / 2, matrix, **more)


FROM_ABOVE = look((0, 0, 2), (0, 0, 0), (0, 1, 0))  # x to the right, y upwards in the picture


def shoot(
    stage: Stage, camera: View, variant: str, samples: int = 32, **more: object
) -> np.ndarray:
    renderer = Quality(samples=samples, denoise=False, mitsuba=variant, **more)
    image = renderer.radiance(stage, camera, seed=Seed(5))
    assert image.shape == (camera.height, camera.width, 3)
    assert image.dtype == np.float32
    assert np.isfinite(image).all()
    assert (image >= 0).all()
    return image


# Mitsuba's own rough surfaces, by Burley's model, send a little more light back than Lambert's
SHARE = {LLVM: 0.005, SCALAR: 0.1}


def close_to_mean(values: np.ndarray, expected: object, share: float) -> bool:
    """Whether the mean is within five of its standard errors, and a share of its size."""
    flat = values.reshape(-1, 3).astype(float)
    error = 5 * flat.std(axis=0) / np.sqrt(len(flat))
    return bool((np.abs(flat.mean(axis=0) - expected) < error + share * np.abs(expected)).all())


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_convex_body_in_even_light_shows_its_color(variant: str) -> None:
    color = np.array([0.8, 0.5, 0.2])
    stage = Stage((body(BALL, matte(*color)),), (), sky(1, 1, 2))
    camera = view(look((0, -3, 0), (0, 0, 0)), focal=3.0)  # only the ball is seen
    assert close_to_mean(shoot(stage, camera, variant), color * [1, 1, 2], SHARE[variant])


@needs_llvm
@pytest.mark.parametrize(
    ("roughness", "expected"),
    [(0.1, 1.0), (1.0, 1 - np.log(2))],  # GGX with alpha = 1 loses ln 2 to what scatters twice
)
def test_metal_reflects_no_more_light_than_it_gets(roughness: float, expected: float) -> None:
    surface = Surface(np.ones(3, np.float32), roughness=roughness, metallic=1.0)
    stage = Stage((body(QUAD, surface),), (), sky(1, 1, 1))
    assert close_to_mean(shoot(stage, view(FROM_ABOVE, focal=64.0), LLVM), expected, 0.005)


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_plane_under_the_sun_follows_lambert(variant: str) -> None:
    direction = np.array([0.6, 0.0, 0.8])
    sun = Sun(direction, np.array([3.0, 2.0, 1.0]))
    stage = Stage((body(QUAD, matte(0.5, 0.6, 0.7)),), (sun,), BLACK)
    image = shoot(stage, view(FROM_ABOVE, focal=4.0), variant, samples=4)
    expected = np.array([0.5, 0.6, 0.7]) / np.pi * sun.irradiance * 0.8
    assert np.allclose(image, expected, rtol=2e-3)


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_bulb_lights_by_the_inverse_square(variant: str) -> None:
    bulb = Bulb(np.array([0.3, 0.0, 1.5]), np.array([2.0, 4.0, 1.0]), radius=0.001)
    stage = Stage((body(QUAD, matte(0.5, 0.5, 0.5)),), (bulb,), BLACK)
    image = shoot(stage, view(FROM_ABOVE, size=33, focal=64.0), variant, samples=4)
    squared = 0.3**2 + 1.5**2
    expected = 0.5 / np.pi * bulb.intensity / squared * 1.5 / np.sqrt(squared)
    assert np.allclose(image[16, 16], expected, rtol=5e-3)


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_panel_lights_by_its_form_factor(variant: str) -> None:
    a, height = 0.4, 0.6
    matrix = at(0, 0, height) @ np.diag([2 * a, -2 * a, -1.0, 1.0])  # shines down
    panel = Panel(matrix, np.array([5.0, 5.0, 10.0]))
    stage = Stage((body(quad(4), matte(0.5, 0.5, 0.5)),), (panel,), BLACK)
    camera = view(look((0, 0, 0.5), (0, 0, 0), (0, 1, 0)), size=16, focal=40.0)
    # a point to a parallel rectangle, Howell's catalogue C-11, four quarters
    x = a / height
    quarter = x / np.sqrt(1 + x * x) * np.arctan(x / np.sqrt(1 + x * x)) / np.pi
    expected = 0.5 * panel.radiance * 4 * quarter
    assert close_to_mean(shoot(stage, camera, variant), expected, SHARE[variant])
    behind = replace(panel, matrix=at(0, 0, height) @ np.diag([2 * a, 2 * a, 1.0, 1.0]))
    assert shoot(replace(stage, lamps=(behind,)), camera, variant).max() == 0


@needs_llvm
def test_lamps_are_not_seen() -> None:
    matrix = at(0, 0, 0.6) @ np.diag([0.8, -0.8, -1.0, 1.0])
    lamps = (Panel(matrix, np.full(3, 5.0)), Bulb(np.array([0, 0, 0.9]), np.ones(3), radius=0.2))
    stage = Stage((body(quad(4), matte(0.5, 0.5, 0.5)),), lamps, BLACK)
    from_below = look((0, 0, -1), (0, 0, 1), (0, 1, 0))
    above = replace(stage, bodies=(body(QUAD, matte(0.2, 0.2, 0.2), at(9, 0, 0)),))
    assert shoot(above, view(from_below), LLVM).max() == 0
    beneath = shoot(stage, view(look((0, 0, 3), (0, 0, 0), (0, 1, 0)), focal=8.0), LLVM)
    assert beneath.min() > 0.1  # the ground under the panel, not its dark back


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize(
    ("direction", "row", "column"),
    [
        ((1, 0, 0), 0.5, 0.5),
        ((0, 1, 0), 0.5, 0.25),
        ((0, -1, 0), 0.5, 0.75),
        ((-1, 0.01, 0), 0.5, 0.0),
        ((0.01, 0, 1), 0.0, 0.5),
        ((0.01, 0, -1), 1.0, 0.5),
    ],
)
def test_the_environment_is_where_its_map_says(
    direction: tuple[float, float, float], row: float, column: float, variant: str
) -> None:
    radiance = np.zeros((32, 64, 3), np.float32)
    rows = np.arange(32)[:, None] / 31 - row
    columns = (np.arange(64)[None] + 0.5) / 64 - column
    columns = np.abs((columns + 0.5) % 1 - 0.5)
    radiance[(np.abs(rows) < 0.1) & ((columns < 0.05) | (row != 0.5))] = (1, 2, 3)
    stage = Stage((), (), Environment(radiance))
    image = shoot(stage, view(look((0, 0, 0), direction), size=8, focal=8.0), variant, samples=1)
    assert np.allclose(image, (1, 2, 3), rtol=1e-3)
    # and it lights what faces it, not what turns away
    facing = np.eye(4)
    forward = np.array(direction, float) / np.linalg.norm(direction)
    facing[:3, :3] = np.stack([*np.linalg.svd(forward[None])[2][1:], forward], axis=1)
    lit = replace(stage, bodies=(body(QUAD, matte(0.5, 0.5, 0.5), facing),))
    eye = forward * 2
    camera = view(look(eye, (0, 0, 0)), size=8, focal=8.0)
    assert shoot(lit, camera, variant).mean() > 0.01
    camera = view(look(-eye, (0, 0, 0)), size=8, focal=8.0)
    assert shoot(lit, camera, variant).max() < 1e-3


@pytest.mark.parametrize("variant", VARIANTS)
def test_textures_are_upright_and_decoded(variant: str) -> None:
    texture = np.zeros((2, 2, 3), np.uint8)
    texture[0, 0], texture[0, 1] = (255, 0, 0), (0, 255, 0)
    texture[1, 0], texture[1, 1] = (0, 0, 255), (128, 128, 128)
    surface = Surface(texture, roughness=0.9, specular=0.0, smooth_texture=False)
    sun = Sun(np.array([0.0, 0.0, 1.0]), np.full(3, np.pi))
    stage = Stage((body(QUAD, surface),), (sun,), BLACK)
    image = shoot(stage, view(FROM_ABOVE, size=32, focal=2.0), variant, samples=4)
    assert np.allclose(image[6, 6], (1, 0, 0), atol=2e-3)
    assert np.allclose(image[6, 26], (0, 1, 0), atol=2e-3)
    assert np.allclose(image[26, 6], (0, 0, 1), atol=2e-3)
    assert np.allclose(image[26, 26], 0.2158605, atol=2e-3)  # IEC 61966-2-1 of 128


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_normal_map_tilts_the_light(variant: str) -> None:
    # normals lean by 30 degrees towards +u
    tilted = np.round((np.array([0.5, 0.0, np.sqrt(0.75)]) * 0.5 + 0.5) * 255).astype(np.uint8)
    surface = matte(1, 1, 1, normal_map=np.tile(tilted, (4, 4, 1)))
    angle = np.radians(40)
    for sign in (1, -1):
        sun = Sun(np.array([sign * np.sin(angle), 0.0, np.cos(angle)]), np.full(3, np.pi))
        stage = Stage((body(QUAD, surface),), (sun,), BLACK)
        image = shoot(stage, view(FROM_ABOVE, focal=4.0), variant, samples=1)
        assert np.allclose(image, np.cos(angle - sign * np.pi / 6), rtol=2 * SHARE[variant] + 0.02)


CAMERAS = {
    "pinhole": view(look((0.3, -4, 1), (0, 0, 0)), size=64),
    "off centre": replace(view(look((0.3, -4, 1), (0, 0, 0)), size=64), cx=40.0, cy=20.5),
    "oblong": replace(view(look((0.3, -4, 1), (0, 0, 0)), size=64), height=48, fy=90.0),
    "orthographic": replace(
        view(look((0.3, -4, 1), (0, 0, 0)), size=64, projection="orthographic"),
        fx=12.0,
        fy=15.0,
        cx=25.0,
    ),
    "brown": view(look((0.3, -4, 1), (0, 0, 0)), size=64, distortion=(-0.3, 0.1, 0.01, 0.02, 0.0)),
    "fisheye": view(look((0.3, -2.5, 1), (0, 0, 0)), size=64, focal=0.5, projection="fisheye"),
}


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("name", sorted(CAMERAS))
def test_pixels_agree_with_labels(name: str, variant: str) -> None:
    camera = CAMERAS[name]
    glow = matte(0, 0, 0, emission=np.array([1, 0, 0], np.float32))
    green = matte(0, 0, 0, emission=np.array([0, 1, 0], np.float32))
    stage = Stage((body(BALL, glow), body(QUAD, green, at(0.8, -1, 0.5, 1.5), name="b")), (), BLACK)
    image = shoot(stage, camera, variant, samples=16)
    layers = find_layers(stage, camera)
    for identity, channel in ((1, 0), (2, 1)):
        mask = layers.body == identity
        inner = image[..., channel] > 0.5
        assert mask.sum() > 50
        assert (mask & inner).sum() / (mask | inner).sum() > 0.95
        bent = variant == SCALAR and name in ("brown", "fisheye")  # interpolated
        core = _eroded(_eroded(mask)) if bent else _eroded(mask)
        assert core.any()
        assert np.allclose(image[core], np.eye(3)[channel], atol=1e-4)


def _eroded(mask: np.ndarray) -> np.ndarray:
    """Return pixels whose eight neighbours are in the mask too."""
    wide = np.pad(mask, 1)
    rows, columns = mask.shape
    near = [wide[i : i + rows, j : j + columns] for i in range(3) for j in range(3)]
    return np.logical_and.reduce(near)


@pytest.mark.parametrize("variant", VARIANTS)
def test_nothing_nearer_than_near_is_seen(variant: str) -> None:
    glow = matte(0, 0, 0, emission=np.ones(3, np.float32))
    stage = Stage((body(QUAD, glow, at(0, 0, 1)),), (), BLACK)
    camera = view(FROM_ABOVE, focal=4.0)
    assert shoot(stage, camera, variant, samples=1).min() == 1
    assert shoot(stage, replace(camera, near=1.01), variant, samples=1).max() == 0


@needs_llvm
def test_an_open_lens_blurs_what_is_out_of_focus() -> None:
    glow = matte(0, 0, 0, emission=np.ones(3, np.float32))
    stage = Stage((body(quad(4), glow, at(2, 0, 0)),), (), BLACK)  # its edge is at x = 0
    camera = view(FROM_ABOVE, size=64)

    def width_of_edge(aperture: float, focus: float) -> float:
        lens = replace(camera, aperture=aperture, focus=focus)
        profile = shoot(stage, lens, LLVM)[..., 0].mean(axis=0)
        return float(((profile > 0.02) & (profile < 0.98)).sum())

    assert width_of_edge(0.1, 2.0) <= 2
    # circle of confusion: 2 aperture |1 - z / focus| f / z pixels
    expected = 2 * 0.1 * abs(1 - 2.0 / 1.0) * 64 / 2.0
    assert expected * 0.7 < width_of_edge(0.1, 1.0) < expected * 1.3


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("denoise", [False, pytest.param(True, marks=needs_denoiser)])
def test_a_backdrop_shows_through_and_gives_no_light(variant: str, denoise: bool) -> None:
    photograph = np.full((10, 30, 3), 128, np.uint8)
    plain = Stage((body(BALL, matte(0.5, 0.5, 0.5)),), (), sky(1, 1, 1))
    camera = view(look((0, -4, 0), (0, 0, 0)), size=32)
    renderer = Quality(samples=16, denoise=denoise, mitsuba=variant)
    before = renderer.radiance(plain, camera, seed=Seed(1))
    behind = replace(plain, environment=replace(plain.environment, backdrop=photograph))
    after = renderer.radiance(behind, camera, seed=Seed(1))
    inside = _eroded(find_layers(plain, camera).body > 0)
    assert np.allclose(before[inside], after[inside], atol=0.05 if denoise else 0)
    assert np.allclose(after[:3], 0.2158605, atol=1e-4)


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("denoise", [False, pytest.param(True, marks=needs_denoiser)])
def test_a_stage_without_bodies_shows_its_environment(variant: str, denoise: bool) -> None:
    renderer = Quality(denoise=denoise, mitsuba=variant)
    camera = view(look((0, 0, 0), (1, 0, 0)))
    image = renderer.radiance(Stage((), (), sky(0.1, 0.2, 0.3)), camera, seed=Seed(1))
    assert np.allclose(image, (0.1, 0.2, 0.3), rtol=1e-4)
    assert not renderer.radiance(Stage((), (), BLACK), camera, seed=Seed(1)).any()


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("scale", [1e-5, 1.0, 1e4])
def test_size_does_not_matter(scale: float, variant: str) -> None:
    ground = body(quad(6), matte(0.5, 0.5, 0.5), at(0, 0, -scale, scale), name="ground")
    thing = body(BALL, matte(0.8, 0.2, 0.2), at(0, 0, 0, scale))
    camera = view(look((0, -4 * scale, 2 * scale), (0, 0, 0)), near=1e-3 * scale)
    image = shoot(Stage((ground, thing), (), sky(1, 1, 1)), camera, variant, samples=128)
    reference = _picture_at_one(variant)
    assert np.abs(image.mean(axis=(0, 1)) - reference.mean(axis=(0, 1))).max() < 0.01


_at_one: dict[str, np.ndarray] = {}


def _picture_at_one(variant: str) -> np.ndarray:
    if variant not in _at_one:
        ground = body(quad(6), matte(0.5, 0.5, 0.5), at(0, 0, -1), name="ground")
        stage = Stage((ground, body(BALL, matte(0.8, 0.2, 0.2))), (), sky(1, 1, 1))
        camera = view(look((0, -4, 2), (0, 0, 0)))
        _at_one[variant] = shoot(stage, camera, variant, samples=128)
    return _at_one[variant]


@pytest.mark.parametrize("variant", VARIANTS)
def test_both_sides_and_mirrored_bodies_are_lit(variant: str) -> None:
    mirrored = np.diag([1.0, 1.0, -1.0, 1.0])
    for matrix in (np.eye(4), mirrored):
        stage = Stage((body(QUAD, matte(0.5, 0.5, 0.5), matrix),), (), sky(1, 1, 1))
        for z in (2, -2):
            camera = view(look((0, 0, z), (0, 0, 0), (0, 1, 0)), size=16, focal=4.0)
            assert close_to_mean(shoot(stage, camera, variant), 0.5, SHARE[variant])


@pytest.mark.parametrize("variant", VARIANTS)
def test_numbers_that_are_none_are_refused_or_replaced(variant: str) -> None:
    camera = view(look((0, -4, 0), (0, 0, 0)))
    radiance = np.ones((8, 16, 3), np.float32)
    radiance[0, 0], radiance[4, 4] = np.nan, np.inf
    shoot(Stage((body(BALL, matte(1, 1, 1)),), (), Environment(radiance)), camera, variant)
    broken = np.eye(4)
    broken[0, 3] = np.nan
    with pytest.raises(SceneError, match="pose of 'a'"):
        shoot(Stage((body(BALL, matte(1, 1, 1), broken),), (), BLACK), camera, variant)
    with pytest.raises(AssetError, match="not finite"):
        shoot(Stage((body(BALL, matte(1, np.nan, 1)),), (), BLACK), camera, variant)


def _many(count: int) -> Stage:
    rng = np.random.default_rng(count)
    bodies = tuple(
        body(
            BALL if k % 2 else QUAD,
            Surface(rng.random(3).astype(np.float32), roughness=float(rng.uniform(0.1, 1))),
            at(*rng.uniform(-1, 1, 3), 0.4),
            name=str(k),
        )
        for k in range(count)
    )
    lamps = (Sun(np.array([0, 0.6, 0.8]), np.full(3, 2.0)), Bulb(np.array([0, -1, 1]), np.ones(3)))
    return Stage(bodies, lamps, Environment(rng.random((8, 16, 3)).astype(np.float32)))


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("denoise", [False, pytest.param(True, marks=needs_denoiser)])
def test_a_seed_decides_every_byte(variant: str, denoise: bool) -> None:
    camera = view(look((0, -4, 1), (0, 0, 0)), size=48)
    renderer = Quality(samples=4, denoise=denoise, mitsuba=variant)
    first = renderer.radiance(_many(5), camera, seed=Seed(1))
    other = renderer.radiance(_many(9), replace(camera, width=40), seed=Seed(2))
    again = renderer.radiance(_many(5), camera, seed=Seed(1))
    wide = Quality(samples=4, denoise=denoise, mitsuba=variant, threads=2)
    assert other.shape == (48, 40, 3)
    assert first.tobytes() == again.tobytes()
    assert first.tobytes() == wide.radiance(_many(5), camera, seed=Seed(1)).tobytes()
    assert first.tobytes() != renderer.radiance(_many(5), camera, seed=Seed(2)).tobytes()


CHILD = """
import sys, hashlib
from tests.images.test_quality import Quality, Seed, _many, look, view
camera = view(look((0, -4, 1), (0, 0, 0)), size=48)
image = Quality(denoise=False, mitsuba=sys.argv[1]).radiance(_many(5), camera, seed=Seed(1))
print(hashlib.sha256(image.tobytes()).hexdigest())
"""


@needs_llvm
def test_another_process_draws_the_same_bytes() -> None:
    command = [sys.executable, "-c", CHILD, LLVM]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    camera = view(look((0, -4, 1), (0, 0, 0)), size=48)
    image = Quality(denoise=False, mitsuba=LLVM).radiance(_many(5), camera, seed=Seed(1))
    assert done.stdout == hashlib.sha256(image.tobytes()).hexdigest() + "\n"


@needs_llvm
def test_the_number_of_bodies_compiles_next_to_nothing() -> None:
    import drjit as dr  # noqa: PLC0415  after abbild, which says where LLVM is

    camera = view(look((0, -4, 1), (0, 0, 0)), size=16)
    renderer = Quality(samples=4, denoise=False, mitsuba=LLVM)
    renderer.radiance(_many(3), camera, seed=Seed(1))
    with dr.scoped_set_flag(dr.JitFlag.KernelHistory, True):
        dr.kernel_history_clear()
        for count in (4, 7, 1, 12, 9, 2, 15, 5):
            renderer.radiance(_many(count), camera, seed=Seed(count))
        kernels = [k for k in dr.kernel_history() if k["type"] == dr.KernelType.JIT]
    # the order of variables makes a second form of one kernel; bodies make none
    assert sum(not kernel["cache_hit"] for kernel in kernels) <= 1


@needs_denoiser
@pytest.mark.parametrize("variant", VARIANTS[:1])
def test_denoising_is_worth_four_times_the_samples(variant: str) -> None:
    camera = view(look((0, -4, 2), (0, 0, -0.5)), size=40, focal=1.5)
    panel = Panel(at(1, 1, 3) @ np.diag([1, -1, -1.0, 1.0]), np.full(3, 12.0))
    ground = body(quad(12), matte(0.6, 0.5, 0.4), at(0, 0, -1), name="ground")
    stage = Stage((ground, *_many(6).bodies), (panel,), sky(0.3, 0.4, 0.5))
    reference = shoot(stage, camera, variant, samples=128)

    def error(**settings: object) -> float:
        image = Quality(mitsuba=variant, **settings).radiance(stage, camera, seed=Seed(3))
        return float(np.mean((np.minimum(image, 1) - np.minimum(reference, 1)) ** 2))

    assert error(samples=4) < error(samples=16, denoise=False)
