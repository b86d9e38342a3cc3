"""Examples for the tests of formats: small, random, and as odd as the contract allows."""

import io
import math

import numpy as np
import pytest
from hypothesis import strategies as st
from PIL import Image

from abbild.core import FileFormatError
from abbild.images.annotation import Annotation, Example, Keypoint
from abbild.images.formats import read_examples
from abbild.images.formats.masks import mask_box

KEYPOINTS = {"Tasse": ("lip", "base"), "food/cup 2": ("lip", "base"), "Straßenschild": ()}
CATEGORIES = tuple(KEYPOINTS)
WORDS = st.text(st.characters(exclude_categories=("Cs",)), max_size=12)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.floats(-9, 9) | WORDS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(WORDS, inner, max_size=2),
    max_leaves=4,
)


def picture(example):
    """Return a PNG of the example's size whose colour is its index."""
    buffer = io.BytesIO()
    colour = (example.index % 251, example.index // 251 % 251, 77)
    Image.new("RGB", (example.width, example.height), colour).save(buffer, "PNG")
    return buffer.getvalue()


def rotation(rng):
    q, r = np.linalg.qr(rng.normal(size=(3, 3)))
    q = q * np.sign(np.diag(r))
    return q * np.sign(np.linalg.det(q))


def rigid(rng, distance=3.0):
    matrix = np.eye(4)
    matrix[:3, :3] = rotation(rng)
    matrix[:3, 3] = [*rng.uniform(-1, 1, 2), distance]
    return matrix


def points(rng, names, width, height):
    found = []
    for name in names:
        seen = int(rng.integers(3))
        x, y = rng.uniform(0, width), rng.uniform(0, height)
        if seen == 0:
            x = math.nan if rng.random() < 0.5 else -x - 1
        found.append(Keypoint(name, float(x), float(y), seen))
    return tuple(found)


def annotation(rng, instance, label, owner, attributes):
    """Return a body that owns the pixels `owner == instance`; it may own none."""
    height, width = owner.shape
    mask = owner == instance
    amodal = mask | (rng.random(owner.shape) < 0.2)
    inside, area = int(amodal.sum()), int(mask.sum())
    whole = inside + int(rng.integers(5))
    box = mask_box(mask)
    around = mask_box(amodal)
    if whole > inside:
        x0, y0, x1, y1 = around or (-9.0, -9.0, -7.0, -7.0)
        around = (x0 - 2, y0 - 3, x1 + 4, y1)
    return Annotation(
        instance=instance,
        name=f"bodies/{instance}",
        label=label,
        box=box,
        amodal_box=around,
        mask=mask,
        amodal_mask=amodal,
        area_px=area,
        visible=area / whole if whole else 0.0,
        truncated=1 - inside / whole if whole else 0.0,
        occluded=1 - area / inside if inside else 0.0,
        pose=rigid(rng),
        size=rng.uniform(0.1, 2, 3),
        center=rng.uniform(-1, 1, 3),
        z=float(rng.uniform(1, 3)) if area else math.nan,
        keypoints=points(rng, KEYPOINTS[label], width, height),
        attributes=attributes,
    )


@st.composite
def examples(draw, index=None):
    """Return one image of a few pixels with up to four bodies."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    width, height = draw(st.integers(1, 20)), draw(st.integers(1, 20))
    labels = draw(st.lists(st.sampled_from(CATEGORIES), max_size=4))
    owner = rng.integers(0, len(labels) + 2, (height, width))
    number = draw(st.integers(0, 5000)) if index is None else index
    camera = np.array([[70.0, 0.0, width / 2 + 0.25], [0.0, 71.0, height / 2], [0.0, 0.0, 1.0]])
    return Example(
        index=number,
        file=f"images/{number:06d}.png",
        width=width,
        height=height,
        label=draw(st.sampled_from(["0", "17", "grün", "food/cup", "CON", ".", "00007", "%41 "])),
        annotations=tuple(
            annotation(rng, place, label, owner, draw(st.dictionaries(WORDS, VALUES, max_size=2)))
            for place, label in enumerate(labels, 1)
        ),
        caption=draw(WORDS),
        intrinsics=camera,
        camera=rigid(rng),
        parameters=draw(st.dictionaries(WORDS, VALUES, max_size=2)),
    )


@st.composite
def sets(draw, max_size=4):
    """Return a few examples with ascending numbers of their own."""
    numbers = draw(st.lists(st.integers(0, 3000), max_size=max_size, unique=True))
    return [draw(examples(index=number)) for number in sorted(numbers)]


def planted():
    """Return two images with everything: bodies that hide each other and one that is hidden."""
    rng = np.random.default_rng(5)
    found = []
    for index in (3, 1204):
        owner = np.zeros((24, 32), np.int64)
        owner[2:12, 3:14], owner[8:20, 10:30], owner[15:18, 20:22] = 1, 2, 0
        camera = np.array([[40.0, 0.0, 16.0], [0.0, 40.0, 12.0], [0.0, 0.0, 1.0]])
        bodies = [
            annotation(rng, place, label, owner, {"colour": "grün", "n": place})
            for place, label in enumerate(("Tasse", "food/cup 2", "Straßenschild"), 1)
        ]
        found.append(
            Example(
                index,
                f"images/{index:06d}.png",
                32,
                24,
                label=str(index % 43),
                annotations=tuple(bodies),
                caption="Zwei Tassen vor einem Schild.",
                intrinsics=camera,
                camera=rigid(rng),
                parameters={"light/intensity": 3.5, "names": ["a", "b"]},
            )
        )
    return found


def equal(a, b, atol=0.0):
    """Return whether two values of the contract are the same, NaN being NaN."""
    if isinstance(a, np.ndarray) or isinstance(b, np.ndarray):
        return (
            isinstance(a, np.ndarray)
            and isinstance(b, np.ndarray)
            and a.shape == b.shape
            and np.allclose(a, b, rtol=0, atol=atol, equal_nan=True)
        )
    if isinstance(a, float) or isinstance(b, float):
        if a is None or b is None:
            return a is b
        return (math.isnan(a) and math.isnan(b)) or abs(a - b) <= atol
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(equal(x, y, atol) for x, y in zip(a, b, strict=True))
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(equal(a[key], b[key], atol) for key in a)
    if isinstance(a, Keypoint):
        return (a.name, a.visibility) == (b.name, b.visibility) and equal(
            (a.x, a.y), (b.x, b.y), atol
        )
    return a == b


def assert_same(left, right, fields, atol=0.0):
    """Compare the named fields of examples, or of annotations."""
    assert len(left) == len(right)
    for a, b in zip(left, right, strict=True):
        for name in fields:
            x, y = getattr(a, name), getattr(b, name)
            assert equal(x, y, atol), f"{name}: {x} != {y}"


def seen(example):
    return [one for one in example.annotations if one.box is not None]


def tree(folder):
    """Return the bytes of every file below a folder."""
    return {
        file.relative_to(folder).as_posix(): file.read_bytes()
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }


OUTSIDE = [
    "../../x.png",
    "/etc/passwd",
    "C:\\x.png",
    "c:/x.png",
    "a/../../x.png",
    "",
    ".",
    "..",
    "\\\\server\\x.png",
    "a\x00b.png",
]


def png(width=20, height=10):
    buffer = io.BytesIO()
    Image.new("RGB", (width, height), (1, 2, 3)).save(buffer, "PNG")
    return buffer.getvalue()


def refused(path, name, *said):
    with pytest.raises(FileFormatError) as error:
        list(read_examples(path, name))
    message = str(error.value)
    for part in said:
        assert part in message, message
    assert len(str(error.value.args[0])) < 500
    return message
