"""What the values drawn for a data set cover, path by path, beside what was planned."""

from __future__ import annotations

import colorsys
import math
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from abbild.core import Seed
from abbild.images.plans import PlannedRange, plan_document, planned_levels

__all__ = ["Coverage"]

KEPT = 4096  # values of a path from which its histogram is made; up to here it is exact
BUFFER = 4096
BINS = 24
MAX_PATHS = 5000
MAX_LEVELS = 1000  # of a category
LISTED = 40  # levels, and whole numbers drawn one by one
SWATCHES = 48
MAX_PARTS = 16  # numbers of one tuple
_COLOR = re.compile(r"#[0-9a-fA-F]{6}")
_PART = re.compile(r"\[(\d+)\]$")  # a number of a tuple
_MEMBER = re.compile(r"/\d+(?=/|$)")

Floats = NDArray[np.float64]


@dataclass
class _Reservoir:
    """A uniform sample of at most `KEPT` values, with count and range of all of them.

    Each value gets a random key and the smallest keys stay, so the sample does not depend on any
    period in the values (every eighth member of a group, the decks of a balanced choice).
    """

    seed: Seed
    n: int = 0
    low: float = math.inf
    high: float = -math.inf
    whole: bool = True
    buffer: list[float] = field(default_factory=list)
    keys: Floats = field(default_factory=lambda: np.empty(0))
    values: Floats = field(default_factory=lambda: np.empty(0))
    rng: np.random.Generator | None = None

    def add(self, value: float) -> None:
        self.buffer.append(value)
        if len(self.buffer) >= BUFFER:
            self.flush()

    def total(self) -> int:
        """Return how many values came."""
        self.flush()
        return self.n

    def flush(self) -> None:
        """Move the buffer into the sample."""
        if not self.buffer:
            return
        fresh = np.array(self.buffer, np.float64)
        self.buffer.clear()
        self.n += len(fresh)
        self.low = min(self.low, float(fresh.min()))
        self.high = max(self.high, float(fresh.max()))
        self.whole = self.whole and bool((fresh == np.floor(fresh)).all())
        self.rng = self.rng or self.seed.rng()
        keys = np.concatenate([self.keys, self.rng.random(len(fresh))])
        values = np.concatenate([self.values, fresh])
        if len(keys) > KEPT:
            keep = np.sort(np.argpartition(keys, KEPT)[:KEPT])
            keys, values = keys[keep], values[keep]
        self.keys, self.values = keys, values


