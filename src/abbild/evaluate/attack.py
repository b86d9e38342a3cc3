"""What an attack reached, and whether that is more than chance."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from abbild.core import Seed
from abbild.evaluate.intervals import auc_interval, clopper_pearson, normal

__all__ = ["ALARM", "LEVEL", "MARGIN", "TAIL", "Attack", "attack"]

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]

TAIL = 0.01  # share of the highest scores looked at for a leak of few people
# four tests are made (two groups; all scores and the highest), each upwards at 1.25 %
# (Bonferroni): were nothing leaked, at most one judgement in twenty would say otherwise
LEVEL = 0.975
ALARM = (1 - LEVEL) / 2
MARGIN = 0.001  # above 1/2; a smaller AUC is written like chance and called chance
POWER = 0.8
DRAWS = 999  # relabellings
SMALL, LARGE = 0.1, 0.4  # parts of the members given away, see `Attack.size`


@dataclass(frozen=True, slots=True)
class Attack:
    """What came of an attack on members (in the training data) and outsiders (not in it).

    Attributes
    ----------
    auc, low, high : chance that a member scores above an outsider, interval at 97.5 %
    tpr, tpr_low, tpr_high : share of members found where at most 1 % of the outsiders are accused;
        NaN if there are fewer than 200 outsiders
    tail_p : chance of that many members among the highest 1 % of the scores, were nothing leaked
    tail_hits, tail_people : members among the highest 1 % of the scores, and how many those are
    members, outsiders : people attacked
    error : standard error of `auc`
    luck : how far above 1/2 shuffled labels come by luck; more often only with chance 1.25 %
    chosen : the attacks that did best on the half they were chosen on
    upside_down : whether the same attacks, told to look for outsiders, find them beyond all
        chance: then the holdout was not unseen, or tables are mixed up, and nothing can be said
    """

    auc: float
    low: float
    high: float
    tpr: float
    tpr_low: float
    tpr_high: float
    tail_p: float
    tail_hits: int
    tail_people: int
    members: int
    outsiders: int
    error: float
    luck: float
    chosen: tuple[str, ...]
    upside_down: bool = False

    @property
    def found(self) -> bool:
        """Whether chance is excluded, upwards."""
        return self.low > 0.5 + MARGIN or self.few

    @property
    def few(self) -> bool:
        """Whether the highest scores alone exclude chance: a leak of few people."""
        return self.tail_p < ALARM

    @property
    def size(self) -> str:
        """How much leaked: "small", "of few people", "medium" or "large".

        By the larger of 2 AUC - 1 and the share of members found without false alarms, which are
        what copying such a part of the members gives: below 10 % small, from 40 % on large. A
        small leak is not small for the few whom the highest scores name.
        """
        part = 2 * self.auc - 1
        if self.tpr_low > TAIL:
            part = max(part, self.tpr - TAIL)
        if part < SMALL:
            return "of few people" if self.few else "small"
        return "medium" if part < LARGE else "large"

    @property
    def smallest_auc(self) -> float:
        """AUC that would have been found four times in five."""
        alarm, power = float(stats.norm.ppf(1 - ALARM)), float(stats.norm.ppf(POWER))
        return min(1.0, 0.5 + MARGIN + max(self.luck, alarm * self.error) + power * self.error)

    @property
    def smallest_share(self) -> float:
        """Share of the members that would have been found four times in five, were they copied."""
        people = self.members + self.outsiders
        top, share = max(1, round(TAIL * people)), self.members / people
        # members needed among the highest scores, and how many more than chance that is
        needed_hits = float(stats.binom.ppf(1 - ALARM, top, share)) + 1
        extra = needed_hits - top * share + 0.85 * math.sqrt(top * share * (1 - share))
        by_tail = extra / max(1e-9, 1 - share) / self.members
        return min(1.0, by_tail, 2 * (self.smallest_auc - 0.5))


def attack(members: dict[str, Floats], outsiders: dict[str, Floats], *, seed: Seed) -> Attack:
    """Choose among attacks on one half of the people and judge the choice on the other.

    Parameters
    ----------
    members, outsiders : (n,) and (m,) scores of each attack; higher means "was in the data"

    Notes
    -----
    The halves change roles and the two AUCs are averaged. They are not independent, since each
    half chose what the other reports. So the lower bound lies at least as far below the AUC as
    1/2 does below what the same procedure reaches on people whose labels are shuffled (999
    times), which is exact however few they are.
    """
    names = list(members)
    x, y = (np.column_stack([side[a] for a in names]) for side in (members, outsiders))
    n, m = len(x), len(y)
    halves = [
        (x[p], y[q])
        for p, q in zip(_halves(n, seed / "members"), _halves(m, seed / "outsiders"), strict=True)
    ]
    rows, top, caught = [], np.zeros(2, np.int64), np.zeros(2, np.int64)
    best = [int(np.argmax(_aucs(inside, outside))) for inside, outside in halves]
    for (inside, outside), a in zip(halves, reversed(best), strict=True):
        rows.append(auc_interval(inside[:, a], outside[:, a])[:2])
        top += _highest(inside[:, a], outside[:, a])
        caught += _caught(inside[:, a], outside[:, a])
    auc, error = float(np.mean([r[0] for r in rows])), math.hypot(*(r[1] for r in rows)) / 2
    luck = _luck(halves, seed / "labels")
    low, high = normal(auc, error, level=LEVEL)
    low = max(0.0, min(low, auc - luck))
    hits, drawn = (int(v) for v in top)
    return Attack(
        auc, low, high, *_true_positives(int(caught[0]), n, int(caught[1]), m),
        float(stats.hypergeom.sf(hits - 1, n + m, n, drawn)), hits, drawn,
        n, m, error, luck, tuple(sorted({names[a] for a in best})),
    )  # fmt: skip


def _aucs(inside: Floats, outside: Floats) -> Floats:
    """Return (k,) the AUC of each column of (n, k) and (m, k) scores."""
    ranks = stats.rankdata(np.vstack([inside, outside]), axis=0)
    n, m = len(inside), len(outside)
    return np.asarray((ranks[:n].mean(axis=0) - (n + 1) / 2) / m)


def _luck(halves: list[tuple[Floats, Floats]], seed: Seed) -> float:
    """Return how far above 1/2 the AUC comes with chance `ALARM` if nobody is a member.

    Members and outsiders come from one population, so if nothing leaked their labels may be
    shuffled (given the synthetic rows and the attacker's).
    """
    aucs = []
    for at, (inside, outside) in enumerate(halves):
        n, m = len(inside), len(outside)
        ranks = stats.rankdata(np.vstack([inside, outside]), axis=0)
        label = np.repeat(np.array([1.0, 0.0], np.float32), (n, m))
        drawn = (seed / at).rng().permuted(np.tile(label, (DRAWS, 1)), axis=1)
        aucs.append((drawn @ ranks.astype(np.float32) / n - (n + 1) / 2) / m)
    first, second = aucs
    reported = [
        np.take_along_axis(report, np.argmax(choose, axis=1)[:, None], axis=1)[:, 0]
        for choose, report in ((first, second), (second, first))
    ]
    reached = np.sort(np.mean(reported, axis=0))
    return float(reached[-int(ALARM * (DRAWS + 1))]) - 0.5


def _highest(inside: Floats, outside: Floats) -> tuple[int, int]:
    """Return how many members and how many people are among the highest 1 % of the scores."""
    every = np.sort(np.r_[inside, outside])
    cut = every[-max(1, round(TAIL * len(every)))]
    return int((inside >= cut).sum()), int((every >= cut).sum())


def _caught(inside: Floats, outside: Floats) -> tuple[int, int]:
    """Return how many members score above the outsider below whom 99 % are, and that one's rank."""
    # an outsider exceeds the r-th highest of m others with probability r / (m + 1)
    rank = int(TAIL * (len(outside) + 1))
    return (int((inside > np.sort(outside)[-rank]).sum()) if rank else 0), rank


def _true_positives(caught: int, n: int, accused: int, m: int) -> tuple[float, float, float]:
    """Return the share of members caught and its interval; NaN if `m` outsiders are too few."""
    if not accused:
        return math.nan, math.nan, math.nan
    share = caught / n
    low, high = clopper_pearson(caught, n, LEVEL)
    # the threshold is set by a few outsiders, and is as uncertain as they are few
    luck = float(stats.norm.ppf(0.5 + LEVEL / 2)) * math.sqrt(accused) / m
    low = max(0.0, share - math.hypot(share - low, luck))
    return share, low, min(1.0, share + math.hypot(high - share, luck))


def _halves(n: int, seed: Seed) -> tuple[Rows, Rows]:
    order = seed.rng().permutation(n)
    return order[: n // 2], order[n // 2 :]
