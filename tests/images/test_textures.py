"""Laws of textures: the same seed gives the same bytes, tiles have no seams, wear keeps shapes."""

import hashlib
import json
import subprocess
import sys
from dataclasses import fields, replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image as Pillow

from abbild.core import Seed
from abbild.images import textures
from abbild.images.colors import encode_srgb, linear_color
from abbild.images.errors import AssetError, SceneError
from abbild.images.textures import wear
from abbild.images.textures.blending import normal_map, smoothstep
from abbild.images.textures.noise import cells, fractal, looked_up

EVERY = [getattr(textures, name) for name in textures.__all__]
PAINTED = [cls for cls in EVERY if hasattr(cls, "pixels") and cls is not textures.Image]
WORN = [cls for cls in EVERY if hasattr(cls, "worn")]
RANDOM = set(PAINTED) - {
    textures.Checker,
    textures.Stripes,
    textures.Gradient,
    textures.Engraving,
}
FEW = settings(max_examples=20)


def of(color):
    return np.rint(255 * encode_srgb(linear_color(color)))


def digest(pixels):
    return hashlib.sha256(pixels.tobytes()).hexdigest()


def picture(size=64):
    x, y = np.meshgrid(np.arange(size), np.arange(size))
    return np.stack([x * 3 % 256, y * 3 % 256, (x + y) % 256], axis=-1).astype(np.uint8)


@pytest.mark.parametrize("cls", PAINTED, ids=lambda cls: cls.__name__)
class TestEveryTexture:
    def test_is_a_hashable_value_that_makes_pixels(self, cls):
        assert hash(cls()) == hash(cls())
        pixels = cls().pixels(Seed(1))
        assert pixels.dtype == np.uint8 and pixels.flags.c_contiguous
        assert pixels.ndim == 2 or pixels.shape[2] == 3
        assert np.ptp(pixels.reshape(-1, pixels.shape[-1]).astype(int), axis=0).max() > 10

    def test_same_seed_same_bytes_other_seed_other_bytes(self, cls):
        one, two = cls().pixels(Seed(1) / "a"), cls().pixels(Seed(1) / "a")
        assert np.array_equal(one, two)
        assert np.array_equal(one, cls().pixels(Seed(2))) == (cls not in RANDOM)

    def test_every_number_and_colour_is_checked_by_name(self, cls):
        for field in fields(cls):
            value = getattr(cls(), field.name)
            bad = ["#12345", "mauve-ish", (0.1, -1.0, 0.2)]
            if isinstance(value, bool):
                continue
            if isinstance(value, (int, float)):
                bad = [float("nan"), float("inf"), 1e9, "much", None]
            elif field.name in ("string", "kind"):
                bad = ["", " "]
            for one in bad:
                with pytest.raises(SceneError, match=field.name):
                    replace(cls(), **{field.name: one}).pixels(Seed(1))

    def test_global_random_state_is_left_alone(self, cls):
        before = np.random.get_state()[1].copy()  # noqa: NPY002
        cls().pixels(Seed(1))
        assert np.array_equal(before, np.random.get_state()[1])  # noqa: NPY002


TILES = [
    textures.Noise(),
    textures.Speckle(),
    textures.Marble(),
    textures.Concrete(),
    textures.Asphalt(),
    textures.Grass(),
    textures.Wood(boards=1),
    textures.Patches(size_px=256),
    textures.Relief("bumps"),
]


@pytest.mark.parametrize("texture", TILES, ids=lambda t: type(t).__name__)
def test_tiles_have_no_seam(texture):
    # The step over the edge is like the steps beside it, not like that of unrelated rows.
    pixels = texture.pixels(Seed(5)).astype(float).reshape(256, 256, -1)
    for rows in (pixels, pixels.transpose(1, 0, 2)):
        over = np.abs(rows[0] - rows[-1]).mean()
        steps = np.abs(np.diff(rows, axis=0)).mean(axis=(1, 2))
        assert over <= max(steps.max(), 1.3 * steps.mean())


