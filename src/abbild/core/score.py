"""A number that knows its uncertainty and what it should be compared with."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

Status = Literal["ok", "inconclusive", "not computed"]


@dataclass(frozen=True, slots=True)
class Score:
    """One measurement.

    Attributes
    ----------
    name : dotted, family first: ``"fidelity.shape"``, ``"privacy.membership.density"``
    value : in the metric's own unit; NaN when `status` is "not computed"
    low, high : bounds of the interval at `level`, inside the range of the metric
    level : confidence of the interval, 0.95 unless said
    method : how the interval was made: "bootstrap", "wilson", "relabelling", ...
    baseline : the same metric on fresh real data; the goal is rarely 0 or 1. NaN if unknown
    better : whether to climb, to descend, or to sit on the baseline
    n : number of records behind `value`
    status : "ok", "inconclusive" (the interval says nothing) or "not computed"
    reason : why it is not "ok"; one sentence a user can act on
    """

    name: str
    value: float
    low: float
    high: float
    better: Literal["higher", "lower", "baseline"]
    n: int
    baseline: float = math.nan
    level: float = 0.95
    method: str = ""
    status: Status = "ok"
    reason: str = ""

    @property
    def at_baseline(self) -> bool:
        """Whether the interval covers the baseline."""
        return self.low <= self.baseline <= self.high

    @classmethod
    def not_computed(
        cls, name: str, reason: str, better: Literal["higher", "lower", "baseline"] = "baseline"
    ) -> Score:
        """Stand in for a metric that cannot be computed, and say why."""
        nan = math.nan
        return cls(name, nan, nan, nan, better, 0, status="not computed", reason=reason)