class Coverage:
    """Takes the drawn values of one image after the other; memory does not grow with them.

    Parameters
    ----------
    planned : path to distribution, as a node or as its document, with "*" for members of groups;
        see `abbild.images.plans.planned_values`
    """

    def __init__(self, planned: Mapping[str, Any] | None = None) -> None:
        self._planned = {path: plan_document(plan) for path, plan in (planned or {}).items()}
        self._pooled: dict[str, str] = {}
        self._numbers: dict[str, _Reservoir] = {}
        self._colors: dict[str, _Reservoir] = {}
        self._levels: dict[str, Counter[str]] = {}
        self._left_out: set[int] = set()

    def add(self, values: Mapping[str, Any]) -> None:
        """Take the values of one image."""
        for path, value in values.items():
            self._take(self._pool(path), value)

    def _pool(self, path: str) -> str:
        """Return `path` with "*" for each number in it, so that members of a group are one."""
        known = self._pooled.get(path)
        if known is None:
            known = path if path in self._planned else _MEMBER.sub("/*", path)
            if len(self._pooled) < 20 * MAX_PATHS:
                self._pooled[path] = known
        return known

    def _take(self, path: str, value: Any) -> None:
        if isinstance(value, (bool, np.bool_)) or value is None:
            self._level(path, str(value).lower() if value is not None else "none")
        elif isinstance(value, (int, float, np.integer, np.floating)):
            if math.isfinite(value):
                self._number(self._numbers, path, float(value))
            else:
                self._level(path, "not finite")
        elif isinstance(value, str):
            if _COLOR.fullmatch(value):
                self._number(self._colors, path, float(int(value[1:], 16)))
            else:
                self._level(path, value)
        else:
            self._take_parts(path, value)

    def _take_parts(self, path: str, value: Any) -> None:
        if isinstance(value, np.ndarray):
            value = value.ravel().tolist()
        if isinstance(value, Mapping):
            for key, item in list(value.items())[:MAX_PARTS]:
                self._take(f"{path}/{key}", item)
            return
        parts = list(value) if isinstance(value, (tuple, list)) else [value]
        if parts and all(isinstance(part, (int, float)) for part in parts):
            for k, part in enumerate(parts[:MAX_PARTS]):
                self._take(f"{path}[{k}]", part)
        else:
            self._level(path, ", ".join(map(str, parts[:MAX_PARTS])))

    def _number(self, kind: dict[str, _Reservoir], path: str, value: float) -> None:
        found = kind.get(path)
        if found is None:
            if not self._room(path):
                return
            found = kind[path] = _Reservoir(Seed(0) / "coverage" / path)
        found.add(value)

    def _level(self, path: str, level: str) -> None:
        found = self._levels.get(path)
        if found is None:
            if not self._room(path):
                return
            found = self._levels[path] = Counter()
        level = level[:200]
        found[level if level in found or len(found) < MAX_LEVELS else "(others)"] += 1

    def _room(self, path: str) -> bool:
        room = len(self._numbers) + len(self._colors) + len(self._levels) < MAX_PATHS
        if not room and len(self._left_out) < 20 * MAX_PATHS:
            self._left_out.add(hash(path))
        return room

    def result(self) -> dict[str, Any]:
        """Return {parameters, left_out}: what each path covers, in the order of the paths.

        A parameter is {path, kind, n, ...}. ``number``: min, max, whole, log, edges, shares (of
        the bins), and if a range was planned: planned (shares of the same bins), planned_low,
        planned_high, planned_kind, distance (Kolmogorov's, of at most 4,096 values), noise (the
        distance that a true sample of that size exceeds once in 100), covered (share of 20
        equally likely parts of the planned range that were met), outside (share of values out of
        it). ``category``: levels [[name, n]], most frequent first, distinct, and planned, shares
        of these levels. ``color``: distinct, colors (some of them, by hue).
        """
        levels = {path: Counter(counts) for path, counts in self._levels.items()}
        numbers, colors = dict(self._numbers), dict(self._colors)
        for path in levels:  # of mixed kinds: nothing at times, at others what an option draws
            for kept in (numbers.pop(path, None), colors.pop(path, None)):
                if kept is not None:
                    levels[path][_spanned(kept)] += kept.total()
        found = [self._numeric(path, kept) for path, kept in numbers.items()]
        found += [_colored(path, kept) for path, kept in colors.items()]
        found += [self._categorical(path, counts) for path, counts in levels.items()]
        found.sort(key=lambda entry: (entry["path"], entry["kind"]))
        return {"parameters": found, "left_out": len(self._left_out)}

    def _numeric(self, path: str, kept: _Reservoir) -> dict[str, Any]:
        kept.flush()
        values = np.sort(kept.values)
        part = _PART.search(path)
        base = path[: part.start()] if part else path
        plan = PlannedRange.read(self._planned.get(base), int(part[1]) if part else None)
        low, high = kept.low, kept.high
        if plan is not None:
            low, high = min(low, plan.low), max(high, plan.high)
        log = plan.log if plan is not None else low > 0 and high / low > 100
        edges = _edges(low, high, log and low > 0, kept.whole and (plan is None or plan.whole))
        shares = np.histogram(values, edges)[0] / max(1, len(values))
        entry = {
            "path": path,
            "kind": "number",
            "n": kept.n,
            "min": kept.low,
            "max": kept.high,
            "whole": kept.whole,
            "log": bool(log and low > 0),
            "edges": edges.tolist(),
            "shares": shares.tolist(),
        }
        return entry if plan is None else entry | plan.compared(values, edges)

    def _categorical(self, path: str, counts: Counter[str]) -> dict[str, Any]:
        levels = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
        plan = planned_levels(self._planned.get(path))
        missing = [name for name in plan if name not in counts]
        levels += [(name, 0) for name in missing]
        shown = levels[: LISTED - len(missing[:LISTED])] + levels[len(levels) - len(missing) :]
        shown = list(dict.fromkeys(shown))[:LISTED]
        entry: dict[str, Any] = {
            "path": path,
            "kind": "category",
            "n": counts.total(),
            "distinct": len(counts),
            "levels": [[name, n] for name, n in shown],
        }
        if plan:
            entry["planned"] = [plan.get(name) for name, _ in shown]
            entry["missing"] = missing[:LISTED]
        return entry


def _spanned(kept: _Reservoir) -> str:
    """Return numbers among levels as one level."""
    kept.flush()
    low, high = f"{kept.low:g}", f"{kept.high:g}"
    return low if low == high else f"{low} to {high}"


def _edges(low: float, high: float, log: bool, whole: bool) -> Floats:
    """Return edges of bins from `low` to `high`; those of whole numbers lie between them."""
    if whole and high - low < 2**52:
        step = max(1.0, math.ceil((high - low + 1) / LISTED))
        return np.arange(low - 0.5, high + 0.5 + step, step)
    if high <= low:
        pad = abs(low) * 1e-6 or 1e-6
        return np.array([low - pad, high + pad])
    if not math.isfinite(high - low):
        return np.array([low, high])
    edges = np.geomspace(low, high, BINS + 1) if log else np.linspace(low, high, BINS + 1)
    edges[0], edges[-1] = low, high
    return edges if (np.diff(edges) > 0).all() else np.array([low, high])


def _colored(path: str, kept: _Reservoir) -> dict[str, Any]:
    kept.flush()
    distinct = np.unique(kept.values).astype(int).tolist()
    every = len(distinct) / SWATCHES
    chosen = distinct if every <= 1 else _spread(distinct)
    return {
        "path": path,
        "kind": "color",
        "n": kept.n,
        "distinct": len(distinct),
        "colors": [f"#{value:06x}" for value in sorted(chosen, key=_hue)],
    }


def _spread(values: list[int]) -> list[int]:
    ordered = sorted(values, key=_hue)
    return [ordered[k * len(ordered) // SWATCHES] for k in range(SWATCHES)]


def _hue(value: int) -> tuple[float, float]:
    rgb = (value >> 16, value >> 8 & 255, value & 255)
    hue, saturation, light = colorsys.rgb_to_hsv(*(part / 255 for part in rgb))
    return (round(hue, 3) if saturation > 0.08 else -1.0, light)  # greys first