class TestPatterns:
    @FEW
    @given(st.integers(1, 8), st.integers(1, 16))
    def test_checker_counts(self, half, cell):
        count = 2 * half
        pixels = textures.Checker(count, "#ff0000", "#0000ff", max(count * cell, 4)).pixels(Seed(0))
        if count * cell >= 4:
            assert (pixels[..., 0] == 255).mean() == 0.5
            assert tuple(pixels[-1, 0]) == (255, 0, 0)

    @FEW
    @given(st.floats(0.1, 0.9), st.integers(1, 6))
    def test_stripes_have_their_share(self, share, across):
        texture = textures.Stripes(across, 0, share, "#ffffff", "#000000", 0.0, 256)
        white = texture.pixels(Seed(0))[..., 0].mean() / 255
        assert abs(white - share) <= 2 * across / 256

    def test_gradient_runs_upwards(self):
        pixels = textures.Gradient("#000000", "#ffffff").pixels(Seed(0))
        assert (np.diff(pixels[:, 0, 0].astype(int)) <= 0).all()
        assert pixels[0, 0, 0] > 250 and pixels[-1, 0, 0] < 5

    def test_colours_are_those_that_were_asked_for(self):
        pixels = textures.Speckle(ground="#0000ff", dots="#ff0000", more_dots="#ff0000").pixels(
            Seed(1)
        )
        kinds, counts = np.unique(pixels.reshape(-1, 3), axis=0, return_counts=True)
        common = {tuple(row) for row in kinds[np.argsort(-counts)[:2]].tolist()}
        assert common == {(0, 0, 255), (255, 0, 0)}

    def test_clouds_cover_their_share(self):
        for share in (0.0, 0.3, 0.8):
            pixels = textures.Clouds(share=share).pixels(Seed(2)).astype(float)
            clear = textures.Clouds(share=0.0).pixels(Seed(2)).astype(float)
            covered = (np.abs(pixels - clear).max(axis=-1) > 1).mean()
            assert abs(covered - share) < 0.12

    def test_road_paints_as_much_as_its_lines_measure(self):
        road = textures.RoadSurface(lanes=2, wear=0.0, paint="#ff00ff")
        pixels = road.pixels(Seed(1)).astype(int)
        painted = (pixels[..., 0] - pixels[..., 1] > 120).mean()
        metres = 2 * road.line * road.tile + road.line * road.dash
        assert painted == pytest.approx(metres / (road.width * road.tile), rel=0.08)
        with pytest.raises(SceneError, match="no room"):
            textures.RoadSurface(lanes=16, width=2.0).pixels(Seed(1))


class TestNoise:
    def test_is_centred_with_a_known_spread(self):
        values = np.stack([fractal((64, 64), 8, (Seed(k) / "n").rng(), 3) for k in range(40)])
        assert abs(values.mean()) < 4 * values.std() / np.sqrt(40 * 64)
        assert 0.18 < values.std() < 0.32 and np.abs(values).max() < 1.5

    def test_gradient_noise_vanishes_on_its_lattice(self):
        # A lattice point lies midway between two pixel centres: tiny fade, tiny value.
        values = fractal((256, 256), 4, Seed(1).rng(), 1)
        at = np.arange(4) * 64
        assert np.abs(values[np.ix_(at, at)]).max() < 0.02 < values.std()

    @FEW
    @given(st.integers(2, 9), st.integers(2, 9), st.integers(0, 10**6))
    def test_cells_find_the_nearest_points(self, rows, columns, number):
        rng = np.random.default_rng(number)
        place = 0.5 + np.random.default_rng(number).random((rows, columns, 2)) - 0.5
        nearest, second, which = cells((24, 30), (rows, columns), rng)
        y = (np.arange(24) + 0.5) * rows / 24
        x = (np.arange(30) + 0.5) * columns / 30
        py = place[..., 1] + np.arange(rows)[:, None]
        px = place[..., 0] + np.arange(columns)
        dy = np.abs(y[:, None, None, None] - py)
        dx = np.abs(x[None, :, None, None] - px)
        apart = np.hypot(np.minimum(dx, columns - dx), np.minimum(dy, rows - dy)).reshape(
            24, 30, -1
        )
        # Points are sought in the cells around only; none within one cell can be missed.
        near = apart.min(axis=-1) < 1
        assert np.abs(nearest - apart.min(axis=-1))[near].max(initial=0) < 1e-9
        assert (which == apart.argmin(axis=-1))[near].mean() > 0.99
        assert (second >= nearest).all()

    def test_looking_up_whole_pixels_rolls(self):
        values = Seed(1).rng().random((8, 12))
        x, y = np.meshgrid(np.arange(12) + 3.0, np.arange(8) - 2.0)
        assert np.allclose(looked_up(values, x, y), np.roll(values, (2, -3), axis=(0, 1)))

    def test_smoothstep_ends(self):
        assert smoothstep(1, 3, np.array([0.0, 1, 2, 3, 9])).tolist() == [0, 0, 0.5, 1, 1]


