"""What is in an image data set, counted in one pass and said in plain words."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from abbild.images.annotation import Annotation, Example
from abbild.images.coverage import Coverage
from abbild.images.findings import findings
from abbild.images.likeness import Likeness

__all__ = ["survey"]

Pixels = NDArray[np.uint8]

SMALL, MEDIUM = 32**2, 96**2  # square pixels; the limits of COCO's evaluation
TINY_PX = 4  # a box with a shorter side teaches nothing
BARELY = 0.1  # visible share below which an object is hardly there
BINS = 20
NAMES = 1000  # classes, categories and sizes that are told apart
REASONS = 50
REST = "(others)"
_DIGITS = re.compile(r"([0-9]{1,18})")


def survey(
    examples: Iterable[Example],
    failed: Iterable[tuple[int, str]] = (),
    read_pixels: Callable[[Example], Pixels] | None = None,
    *,
    planned: Mapping[str, Any] | None = None,
    checks: Mapping[str, Any] | None = None,
    compared: int = 2000,
) -> dict[str, Any]:
    """Return what a data set holds as plain values, for `abbild.report.render_pictures`.

    Parameters
    ----------
    examples : one after the other; none is kept
    failed : (index, reason) of each attempt that gave no image; read after `examples`. An index
        that is also among the examples needed further attempts, any other image is missing
    read_pixels : returns the picture of an example, (h, w, 3) or (h, w) uint8. None leaves out
        what needs pixels
    planned : what was asked for, any of: "images", a number; "labels", the classes there should
        be; "categories", those of objects; and path to distribution, as `plans.planned_values`
        returns
    checks : name to worst error, or to {worst, limit, unit, n}, of self-checks the caller made
    compared : pictures that are read and compared at most; from a larger data set a regular
        selection is taken

    Returns
    -------
    dict as described in docs/report-format.md; JSON can hold it

    Notes
    -----
    About 20 microseconds for each image, 5 for each object and 1 for each drawn value; memory is
    bounded but for two numbers an image. `read_pixels` is called for at most `compared` images,
    and for half as many again each time the data set is twice as large.
    """
    planned = dict(planned or {})
    tally, likeness = _Tally(), Likeness(compared)
    coverage = Coverage({k: plan for k, plan in planned.items() if k.startswith("/")})
    for example in examples:
        tally.add(example)
        coverage.add(example.parameters)
        if read_pixels is not None and likeness.wants():
            likeness.add(read_pixels(example), example.file)
    found = {
        "format": 1,
        "images": tally.images(failed, planned.get("images")),
        "labels": _named(tally.labels, planned.get("labels")),
        "categories": tally.categories(planned.get("categories")),
        "objects": tally.objects(),
        "boxes": tally.boxes(),
        "visibility": tally.visibility(),
        "coverage": coverage.result(),
        "pixels": None if read_pixels is None else likeness.tones(),
        "duplicates": {
            **({} if read_pixels is None else likeness.duplicates()),
            "same_values": tally.same_values,
        },
        "checks": [_check(name, value) for name, value in (checks or {}).items()],
    }
    return found | {"findings": findings(found)}


class _Bins:
    """A histogram of shares in [0, 1], with the exact zeros and ones beside it."""

    def __init__(self) -> None:
        self.counts = [0] * BINS
        self.zeros = self.ones = 0

    def add(self, share: float) -> None:
        if math.isfinite(share):
            self.counts[min(BINS - 1, max(0, int(share * BINS)))] += 1
            self.zeros += share <= 0
            self.ones += share >= 1

    def result(self) -> dict[str, Any]:
        edges = [k / BINS for k in range(BINS + 1)]
        return {"edges": edges, "counts": self.counts, "zeros": self.zeros, "ones": self.ones}


class _Tally:
    """Counts examples and their objects."""

    def __init__(self) -> None:
        self.made: set[int] = set()
        self.count = self.same_values = 0
        self.labels: Counter[str] = Counter()
        self.sizes: Counter[tuple[int, int]] = Counter()
        self.per_image: Counter[int] = Counter()
        self.instances: Counter[str] = Counter()
        self.seen: Counter[str] = Counter()
        self.images_with: Counter[str] = Counter()
        self.classes: Counter[str] = Counter()  # small, medium, large, tiny, barely
        self.bins = {name: _Bins() for name in ("relative", "visible", "occluded", "truncated")}
        self._drawn: set[int] = set()

    def add(self, example: Example) -> None:
        """Count one image."""
        self.made.add(example.index)
        self.count += 1
        self.labels[_room(self.labels, example.label)] += 1
        size = (int(example.width), int(example.height))
        if size in self.sizes or len(self.sizes) < NAMES:
            self.sizes[size] += 1
        self._same(example)
        boxes = [one for one in example.annotations if one.box is not None]
        self.per_image[len(boxes)] += 1
        for one in example.annotations:
            self._object(one, example.width * example.height)
        self.images_with.update({_room(self.instances, one.label) for one in boxes})

    def _same(self, example: Example) -> None:
        """Count an image whose camera and every drawn value are those of an earlier one."""
        values = example.parameters
        if not values:
            return
        camera = b"" if example.camera is None else example.camera.tobytes()
        try:
            key = hash((camera, *values.items()))
        except TypeError:
            key = hash((camera, repr(list(values.items()))))
        self.same_values += key in self._drawn
        self._drawn.add(key)

    def _object(self, one: Annotation, pixels: int) -> None:
        name = _room(self.instances, one.label)
        self.instances[name] += 1
        for share in ("visible", "occluded", "truncated"):
            self.bins[share].add(float(getattr(one, share)))
        if one.box is None:
            return
        self.seen[name] += 1
        width, height = float(one.box[2] - one.box[0]), float(one.box[3] - one.box[1])
        area = one.area_px or width * height
        self.classes["small" if area < SMALL else "medium" if area < MEDIUM else "large"] += 1
        self.classes["tiny"] += min(width, height) < TINY_PX
        self.classes["barely"] += float(one.visible) < BARELY
        self.bins["relative"].add(math.sqrt(max(0.0, width * height / max(1, pixels))))

    def images(self, failed: Iterable[tuple[int, str]], asked: Any) -> dict[str, Any]:
        """Return numbers of images, made and failed."""
        attempts: Counter[int] = Counter()
        reasons: Counter[str] = Counter()
        last: dict[int, str] = {}
        for index, reason in failed:
            name = _room(reasons, " ".join(str(reason).split())[:300], REASONS)
            attempts[index] += 1
            reasons[name] += 1
            last[index] = name
        lost = Counter(name for index, name in last.items() if index not in self.made)
        retried = len(attempts) - lost.total()
        sizes = sorted(self.sizes.items(), key=lambda item: (-item[1], item[0]))
        return {
            "made": self.count,
            "failed": lost.total(),
            "asked": int(asked) if isinstance(asked, int) else None,
            "attempts": self.count + attempts.total(),
            "retried": retried,
            "reasons": [
                {"reason": name, "times": n, "images": lost[name]} for name, n in _ranked(reasons)
            ],
            "sizes": [[width, height, n] for (width, height), n in sizes[:20]],
            "empty": self.per_image[0] if self.instances else 0,
        }

    def categories(self, expected: Any) -> dict[str, Any]:
        """Return the objects of each category."""
        found = _named(self.instances, expected)
        found["counts"] = [
            {
                "name": name,
                "objects": n,
                "visible": self.seen[name],
                "images": self.images_with[name],
            }
            for name, n in found["counts"]
        ]
        return found

    def objects(self) -> dict[str, Any]:
        """Return numbers of objects, in all and in an image."""
        counts = np.array(sorted(self.per_image.items()), np.int64).reshape(-1, 2)
        top = int(counts[-1, 0]) if len(counts) else 0
        step = max(1, math.ceil((top + 1) / 40))
        edges = np.arange(0, top + 1 + step, step)
        bars = np.histogram(counts[:, 0], edges, weights=counts[:, 1])[0]
        visible = self.seen.total()
        return {
            "total": self.instances.total(),
            "visible": visible,
            "min": int(counts[0, 0]) if len(counts) else None,
            "max": top if len(counts) else None,
            "mean": visible / self.count if self.count else None,
            "per_image": {"edges": edges.tolist(), "counts": bars.astype(int).tolist()},
        }

    def boxes(self) -> dict[str, Any]:
        """Return how large boxes are."""
        sizes = {
            name: self.classes[name] for name in ("small", "medium", "large", "tiny", "barely")
        }
        return {"n": self.seen.total(), **sizes, "relative": self.bins["relative"].result()}

    def visibility(self) -> dict[str, Any]:
        """Return what is seen of the objects."""
        return {name: self.bins[name].result() for name in ("visible", "occluded", "truncated")}


def _room(counts: Counter[str], name: str, limit: int = NAMES) -> str:
    """Return `name`, or that of the rest where there are too many."""
    return name if name in counts or len(counts) < limit else REST


def _ranked(counts: Counter[str]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))


def _named(counts: Counter[str], expected: Any) -> dict[str, Any]:
    """Return the counts of names by name, and the expected ones that are missing."""
    listed = expected if isinstance(expected, (list, tuple)) else []
    wanted = dict.fromkeys(str(name) for name in listed)
    unnamed = counts.get("", 0)
    present = [(name, n) for name, n in counts.items() if name]
    return {
        "total": len(present),
        "unnamed": unnamed,
        "counts": [[name, n] for name, n in sorted(present, key=lambda item: _natural(item[0]))],
        "missing": [name for name in wanted if name not in counts][:NAMES],
    }


def _natural(name: str) -> tuple[list[tuple[int, str]], str]:
    """Order names by the numbers in them: "class 2" comes before "class 10"."""
    parts = _DIGITS.split(name)
    return [(int(part), "") if k % 2 else (0, part) for k, part in enumerate(parts)], name


def _check(name: str, value: Any) -> dict[str, Any]:
    given = value if isinstance(value, Mapping) else {"worst": value}
    worst, limit, n = (_number(given.get(key)) for key in ("worst", "limit", "n"))
    kept = None if worst is None or limit is None else bool(worst <= limit)
    if worst is None and limit is not None and given.get("worst") is not None:
        kept = False  # not a number, or infinite
    unit = str(given.get("unit", ""))
    return {"name": name, "worst": worst, "limit": limit, "unit": unit, "n": n, "kept": kept}


def _number(value: Any) -> float | None:
    if value is None or not math.isfinite(value):
        return None
    return float(value)
