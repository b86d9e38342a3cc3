"""What a scene plans for its values: ranges and options, path by path."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from abbild.images.scene.distributions import Balanced, Choice, Distribution, Given, Same
from abbild.images.scene.document import kind_of
from abbild.images.scene.nodes import Group

__all__ = ["PlannedRange", "plan_document", "planned_levels", "planned_values"]

_COLOR = re.compile(r"#[0-9a-fA-F]{6}")
PARTS = 20  # equally likely parts of a range, for the share that was met

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class PlannedRange:
    """A planned range of numbers: uniform, log-uniform, or whole numbers equally often."""

    kind: str
    low: float
    high: float

    @property
    def log(self) -> bool:
        """Whether the logarithm is what is spread evenly."""
        return self.kind == "log-uniform"

    @property
    def whole(self) -> bool:
        """Whether there are only whole numbers."""
        return self.kind == "whole"

    @classmethod
    def read(cls, document: Any, part: int | None) -> PlannedRange | None:
        """Read the document of a distribution; None if it plans no range of numbers."""
        if not isinstance(document, Mapping):
            return None
        kind = document.get("kind")
        if kind not in ("uniform", "log-uniform", "whole"):
            return None
        ends = []
        for name in ("low", "high"):
            end = document.get(name)
            if isinstance(end, (tuple, list)):
                end = end[part] if part is not None and part < len(end) else None
            if isinstance(end, bool) or not isinstance(end, (int, float)):
                return None
            ends.append(float(end))
        low, high = ends
        sound = math.isfinite(low) and math.isfinite(high) and low <= high
        return cls(kind, low, high) if sound and (kind != "log-uniform" or low > 0) else None

    def cdf(self, x: Floats) -> Floats:
        """Return the planned share of values up to `x`, (n,) to (n,)."""
        if self.whole:
            part = (np.floor(x) - self.low + 1) / (self.high - self.low + 1)
        elif self.low == self.high:
            part = (x >= self.low).astype(np.float64)
        elif self.log:
            safe = np.maximum(x, self.low)
            part = np.log(safe / self.low) / math.log(self.high / self.low)
        else:
            part = (x - self.low) / (self.high - self.low)
        clipped: Floats = np.clip(part, 0.0, 1.0)
        return clipped

    def compared(self, values: Floats, edges: Floats) -> dict[str, Any]:
        """Return how sorted `values`, (n,), compare with the plan."""
        n = len(values)
        just_below = np.floor(values) - 0.5 if self.whole else values
        upper = np.searchsorted(values, values, side="right") / n - self.cdf(values)
        lower = self.cdf(just_below) - np.searchsorted(values, values, side="left") / n
        if self.low == self.high:  # the plan jumps there: only what lies elsewhere differs
            distance = float((values != self.low).mean())
        else:
            distance = float(max(upper.max(), lower.max(), 0.0))
        beyond = 1e-9 * max(abs(self.low), abs(self.high))
        outside = (values < self.low - beyond) | (values > self.high + beyond)
        return {
            "planned": np.diff(self.cdf(edges)).tolist(),
            "planned_kind": self.kind,
            "planned_low": self.low,
            "planned_high": self.high,
            "distance": distance,
            # Massart (1990): P(D > d) <= 2 exp(-2 n d^2)
            "noise": math.sqrt(math.log(2 / 0.01) / (2 * n)),
            "covered": self._covered(values),
            "outside": float(outside.mean()),
        }

    def _covered(self, values: Floats) -> float:
        """Return the share of 20 equally likely parts of the range that hold a value."""
        parts = PARTS
        if self.whole:
            parts = int(min(parts, self.high - self.low + 1))
            place = (np.round(values) - self.low + 0.5) / (self.high - self.low + 1)
        else:
            place = self.cdf(values)
        met = np.unique(np.clip((place * parts).astype(int), 0, parts - 1))
        return 1.0 if self.low == self.high else len(met) / parts


def plan_document(plan: Any) -> Any:
    """Return a distribution as a mapping with its kind; a document stays as it is."""
    if not is_dataclass(plan) or isinstance(plan, type):
        return plan
    return {"kind": kind_of(type(plan))} | {p.name: getattr(plan, p.name) for p in fields(plan)}


def planned_levels(plan: Any) -> dict[str, float]:
    """Return the planned share of each level of a choice; {} if it is none, or one of numbers."""
    if not isinstance(plan, Mapping) or plan.get("kind") not in ("choice", "balanced"):
        return {}
    options = plan.get("options")
    if not isinstance(options, (tuple, list)) or not options:
        return {}
    weights = plan.get("weights") or [1.0] * len(options)
    names = [_option_name(option, k) for k, option in enumerate(options)]
    if None in names or len(weights) != len(options) or not sum(weights) > 0:
        return {}
    shares: dict[str, float] = {}
    for name, weight in zip(names, weights, strict=True):
        shares[str(name)] = shares.get(str(name), 0.0) + float(weight) / sum(weights)
    return shares


def _option_name(option: Any, position: int) -> str | None:
    """Return how `drawing` records an option; None for a number or colour."""
    if option is None or isinstance(option, bool):
        return "none" if option is None else str(option).lower()
    if isinstance(option, str):
        return None if _COLOR.fullmatch(option) else option
    if isinstance(option, (int, float)):
        return None
    if is_dataclass(option):
        return f"{position}: {type(option).__name__}"
    if isinstance(option, Mapping) and isinstance(option.get("kind"), str):
        return f"{position}: {''.join(map(str.capitalize, option['kind'].split('-')))}"
    return f"{position}: option"


def planned_values(scene: Any) -> dict[str, Any]:
    """Return the distribution at every path of a scene, with "*" for the members of groups.

    A path that two options of a choice fill differently is left out.
    """
    found: dict[str, Any] = {}
    clashing: set[str] = set()
    for path, plan in _distributions(scene, ""):
        if path in found and found[path] != plan:
            clashing.add(path)
        found[path] = plan
    return {path: plan for path, plan in found.items() if path not in clashing}


def _distributions(value: Any, path: str) -> list[tuple[str, Any]]:
    if isinstance(value, (Choice, Balanced)):
        inner = [_distributions(option, path) for option in value.options if not _simple(option)]
        return [(path, value), *(pair for pairs in inner for pair in pairs)]
    if isinstance(value, (Same, Given)):
        return []
    if isinstance(value, Distribution):
        return [(path, value)]
    if isinstance(value, Group):
        parts: list[tuple[str, Any]] = [("count", value.count), ("*", value.member)]
        parts.append(("placement", value.placement))
    elif is_dataclass(value) and not isinstance(value, type):
        parts = [(part.name, getattr(value, part.name)) for part in fields(value)]
    elif isinstance(value, Mapping):
        parts = [(str(key), item) for key, item in value.items()]
    elif isinstance(value, (tuple, list)):
        parts = [(str(k), item) for k, item in enumerate(value)]
    else:
        return []
    return [pair for name, item in parts for pair in _distributions(item, f"{path}/{name}")]


def _simple(option: Any) -> bool:
    return option is None or isinstance(option, (str, float, int, bool))