class TestNormals:
    def test_a_slope_to_the_right_leans_left(self):
        # Height grows to the right by one pixel a pixel: the normal is (-1, 0, 1) / sqrt(2).
        ramp = np.tile(np.arange(32.0), (32, 1))
        middle = normal_map(ramp)[16, 16] / 127.5 - 1
        assert middle == pytest.approx([-np.sqrt(0.5), 0, np.sqrt(0.5)], abs=0.01)
        upwards = normal_map(-ramp.T)[16, 16] / 127.5 - 1  # grows with v, that is upwards
        assert upwards == pytest.approx([0, -np.sqrt(0.5), np.sqrt(0.5)], abs=0.01)

    @pytest.mark.parametrize("kind", ["bumps", "hammered", "scales", "grooves"])
    def test_reliefs_are_unit_and_level_on_the_whole(self, kind):
        pixels = textures.Relief(kind, strength=0.6).pixels(Seed(1)) / 127.5 - 1
        assert np.abs(np.linalg.norm(pixels, axis=-1) - 1).max() < 0.02
        slope = pixels[..., :2] / pixels[..., 2:]
        assert np.abs(slope.mean(axis=(0, 1))).max() < 0.03
        assert 0.05 < slope.std() < 1.5

    def test_engraving_is_flat_but_for_its_letters(self):
        pixels = textures.Engraving("8", height=0.5).pixels(Seed(1))
        flat = (np.abs(pixels.astype(int) - [128, 128, 255]).max(axis=-1) <= 1).mean()
        assert 0.7 < flat < 0.98
        wide = textures.Engraving("ABC", aspect=2.0).pixels(Seed(1))
        assert wide.shape == (128, 256, 3)


