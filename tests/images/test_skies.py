"""Skies: directions, energies against closed forms, suns, panoramas from files."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from abbild.core import Seed
from abbild.images import skies
from abbild.images.colors import decode_srgb
from abbild.images.errors import AssetError, SceneError
from abbild.images.pictures import read_hdr, resized

LIGHT = np.array([0.2126, 0.7152, 0.0722])


def rgbe(values):
    """Code linear values as Radiance does: a common exponent for three mantissas."""
    largest = np.maximum(values.max(axis=-1), 1e-38)
    exponent = np.ceil(np.log2(largest * 256 / 255.5)).astype(int)
    mantissa = np.rint(values / 2.0 ** exponent[..., None] * 256)
    coded = np.concatenate([mantissa, exponent[..., None] + 128], axis=-1)
    coded[values.max(axis=-1) == 0] = 0
    return coded.astype(np.uint8)


def hdr(coded, packed, head=b""):
    height, width = coded.shape[:2]
    content = b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n" + head + b"\n"
    content += b"-Y %d +X %d\n" % (height, width)
    if not packed:
        return content + coded.tobytes()
    for row in coded:
        content += bytes([2, 2, width >> 8, width & 255])
        for channel in row.T:
            content += run_lengths(channel.tolist())
    return content


def run_lengths(values):
    out, at = b"", 0
    while at < len(values):
        count = 1
        while at + count < len(values) and count < 127 and values[at + count] == values[at]:
            count += 1
        if count > 2:
            out += bytes([128 + count, values[at]])
        else:
            count = min(2, len(values) - at)
            out += bytes([count, *values[at : at + count]])
        at += count
    return out


class TestDirections:
    def test_where_rows_and_columns_look(self):
        look = skies.directions(64)
        assert look[0, :, 2].min() > 0.99 and look[-1, :, 2].max() < -0.99
        middle = look[31:33, 63:65].mean(axis=(0, 1))
        assert middle == pytest.approx([1, 0, 0], abs=0.02)
        left = look[32, 32]
        assert left == pytest.approx([0, 1, 0], abs=0.03)
        assert np.abs(np.linalg.norm(look, axis=-1) - 1).max() < 1e-12

    def test_constant_light_gives_pi(self):
        assert skies.irradiance_up(skies.constant((1, 2, 0.5), 64)) == pytest.approx(
            np.pi * np.array([1, 2, 0.5]), rel=1e-3
        )


class TestDay:
    @settings(max_examples=25)
    @given(
        st.floats(-90, 90),
        st.floats(-720, 720),
        st.floats(1, 20),
        st.floats(0, 1),
        st.integers(0, 99),
    )
    def test_any_sky_is_finite_and_not_negative(self, elevation, azimuth, haze, clouds, number):
        radiance, sun = skies.sky(elevation, azimuth, haze, clouds, seed=Seed(number), height_px=16)
        assert radiance.shape == (16, 32, 3) and radiance.dtype == np.float32
        assert np.isfinite(radiance).all() and (radiance >= 0).all()
        assert np.linalg.norm(sun.direction) == pytest.approx(1)
        assert (sun.irradiance >= 0).all() and sun.irradiance.max() < 4.6

    def test_the_sun_stands_where_it_was_put(self):
        _, sun = skies.sky(30, 90, cloudiness=0, seed=Seed(1))
        assert sun.direction == pytest.approx([0, np.cos(np.pi / 6), 0.5])
        radiance, _ = skies.sky(30, 90, cloudiness=0, seed=Seed(1))
        brightest = np.unravel_index((radiance @ LIGHT)[:32].argmax(), (32, 128))
        look = skies.directions(64)[brightest]
        assert np.degrees(np.arccos(look @ sun.direction)) < 15

    def test_energies_of_a_clear_noon(self):
        radiance, sun = skies.sky(65, 0, 2.5, 0.0, seed=Seed(1))
        assert 3 < sun.irradiance @ LIGHT < 4
        upper = (radiance @ LIGHT)[:32]
        assert upper.min() > 0.05 and upper.mean() < 1
        # Skylight is a seventh to a third of the light on level ground under a clear sky.
        share = skies.irradiance_up(radiance) @ LIGHT / (sun.irradiance @ LIGHT * sun.direction[2])
        assert 1 / 7 < share < 1 / 2

    def test_blue_above_and_red_at_dusk(self):
        radiance, sun = skies.sky(50, 0, cloudiness=0, seed=Seed(1))
        back = radiance[20, 0]
        assert back[2] > 1.5 * back[0]
        assert sun.irradiance[0] > sun.irradiance[1] > sun.irradiance[2]
        _, low = skies.sky(4, 0, cloudiness=0, seed=Seed(1))
        assert low.irradiance[0] / low.irradiance[2] > 3 * sun.irradiance[0] / sun.irradiance[2]

    def test_sun_fades_with_height_haze_and_night(self):
        powers = [skies.sky(e, 0, 3, 0, seed=Seed(1))[1].irradiance[1] for e in (-5, 1, 10, 30, 60)]
        assert powers[0] == 0 and all(a < b for a, b in pairwise(powers))
        hazes = [skies.sky(40, 0, t, 0, seed=Seed(1))[1].irradiance[1] for t in (2, 4, 8)]
        assert hazes[0] > hazes[1] > hazes[2]
        night, _ = skies.sky(-20, seed=Seed(1))
        assert night.max() == 0

    def test_overcast_has_no_sun_and_is_brightest_above(self):
        radiance, sun = skies.sky(40, cloudiness=1.0, seed=Seed(1))
        assert sun.irradiance.max() == 0
        upper = (radiance @ LIGHT)[:32].mean(axis=1)
        # Moon and Spencer: three times as bright at the zenith as at the horizon.
        assert 2.2 < upper[0] / upper[-1] < 3.2
        assert np.ptp(radiance[5], axis=-1).max() < 0.15 * radiance[5].max()

    @pytest.mark.parametrize("share", [0.2, 0.5, 0.8])
    def test_clouds_hide_the_sun_as_often_as_they_cover_the_sky(self, share):
        free = skies.sky(60, 0, 3, 0, seed=Seed(0))[1].irradiance[1]
        hidden = [
            skies.sky(60, 0, 3, share, seed=Seed(k), height_px=8)[1].irradiance[1] < 0.5 * free
            for k in range(80)
        ]
        assert abs(np.mean(hidden) - share) < 0.12 + 4 * np.sqrt(share * (1 - share) / 80)

    def test_the_ground_is_lit_by_sky_and_sun(self):
        radiance, sun = skies.sky(40, cloudiness=0.0, ground=(0.2, 0.1, 0.0), seed=Seed(1))
        arrives = skies.irradiance_up(radiance) + sun.irradiance * sun.direction[2]
        expected = np.array([0.2, 0.1, 0.0]) * arrives / np.pi
        assert radiance[-5, 7] == pytest.approx(expected, rel=1e-5)

    def test_the_seed_moves_the_clouds_only(self):
        one, two = (skies.sky(cloudiness=0.5, seed=Seed(k))[0] for k in (1, 2))
        again = skies.sky(cloudiness=0.5, seed=Seed(1))[0]
        assert np.array_equal(one, again) and not np.array_equal(one, two)
        clear = [skies.sky(cloudiness=0.0, seed=Seed(k))[0] for k in (1, 2)]
        assert np.array_equal(*clear)

    @pytest.mark.parametrize(
        "wrong",
        [
            {"sun_elevation": 91},
            {"cloudiness": -0.1},
            {"turbidity": float("nan")},
            {"height_px": 1},
        ],
    )
    def test_numbers_out_of_range(self, wrong):
        with pytest.raises(SceneError, match=next(iter(wrong))):
            skies.sky(**wrong, seed=Seed(1))


class TestOthers:
    def test_studio_has_boxes_above_the_horizon(self):
        empty = skies.studio(0, 3.0, 0.3, seed=Seed(1))
        boxes = skies.studio(4, 3.0, 0.3, seed=Seed(1))
        lit = (boxes - empty).max(axis=-1) > 0.5
        assert 0.02 < lit.mean() < 0.3 and not lit[34:].any()
        assert empty.max() <= 0.3 + 1e-6
        assert np.array_equal(boxes, skies.studio(4, 3.0, 0.3, seed=Seed(1)))

    def test_night_has_its_mean(self):
        assert skies.night(0.05).mean() == pytest.approx(0.05, rel=1e-5)
        assert (skies.night() >= 0).all()

    def test_constants_are_colours(self):
        for bad in ((1, 2), (-1, 0, 0), (np.nan, 0, 0)):
            with pytest.raises(SceneError, match="three numbers"):
                skies.constant(bad)


class TestFiles:
    @settings(max_examples=15)
    @given(st.integers(1, 6), st.integers(8, 200), st.booleans(), st.integers(0, 10**6))
    def test_radiance_pictures_come_back_to_their_precision(self, height, width, packed, number):
        rng = np.random.default_rng(number)
        values = rng.lognormal(0, 3, (height, width, 3)) * (rng.random((height, width, 1)) < 0.7)
        coded = rgbe(values)
        coded[:, width // 2 :] = coded[:, width // 2 : width // 2 + 1]  # something to pack
        path = self.folder / "it.hdr"
        path.write_bytes(hdr(coded, packed))
        expected = coded[..., :3] * 2.0 ** (coded[..., 3:].astype(int) - 136)
        expected[coded[..., 3] == 0] = 0
        assert np.array_equal(read_hdr(path), expected.astype(np.float32))

    @pytest.fixture(autouse=True)
    def keep_folder(self, tmp_path_factory):
        type(self).folder = tmp_path_factory.mktemp("hdr")

    def test_old_runs_and_exposure(self):
        pixel, run = bytes([128, 64, 32, 129]), bytes([1, 1, 1, 5])
        path = self.folder / "old.hdr"
        head = b"#?RADIANCE\nEXPOSURE=2\nFORMAT=32-bit_rle_rgbe\n\n-Y 1 +X 6\n"
        path.write_bytes(head + pixel + run)
        assert read_hdr(path)[0] == pytest.approx(np.tile([0.5, 0.25, 0.125], (6, 1)))

    def test_old_runs_longer_than_a_byte(self):
        content = bytes([128, 64, 32, 129]) + bytes([1, 1, 1, 44]) + bytes([1, 1, 1, 1])
        path = self.folder / "long.hdr"
        path.write_bytes(b"#?RADIANCE\n\n-Y 1 +X 301\n" + content)
        assert (read_hdr(path)[0] == [1.0, 0.5, 0.25]).all()

    def test_panoramas_keep_their_energy_when_shrunk(self):
        rng = np.random.default_rng(1)
        big = rng.random((128, 256, 3)).astype(np.float32)
        small = resized(big, 32, 64)
        assert small.mean() == pytest.approx(big.mean(), rel=1e-5)
        assert np.allclose(small, big.reshape(32, 4, 64, 4, 3).mean(axis=(1, 3)), atol=1e-5)

    def test_photographs_are_decoded_to_linear_light(self):
        array = np.random.default_rng(1).integers(0, 256, (16, 32, 3), np.uint8)
        Image.fromarray(array).save(self.folder / "p.png")
        radiance = skies.load_environment(self.folder / "p.png")
        assert np.array_equal(radiance, decode_srgb(array))
        Image.fromarray(array[:, :20]).save(self.folder / "q.png")
        assert skies.load_environment(self.folder / "q.png").shape == (10, 20, 3)

    def test_hdr_panoramas(self):
        values = np.full((64, 128, 3), (4.0, 2.0, 1.0))
        (self.folder / "e.hdr").write_bytes(hdr(rgbe(values), True))
        radiance = skies.load_environment(self.folder / "e.hdr", height_px=16)
        assert radiance.shape == (16, 32, 3) and radiance[3, 5].tolist() == [4, 2, 1]

    @pytest.mark.parametrize(
        ("name", "content", "words"),
        [
            ("a.hdr", None, "no file"),
            ("b.hdr", b"", "empty"),
            ("c.hdr", b"P6 3 3 255", "not a Radiance"),
            ("d.hdr", b"#?RADIANCE\nFORMAT=32-bit_rle_xyze\n\n-Y 1 +X 1\nabcd", "XYZ"),
            ("e.hdr", b"#?RADIANCE\n\n+X 4 -Y 4\n", "size line"),
            ("f.hdr", b"#?RADIANCE\n\n-Y 4 +X 4\nabc", "cut off"),
            ("g.hdr", b"#?RADIANCE\n\n-Y 99999 +X 99999\nabc", "pixels"),
            ("h.hdr", b"#?RADIANCE\n\n-Y 1 +X 9\n\x02\x02\x00\x09\xff\x01", "cut off"),
            ("i.exr", b"v/1\x01", "OpenEXR"),
            ("j.png", b"nothing", "not a picture"),
        ],
    )
    def test_bad_files_are_one_sentence(self, name, content, words):
        path = self.folder / name
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(AssetError, match=words) as caught:
            skies.load_environment(path)
        assert name in caught.value.args[0] and "\n" not in caught.value.args[0]
