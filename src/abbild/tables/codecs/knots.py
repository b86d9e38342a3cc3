"""Knots of the map between values and normal scores, none of which belongs to a person.

Values that many share keep their exact place (atoms). All others are represented by means of
neighbouring groups of at least k units. The outermost k units on each side are replaced by the
expected order statistics of an exponential tail over the last group mean (Renyi 1953: the i-th
largest of q exceeds it by ``scale * sum(1/j for j in i..q)``), never beyond a natural bound. The
scale is estimated with the outer half of the k units censored, and is at most the distance
between the k-th and the 4k-th outermost unit, so that fewer than k/2 people cannot stretch it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from abbild.tables.codecs.units import NOBODY, Seen

__all__ = ["Knots", "Limits", "Values", "draw_knots", "gap", "shift"]

MOST = 4096  # knots between atoms

Values = NDArray[Any]  # int64 grid indices or float64 values


@dataclass(frozen=True, slots=True)
class Limits:
    """Natural bounds in grid indices, None where there is none, and whether they are open."""

    low: float | int | None
    high: float | int | None
    open_low: bool
    open_high: bool


@dataclass(frozen=True, slots=True, eq=False)
class Knots:
    """A monotone map from values to normal scores.

    Attributes
    ----------
    values : (m,) int64 grid indices or float64, strictly increasing; none if too few units
    z : (m,) float64 normal scores, strictly increasing
    atoms : (m,) bool, which are point masses
    loose : how many of the lowest and of the highest knots stand for the outermost people
    """

    values: Values
    z: NDArray[np.float64]
    atoms: NDArray[np.bool_]
    loose: tuple[int, int]


def gap(low: Values, high: Values) -> NDArray[np.float64]:
    """Return ``high - low`` (>= 0) as float64, without overflow of int64.

    Float differences are halved, so that they stay finite; only ratios of gaps are meaningful,
    and `shift` doubles them again.
    """
    if low.dtype == np.int64:
        return (high.view(np.uint64) - low.view(np.uint64)).astype(np.float64)
    return high * 0.5 - low * 0.5


def shift(low: Values, by: NDArray[np.float64]) -> Values:
    """Return ``low + by``, where `by` (>= 0) was measured by `gap`; whole for int64."""
    if low.dtype == np.int64:
        return np.asarray((low.view(np.uint64) + np.rint(by).astype(np.uint64)).view(np.int64))
    return np.asarray((low * 0.5 + by) * 2.0)


def shift_down(high: Values, by: NDArray[np.float64]) -> Values:
    """Return ``high - by``; see `shift`."""
    if high.dtype == np.int64:
        return np.asarray((high.view(np.uint64) - np.rint(by).astype(np.uint64)).view(np.int64))
    return np.asarray((high * 0.5 - by) * 2.0)


def draw_knots(
    values: Values,
    counts: NDArray[np.int64],
    seen: Seen,
    common: NDArray[np.bool_],
    limits: Limits,
    k: int,
) -> Knots:
    """Tie values to scores; no knots below k units.

    Parameters
    ----------
    values, counts : (d,) ascending distinct values and their rows
    common : (d,) values that keep their place
    """
    crowd = _Crowd(values, counts, seen, k)
    if not crowd.enough(0, len(values)):
        return Knots(values[:0], np.zeros(0), np.zeros(0, bool), (0, 0))
    first, last = crowd.outermost(common)
    groups = crowd.groups(first, last, common) if first < last else []
    if groups:
        middle = [crowd.mean(a, b) for a, b in groups]
        ranks = [crowd.rank(a, b) for a, b in groups]
        half = [counts[a:b].sum() / 2 * bool(common[a]) * (b - a == 1) for a, b in groups]
    else:
        first, last, middle, ranks = crowd.whole()
        half = [0.0]
    body = np.array(middle, values.dtype)
    low, low_ranks, loose_low = crowd.tail(first, body[0], limits.low, limits.open_low, upper=False)
    high, high_ranks, loose_high = crowd.tail(
        last, body[-1], limits.high, limits.open_high, upper=True
    )
    knots, rank, atoms = _with_edges(
        np.concatenate([low, body, high]),
        np.concatenate([low_ranks, ranks, high_ranks]),
        np.concatenate([np.zeros(len(low)), half, np.zeros(len(high))]),
    )
    z = ndtri(rank / crowd.total)
    keep = np.ones(len(knots), bool)
    keep[1:] = (knots[1:] > knots[:-1]) & (z[1:] > z[:-1])
    return Knots(knots[keep], z[keep], atoms[keep], (loose_low, loose_high))


def _with_edges(
    knots: Values, ranks: NDArray[np.float64], half: NDArray[np.float64]
) -> tuple[Values, NDArray[np.float64], NDArray[np.bool_]]:
    """Add a knot right beside each atom at the rank where its mass ends, and mark the atoms.

    So that values near a large point mass have the scores of their ranks, not of its middle.
    `half` is half the mass of an atom, 0 for other knots.
    """
    atoms = half > 0
    between = (ranks[1:] - half[1:]) - (ranks[:-1] + half[:-1]) > 1e-9  # whether rows lie there
    if knots.dtype == np.int64:
        room = gap(knots[:-1], knots[1:]) > 1
        step = np.ones(len(knots) - 1)
    else:
        step = gap(knots[:-1], knots[1:]) * 1e-9
        room = shift(knots[:-1], step) > knots[:-1]
    above = np.flatnonzero(atoms[:-1] & between & room)
    below = np.flatnonzero(atoms[1:] & between & room) + 1
    sides = [shift(knots[above], step[above]), shift_down(knots[below], step[below - 1])]
    every = np.concatenate([knots, *sides])
    rank = np.concatenate([ranks, ranks[above] + half[above], ranks[below] - half[below]])
    mark = np.concatenate([atoms, np.zeros(len(above) + len(below), bool)])
    order = np.argsort(every, kind="stable")
    return every[order], rank[order], mark[order]


@dataclass(frozen=True, slots=True, eq=False)
class _Crowd:
    """Ascending distinct values, how many rows each has, and who showed it."""

    values: Values
    counts: NDArray[np.int64]
    seen: Seen
    k: int

    @property
    def total(self) -> int:
        return int(self.counts.sum())

    def people(self, start: int, stop: int) -> int:
        """Count the units of ``values[start:stop]``, exactly below k."""
        if self.seen is None:
            return int(self.counts[start:stop].sum())
        return len(np.setdiff1d(self.seen[start:stop], NOBODY))

    def enough(self, start: int, stop: int) -> bool:
        return stop > start and self.people(start, stop) >= self.k

    def outermost(self, common: NDArray[np.bool_]) -> tuple[int, int]:
        """Return the range of values that are not among the k outermost units of a side."""
        d = len(self.values)
        first = next(i for i in range(1, d + 1) if self.enough(0, i))
        last = next(i for i in range(d - 1, -1, -1) if self.enough(i, d))
        return first - int(common[first - 1]), last + int(common[last])

    def groups(self, first: int, last: int, common: NDArray[np.bool_]) -> list[tuple[int, int]]:
        """Cut ``[first, last)`` into atoms and groups of at least k units."""
        out: list[tuple[int, int]] = []
        begin = first
        for atom in [*(np.flatnonzero(common[first:last]) + first).tolist(), last]:
            out += self._cut(begin, atom)
            if atom < last:
                out.append((atom, atom + 1))
            begin = atom + 1
        return out

    def _cut(self, start: int, stop: int) -> list[tuple[int, int]]:
        target = max(self.k, self.total / MOST)
        cuts: list[tuple[int, int]] = []
        begin, rows, who = start, 0, set[int]()
        counts = self.counts[start:stop].tolist()
        for i, count in enumerate(counts, start):
            rows += count
            if self.seen is not None and len(who) < self.k:
                who.update(self.seen[i].tolist())
                who.discard(int(NOBODY))
            if rows >= target and (self.seen is None or len(who) >= self.k):
                cuts.append((begin, i + 1))
                begin, rows, who = i + 1, 0, set()
        if begin < stop and cuts:
            cuts[-1] = (cuts[-1][0], stop)
        return cuts

    def mean(self, start: int, stop: int) -> Any:
        """Return the mean of the rows, on the grid if there is one."""
        if stop - start == 1:
            return self.values[start].item()
        counts = self.counts[start:stop]
        first = self.values[start : start + 1]
        away = gap(np.repeat(first, stop - start), self.values[start:stop])
        return shift(first, np.array([away @ (counts / counts.sum())]))[0].item()

    def rank(self, start: int, stop: int) -> float:
        """Return the middle rank of the rows in ``[start, stop)``, in (0, total)."""
        return float(self.counts[:start].sum() + self.counts[start:stop].sum() / 2)

    def whole(self) -> tuple[int, int, list[int | float], list[float]]:
        """Return one knot, a winsorized mean, and where the values below and above it end.

        The outermost k/2 units of a side count as if they were no further out than the next,
        unless that would leave a single value that is not shared.
        """
        d = len(self.values)
        spared = min(max(2, self.k // 2), (self.people(0, d) - 1) // 2)
        low, high = 0, d - 1
        if spared > 1:
            low, high = (self.outside(spared, upper=upper)[-1] for upper in (False, True))
        if low >= high and not self.enough(high, low + 1):
            low, high = 0, d - 1
        clipped = self.values[np.clip(np.arange(d), low, max(low, high))]
        mean = max(replace(self, values=clipped).mean(0, d), clipped[0].item())
        first = int(np.searchsorted(self.values, mean, side="left"))
        last = int(np.searchsorted(self.values, mean, side="right"))
        rank = (self.counts[:first].sum() + self.counts[:last].sum()) / 2
        return first, last, [mean], [min(max(float(rank), 0.5), self.total - 0.5)]

    def outside(self, number: int, *, upper: bool) -> list[int]:
        """Return the place of the outermost value of each of the `number` outermost units."""
        out: list[int] = []
        who = {int(NOBODY)}
        for i in range(len(self.values))[:: -1 if upper else 1]:
            if self.seen is None:
                new = int(self.counts[i])
            else:
                fresh = set(self.seen[i].tolist()) - who
                who |= fresh
                new = len(fresh)
            out += [i] * min(new, number - len(out))
            if len(out) == number:
                break
        return out

    def scale(self, edge: int, base: int | float, *, upper: bool) -> float:
        """Return the scale of the tail beyond `base`, in `gap`s; 0 if at most k/2 people are there.

        The maximum likelihood estimate if the k/2 outermost excesses are censored at the next
        (Epstein & Sobel 1953), capped at the distance of the k-th from the 4k-th unit.
        """
        beyond = [
            self._apart(base, self.values[i])
            for i in self.outside(self.k, upper=upper)
            if (i >= edge if upper else i < edge)
        ]
        censored = self.k // 2
        if len(beyond) <= censored:
            return 0.0
        scale = sum(min(e, beyond[censored]) for e in beyond) / (self.k - censored)
        far = self.outside(4 * self.k, upper=upper)
        if len(far) < 4 * self.k:
            return scale
        cap = self._apart(self.values[far[self.k - 1]], self.values[far[-1]])
        return min(scale, cap) if cap > 0 else scale

    def _apart(self, a: Any, b: Any) -> float:
        ends = np.array([min(a, b), max(a, b)], self.values.dtype)
        return float(gap(ends[:1], ends[1:])[0])

    def tail(
        self, edge: int, base: int | float, bound: int | float | None, is_open: bool, *, upper: bool
    ) -> tuple[Values, NDArray[np.float64], int]:
        """Return knots beyond `base` in place of the outermost rows, ascending, and their ranks.

        Also how many of them lie where only the k outermost units can be.
        """
        part = slice(edge, None) if upper else slice(0, edge)
        values = self.values[part]
        rows = int(self.counts[part].sum())
        if not rows:
            return self.values[:0], np.zeros(0), 0
        scale = self.scale(edge, base, upper=upper)
        loose = max(scale, self._apart(base, values[0 if upper else -1]))
        q = min(rows, 2 * self.k if rows <= 2 * self.k else self.k)
        steps = np.cumsum(1 / np.arange(q, 0, -1))  # (q,) expected excesses, in scales
        room = self._room(base, bound, scale if is_open else None, upper=upper)
        away = np.minimum(scale, room / steps[-1]) * steps
        ranks = (np.arange(q, 0, -1) - 0.5) * rows / q
        ends = np.full(q, base, self.values.dtype)
        if upper:
            knots, ranks = shift(ends, away), self.total - ranks
        else:
            knots, ranks = shift_down(ends, away)[::-1], ranks[::-1]
        if is_open and self.values.dtype == np.float64:  # rounding must not reach the bound
            least = max(abs(base) * 1e-12, 5e-324)
            knots = np.minimum(knots, -least) if upper else np.maximum(knots, least)
        beyond = knots[away >= loose] if upper else knots[::-1][away >= loose]
        knots, ranks = self._step_off(knots, ranks, base, upper=upper)
        return knots, ranks, int(np.isin(knots, beyond).sum())

    def _room(
        self, base: int | float, bound: int | float | None, scale: float | None, *, upper: bool
    ) -> float:
        """Return how far the tail may reach: to the bound, or half-way there if it is open."""
        if bound is None:
            if self.values.dtype == np.float64:
                return float(np.finfo(float).max) / 2 - abs(base) / 2
            bound = 2**63 - 1 if upper else -(2**63)
        if self.values.dtype == np.int64:
            space = float(abs(int(bound) - int(base)))
            # an int64 may lie up to 2^10 beyond the nearest float of its distance
            space = space * (1 - 2**-50) if space > 2**53 else space
        else:
            space = abs(float(bound) / 2 - float(base) / 2)
        return space if scale is None else min(space, scale + (space - scale) / 2)

    def _step_off(
        self, knots: Values, ranks: NDArray[np.float64], base: int | float, *, upper: bool
    ) -> tuple[Values, NDArray[np.float64]]:
        """Join knots that rounding made equal, and step off the outermost person's own value."""
        distinct, groups = np.unique(knots, return_inverse=True)
        ranks = np.bincount(groups, ranks) / np.bincount(groups)
        inside = distinct > base if upper else distinct < base
        distinct, ranks = distinct[inside], ranks[inside]
        if not len(distinct):
            return distinct, ranks
        at, own = (-1, self.values[-1]) if upper else (0, self.values[0])
        alone = (
            not self.enough(len(self.values) - 1, len(self.values))
            if upper
            else not self.enough(0, 1)
        )
        if alone and distinct[at] == own:
            before = base if len(distinct) == 1 else distinct[at - 1 if upper else 1]
            if self.values.dtype == np.float64:
                distinct[at] = distinct[at] * 0.5 + before * 0.5
            else:
                distinct[at] += -1 if upper else 1
            if distinct[at] == before:
                keep = slice(0, -1) if upper else slice(1, None)
                return distinct[keep], ranks[keep]
        return distinct, ranks