class TestFiles:
    def save(self, path, array, **how):
        Pillow.fromarray(array).save(path, **how)
        return textures.Image(str(path))

    def test_a_picture_comes_back(self, tmp_path):
        array = picture()
        assert np.array_equal(self.save(tmp_path / "a.png", array).pixels(Seed(1)), array)

    def test_grey_deep_and_transparent_pictures(self, tmp_path):
        grey = self.save(tmp_path / "g.png", picture()[..., 0]).pixels(Seed(1))
        assert np.array_equal(grey, np.repeat(picture()[..., :1], 3, axis=2))
        deep = np.full((4, 4), 65535, np.uint16)
        assert (self.save(tmp_path / "d.png", deep).pixels(Seed(1)) == 255).all()
        clear = np.zeros((4, 4, 4), np.uint8)
        assert (self.save(tmp_path / "c.png", clear).pixels(Seed(1)) == 255).all()

    def test_the_orientation_of_a_camera_is_applied(self, tmp_path):
        array = np.zeros((8, 16, 3), np.uint8)
        array[:, :8] = 255
        exif = Pillow.Exif()
        exif[0x0112] = 6  # to be turned clockwise
        turned = self.save(tmp_path / "t.png", array, exif=exif).pixels(Seed(1))
        assert turned.shape == (16, 8, 3) and turned[2].mean() > 250 and turned[-2].mean() < 5

    def test_large_ones_are_averaged_down(self, tmp_path):
        texture = self.save(tmp_path / "l.png", np.kron(picture(32), np.ones((4, 4, 1), np.uint8)))
        small = replace(texture, longest_px=32).pixels(Seed(1))
        assert np.array_equal(small, picture(32))

    def test_a_changed_file_is_read_again(self, tmp_path):
        texture = self.save(tmp_path / "x.png", picture())
        texture.pixels(Seed(1))
        self.save(tmp_path / "x.png", np.zeros((9, 9, 3), np.uint8))
        assert texture.pixels(Seed(1)).shape == (9, 9, 3)

    @pytest.mark.parametrize("content", [None, b"", b"hello", b"\x89PNG\r\n\x1a\n", b"GIF89a"])
    def test_bad_files_are_one_sentence(self, tmp_path, content):
        path = tmp_path / "bad.png"
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(AssetError, match=r"bad\.png") as caught:
            textures.Image(str(path)).pixels(Seed(1))
        assert "\n" not in caught.value.args[0]

    def test_cut_files(self, tmp_path):
        self.save(tmp_path / "w.jpg", picture(128))
        content = (tmp_path / "w.jpg").read_bytes()
        (tmp_path / "cut.jpg").write_bytes(content[: len(content) // 2])
        with pytest.raises(AssetError, match=r"cut\.jpg is damaged"):
            textures.Image(str(tmp_path / "cut.jpg")).pixels(Seed(1))


@pytest.mark.parametrize("cls", WORN, ids=lambda cls: cls.__name__)
class TestWear:
    def test_nothing_changes_nothing_and_much_changes_much(self, cls):
        base = textures.Checker(4, "#c02020", "#e8e8e8", 96).pixels(Seed(0))
        assert np.array_equal(cls(0.0).worn(base, Seed(1)), base)
        changes = [
            np.mean(
                [np.abs(cls(a).worn(base, Seed(k)).astype(int) - base).mean() for k in range(12)]
            )
            for a in (0.25, 0.9)
        ]
        assert changes[1] > changes[0] > 0

    def test_depends_on_the_seed_alone_and_leaves_its_input(self, cls):
        base = textures.Checker(4, size_px=64).pixels(Seed(0))
        kept = base.copy()
        one, two = (cls(0.7).worn(base, Seed(3)) for _ in range(2))
        assert np.array_equal(one, two) and np.array_equal(base, kept)
        assert one.dtype == np.uint8
        others = [cls(0.7).worn(base, Seed(k)) for k in range(4, 8)]
        assert all(np.array_equal(one, o) for o in others) == (cls is textures.Fading)

    @pytest.mark.parametrize("shape", [(16, 64, 3), (200, 40, 3), (2, 2, 3)])
    def test_any_size(self, cls, shape):
        base = np.full(shape, 120, np.uint8)
        assert cls(1.0).worn(base, Seed(1)).shape == shape

    def test_bad_amounts_and_pixels(self, cls):
        base = np.zeros((8, 8, 3), np.uint8)
        for amount in (-0.1, 1.1, float("nan")):
            with pytest.raises(SceneError, match="amount"):
                cls(amount).worn(base, Seed(1))
        with pytest.raises(SceneError, match="uint8"):
            cls(0.5).worn(np.zeros((8, 8), np.uint8), Seed(1))


class TestWhatWearDoes:
    def test_snow_lies_above(self):
        base = np.full((128, 128, 3), 60, np.uint8)
        snowed = wear.snow_cover(base, 0.4, Seed(1)).astype(int)
        assert snowed[:10].mean() > 200 > snowed[64:].mean()

    def test_fading_takes_saturation(self):
        red = np.full((4, 4, 3), (200, 30, 30), np.uint8)
        spans = [np.ptp(wear.fade(red, a)[0, 0].astype(int)) for a in (0.0, 0.3, 0.6, 1.0)]
        assert all(b < a for a, b in pairwise(spans))

    def test_rust_is_brown(self):
        base = np.full((128, 128, 3), 180, np.uint8)
        rusty = wear.rust(base, 0.9, Seed(1)).astype(int)
        spots = rusty[np.abs(rusty - 180).max(axis=-1) > 60]
        assert len(spots) > 1000
        assert (spots[:, 0] > spots[:, 1]).all() and (spots[:, 1] > spots[:, 2]).all()


def test_bytes_are_the_same_in_another_process():
    made = {cls.__name__: digest(cls().pixels(Seed(11) / "p")) for cls in PAINTED}
    code = """
import hashlib, json, sys
from abbild.core import Seed
from abbild.images import textures
made = {n: getattr(textures, n)().pixels(Seed(11) / "p").tobytes() for n in json.loads(sys.argv[1])}
print(json.dumps({name: hashlib.sha256(content).hexdigest() for name, content in made.items()}))
"""
    names = json.dumps([cls.__name__ for cls in PAINTED])
    out = subprocess.run(
        [sys.executable, "-c", code, names], capture_output=True, text=True, check=True
    )
    assert json.loads(out.stdout) == made
