"""Membership attacks with a control group: who was in the training data."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from abbild.core import Schema, Score, Seed
from abbild.evaluate.attack import LEVEL, TAIL, Attack, attack
from abbild.evaluate.judgement import Effort, Findings
from abbild.evaluate.neighbors import Shape, Space, nearest
from abbild.evaluate.scope import judged, needed
from abbild.evaluate.wording import things

__all__ = ["FOUND", "NOT_FOUND", "TOO_WEAK", "membership"]

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]

FOUND = "leak found"
NOT_FOUND = "no leak found by these attacks"
TOO_WEAK = "too weak to say"

LEAST_OUTSIDERS = 1_000  # with fewer, "1 % false alarms" is a handful of people
LEAST_PEOPLE = 40  # a side; with fewer, choosing an attack on one half is a lottery
ISOLATED = 200  # most isolated outsiders looked at
NEIGHBOURS = (1, 5, 20)
SHAPES: tuple[Shape, ...] = ("scaled", "ranked")
UPSIDE_DOWN = 3.5  # standard errors above chance
TINY = 1e-6  # added to distances before the logarithm, so that a copy has a finite score

THREATS = {
    "everyone": "An attacker who has the synthetic data and data of other people from the same "
    "population wants to know whether a given person was in the training data.",
    "isolated": "The same attacker goes for the people who are least like anyone else.",
}


def membership(
    train: pa.Table,
    holdout: pa.Table | None,
    synthetic: pa.Table,
    schema: Schema,
    *,
    seed: Seed,
    effort: Effort | None = None,
) -> Findings:
    """Membership attacks with a control group: the claim about privacy.

    One half of the holdout is the attacker's own data, the other half the outsiders. Members are
    as many training rows. Scores compare the distance to the k-th nearest row of the attacker's
    data with that of the synthetic data, k = 1, 5, 20, among scaled values and among ranks;
    beside them the plain distance to the synthetic data.

    Returns
    -------
    Findings
        ``privacy.membership`` (everyone) and ``privacy.membership.isolated`` (the people least
        like the attacker's data): AUC, baseline 0.5; ``.tpr``: share of members found where 1 %
        of the outsiders are falsely accused, baseline 0.01. Evidence ``attacks``.

    Raises
    ------
    NotEnoughDataError
        If the holdout has fewer than 80 people.

    Notes
    -----
    Of each person (`Schema.unit`) one row is drawn: were others of an outsider's rows among the
    attacker's, outsiders would be told from members by them, without any leak.

    Each attack is chosen on one half of the people and reported on the other, then the halves
    change roles. "No leak found" speaks of these attacks and of effects of the size named; it is
    no proof of anonymity. Cost: every person against every synthetic row.

    References
    ----------
    .. [1] van Breugel et al. (2023), arXiv:2302.12580 (calibrated density).
    .. [2] Yao, Krco, Ganev, de Montjoye (2025), arXiv:2505.01524 (isolated records).
    """
    effort = effort or Effort()
    unit, schema = schema.table.unit, judged(schema)
    train = _one_row_each(train, unit, seed / "train")
    holdout = needed(holdout)
    holdout = needed(_one_row_each(holdout, unit, seed / "rows"), 2 * LEAST_PEOPLE)
    people = _People.of(train, holdout, seed, effort.candidates)
    spaces = {s: Space.of(people.known, synthetic, schema=schema, shape=s) for s in SHAPES}
    attacks = _Distances(people, spaces, synthetic, effort, seed, f"{train.num_rows}")
    inside, outside = attacks.scores(people.members, people.outsiders)
    everyone = attack(inside, outside, seed=seed / "everyone")
    turned = attack(outside, inside, seed=seed / "turned")
    members, outsiders = attacks.isolated()
    isolated = attack(*attacks.scores(members, outsiders), seed=seed / "isolated")
    if turned.auc - UPSIDE_DOWN * turned.error > 0.5:
        everyone, isolated = (replace(a, upside_down=True) for a in (everyone, isolated))
    scores, evidence = [], []
    for name, found in (("everyone", everyone), ("isolated", isolated)):
        scores.extend(_scores(name, found, everyone.outsiders))
        evidence.append(_evidence(name, found, everyone.outsiders))
    return Findings(scores, {"attacks": evidence})


@dataclass(frozen=True, slots=True, eq=False)
class _People:
    """Who is attacked, and what the attacker knows.

    Attributes
    ----------
    known : the attacker's own rows
    inside, outside : rows of the training data and of the rest of the holdout
    members, outsiders : positions in `inside` and `outside` of those attacked, equally many
    """

    known: pa.Table
    inside: pa.Table
    outside: pa.Table
    members: Rows
    outsiders: Rows

    @classmethod
    def of(cls, train: pa.Table, holdout: pa.Table, seed: Seed, most: int) -> _People:
        h = holdout.num_rows
        # a small holdout serves the control first: without it nothing can be said
        control = max(h // 2, min(LEAST_OUTSIDERS, 2 * h // 3))
        order = (seed / "holdout").rng().permutation(h)
        outside, known = (
            holdout.take(pa.array(np.sort(o))) for o in (order[:control], order[control:])
        )
        n = min(most, control, train.num_rows)
        members, outsiders = (
            np.sort((seed / who).rng().choice(size, n, replace=False))
            for who, size in (("members", train.num_rows), ("outsiders", control))
        )
        return cls(known, train, outside, members, outsiders)


@dataclass(frozen=True, slots=True, eq=False)
class _Distances:
    """Distances of people to the attacker's and to the synthetic rows."""

    people: _People
    spaces: dict[Shape, Space]
    synthetic: pa.Table
    effort: Effort
    seed: Seed
    tag: str

    def scores(self, members: Rows, outsiders: Rows) -> tuple[dict[str, Floats], dict[str, Floats]]:
        """Score people by every attack."""
        inside = self.people.inside.take(pa.array(members))
        outside = self.people.outside.take(pa.array(outsiders))
        both = pa.concat_tables([inside, outside])
        out: dict[str, Floats] = {}
        for shape, space in self.spaces.items():
            points = space.points(both)
            known = self._known(shape, members, outsiders, points)
            made = nearest(points, space.points(self.synthetic), max(NEIGHBOURS))[0]
            for k in NEIGHBOURS:
                if np.isfinite(made[:, k - 1]).all() and np.isfinite(known[:, k - 1]).all():
                    ratio = np.log(known[:, k - 1] + TINY) - np.log(made[:, k - 1] + TINY)
                    out[f"density, k = {k}, {shape}"] = ratio
            out[f"distance, {shape}"] = -made[:, 0]
        n = len(members)
        return {a: s[:n] for a, s in out.items()}, {a: s[n:] for a, s in out.items()}

    def isolated(self) -> tuple[Rows, Rows]:
        """Return the members and outsiders farthest from the attacker's fifth nearest row."""
        found: tuple[Rows, Rows] = self._shared("isolated", self._isolated)
        return found

    def _isolated(self) -> tuple[Rows, Rows]:
        space, people = self.spaces["ranked"], self.people
        known = space.points(people.known)
        k = min(5, len(known))
        pools = [
            _some(t.num_rows, 2 * self.effort.candidates, self.seed / who)
            for t, who in ((people.inside, "inside"), (people.outside, "outside"))
        ]
        far = [
            nearest(space.points(t.take(pa.array(pool))), known, k)[0][:, k - 1]
            for t, pool in zip((people.inside, people.outside), pools, strict=True)
        ]
        count = min(ISOLATED, max(LEAST_PEOPLE, len(far[1]) // 10))
        cut = np.sort(far[1])[-min(count, len(far[1]))]
        cut = min(cut, np.sort(far[0])[-min(LEAST_PEOPLE, len(far[0]))])
        members, outsiders = (pool[f >= cut] for pool, f in zip(pools, far, strict=True))
        return members[: self.effort.candidates], outsiders[: self.effort.candidates]

    def _known(self, shape: Shape, members: Rows, outsiders: Rows, points: Any) -> Floats:
        def make() -> Floats:
            known = self.spaces[shape].points(self.people.known)
            return nearest(points, known, max(NEIGHBOURS))[0]

        key = f"{shape} {len(members)} {members[:8]} {outsiders[:8]}"
        found: Floats = self._shared(key, make)
        return found

    def _shared(self, key: str, make: Callable[[], Any]) -> Any:
        outside = self.people.outside.num_rows
        return self.effort.shared(f"membership {self.tag} {outside} {key}", make)


def _one_row_each(table: pa.Table, unit: str | None, seed: Seed) -> pa.Table:
    """Return one row, drawn at random, of each person; rows of nobody known are all kept."""
    if unit is None or unit not in table.column_names:
        return table
    order = seed.rng().permutation(table.num_rows)
    who = table[unit].combine_chunks().dictionary_encode()
    codes = np.asarray(pc.fill_null(who.indices, -1))[order]
    first = np.unique(codes, return_index=True)[1]
    kept = np.union1d(order[first], order[codes < 0])
    return table if len(kept) == table.num_rows else table.take(pa.array(kept))


def _some(n: int, most: int, seed: Seed) -> Rows:
    return np.sort(seed.rng().choice(n, min(n, most), replace=False))


def _verdict(found: Attack, outsiders: int) -> str:
    if found.found:
        return FOUND
    return TOO_WEAK if outsiders < LEAST_OUTSIDERS or found.upside_down else NOT_FOUND


def _weakness(found: Attack, outsiders: int) -> str:
    if found.upside_down:
        return "the holdout is nearer to the synthetic rows than the training data: not unseen"
    return f"only {things(outsiders, 'outsider')}, {LEAST_OUTSIDERS:,} are needed"


def _could_see(found: Attack) -> str:
    if found.upside_down:
        return (
            "The holdout looks more like the synthetic rows than the training data does: it was "
            "not unseen, or the tables are mixed up, so that no leak could have been seen."
        )
    one_in = int(1 / found.smallest_share)
    copied = f"a copy of 1 in {one_in:,} members" if one_in > 1 else "a copy of every member"
    return (
        f"With {things(found.members, 'member')} and {things(found.outsiders, 'outsider')} an AUC "
        f"of {found.smallest_auc:.3f}, or {copied}, would have been seen four times in five."
    )


def _scores(name: str, found: Attack, outsiders: int) -> list[Score]:
    full = "privacy.membership" + ("" if name == "everyone" else f".{name}")
    weak = _verdict(found, outsiders) == TOO_WEAK
    n = found.members + found.outsiders
    status: dict[str, Any] = {
        "level": LEVEL,
        "status": "inconclusive" if weak else "ok",
        "reason": _weakness(found, outsiders) if weak else "",
    }
    auc = Score(full, found.auc, found.low, found.high, "lower", n, 0.5, method="DeLong", **status)
    name = f"{full}.tpr"
    if math.isnan(found.tpr):
        few = f"{things(found.outsiders, 'outsider')}: too few to falsely accuse 1 % of them"
        return [auc, Score.not_computed(name, few, "lower")]
    bounds = (found.tpr, found.tpr_low, found.tpr_high)
    return [auc, Score(name, *bounds, "lower", n, TAIL, method="Clopper-Pearson", **status)]


def _evidence(name: str, found: Attack, outsiders: int) -> dict[str, Any]:
    return {
        "name": f"membership, {name}",
        "threat": THREATS[name],
        "auc": found.auc,
        "low": found.low,
        "high": found.high,
        "level": LEVEL,
        "tpr_at_1": found.tpr,
        "tpr_low": found.tpr_low,
        "tpr_high": found.tpr_high,
        "tail_p": found.tail_p,
        "tail_hits": found.tail_hits,
        "tail_people": found.tail_people,
        "few": found.few,
        "size": found.size if found.found else "",
        "reference": 0.5,
        "members": found.members,
        "outsiders": found.outsiders,
        "chosen": list(found.chosen),
        "verdict": _verdict(found, outsiders),
        "could_see": _could_see(found),
    }
