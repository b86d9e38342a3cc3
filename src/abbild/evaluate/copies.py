"""Copies and near copies: diagnostics of a generator, and no measure of anonymity."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from abbild.core import Discretizer, Schema, Score, Seed
from abbild.evaluate.intervals import normal, wilson
from abbild.evaluate.judgement import Effort, Findings
from abbild.evaluate.neighbors import Space, nearest
from abbild.evaluate.scope import judged, rounded, thinned

__all__ = ["Closeness", "closeness", "copies", "fingerprints"]

Floats = NDArray[np.float64]
Nearest = tuple[Floats, NDArray[np.int64]]

QUERIES = 5_000  # rows whose nearest neighbour is looked for
MOST_REAL = 25_000  # rows they are looked for in
QUANTILE = 0.02
LEAST = 50


def copies(
    train: pa.Table,
    holdout: pa.Table | None,
    synthetic: pa.Table,
    schema: Schema,
    *,
    seed: Seed,
    effort: Effort | None = None,
) -> Findings:
    """Rows repeated from the training data, exactly or nearly, against the holdout's.

    Returns
    -------
    Findings
        ``copies.exact``: share of synthetic rows equal to a training row; baseline: share of
        holdout rows that are. ``copies.near``: share of synthetic rows nearer to a training row
        than the 2 % of the holdout rows that are nearest to one; baseline 0.02. ``copies.share``:
        share nearer to training than to holdout rows, equally many of both; baseline 0.5.
        Evidence ``copies``; the first in shares, ``qdcr2`` in percent.

    Notes
    -----
    Diagnostics only: a value at its baseline does not show that nobody is exposed, membership
    attacks succeed on such data [1]_. Rows are equal if all judged columns are, numbers being
    rounded as their column is.

    References
    ----------
    .. [1] Yao, Krco, Ganev, de Montjoye (2025), arXiv:2505.01524.
    """
    schema = judged(schema)
    seen = np.unique(fingerprints(train, train, schema))
    exact, n = _share(np.isin(fingerprints(synthetic, train, schema), seen))
    if holdout is None or holdout.num_rows == 0:
        score = Score("copies.exact", exact, *_bounds(exact, n), "lower", n, method="Wilson")
        why = "there is no holdout to compare with"
        rest = [Score.not_computed(f"copies.{k}", why, "baseline") for k in ("near", "share")]
        return Findings([score, *rest], {"copies": {"exact": exact, "exact_holdout": None}})
    exact_holdout, _ = _share(np.isin(fingerprints(holdout, train, schema), seen))
    low, high = _bounds(exact, n)
    scores = [Score("copies.exact", exact, low, high, "lower", n, exact_holdout, method="Wilson")]
    evidence: dict[str, object] = {"exact": exact, "exact_holdout": exact_holdout, "n": n}
    near = _near_copies(train, holdout, synthetic, schema, seed, effort or Effort())
    scores.extend(near)
    return Findings(scores, {"copies": evidence | near.evidence})


@dataclass(frozen=True, slots=True)
class Closeness:
    """Share of rows nearer to the first of two real sets, and its standard error."""

    share: float
    error: float


def closeness(to_train: Nearest, to_holdout: Nearest, m: int) -> Closeness:
    """Return the share of synthetic rows nearer to training than to holdout rows.

    Ties count one half. A generator that learned the population scores 0.5. The error comes from
    relabelling: were both sets exchangeable, the votes each real row collects could go either
    way. So it holds the luck of the real split, which a binomial error forgets.

    Parameters
    ----------
    to_train, to_holdout : (n, k) distances and rows of the nearest real ones, see `nearest`
    m : how many rows both real sets have; a larger one would win by size alone

    References
    ----------
    .. [1] Platzer, Reutterer (2021), doi:10.3389/fdata.2021.679939.
    """
    near, far = to_train[0][:, 0], to_holdout[0][:, 0]
    n = len(near)
    win = np.where(near == far, 0.5, near < far)
    votes = np.r_[
        np.bincount(to_train[1][:, 0], win, m), np.bincount(to_holdout[1][:, 0], 1 - win, m)
    ]
    # the sum of m of the 2m votes, drawn without replacement, over n
    error = float(np.sqrt(m / 2 * votes.var(ddof=1)) / n)
    return Closeness(float(win.mean()), error)


def fingerprints(table: pa.Table, like: pa.Table, schema: Schema) -> NDArray[np.uint64]:
    """Return (n,) 64-bit hashes of the judged part of each row; levels are those of `like`.

    Rows with a level `like` does not have never match one of its rows.
    """
    out = np.zeros(table.num_rows, np.uint64)
    for column in schema.table.columns:
        if column.kind.is_level:
            one = Schema.of([column])
            codes = Discretizer.of(like, one, levels=2**31).codes(table)[:, 0]
            part = codes.astype(np.uint64)
        else:
            # adding zero turns -0.0 into 0.0; all NaN become one
            x = rounded(table, column) + 0.0
            part = np.where(np.isnan(x), np.float64(np.nan), x).view(np.uint64)
        out = _mixed(out ^ _mixed(part))
    return out


def _mixed(x: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Scramble 64 bits (splitmix64, Steele et al. 2014)."""
    x = x + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def _share(hits: NDArray[np.bool_]) -> tuple[float, int]:
    return (float(hits.mean()) if len(hits) else 0.0), len(hits)


def _bounds(share: float, n: int) -> tuple[float, float]:
    return wilson(round(share * n), n) if n else (0.0, 1.0)


def _near_copies(
    train: pa.Table,
    holdout: pa.Table,
    synthetic: pa.Table,
    schema: Schema,
    seed: Seed,
    effort: Effort,
) -> Findings:
    """Compare distances to equally many training and holdout rows."""
    m = min(MOST_REAL, train.num_rows, holdout.num_rows)
    if m < LEAST:
        reason = f"of training or holdout rows there are only {m}, {LEAST} are needed"
        missing = [Score.not_computed(f"copies.{k}", reason) for k in ("near", "share")]
        return Findings(missing)
    space = Space.of(train, holdout, synthetic, schema=schema, shape="scaled")
    inside, outside, made = (
        space.points(thinned(table, most, seed / who))
        for who, table, most in (
            ("train", train, m),
            ("holdout", holdout, m),
            ("synthetic", synthetic, min(QUERIES, effort.candidates)),
        )
    )
    fresh = effort.shared(
        f"copies fresh {m} {holdout.num_rows}",
        lambda: nearest(outside[slice(0, QUERIES)], inside)[0][:, 0],
    )
    to_inside, to_outside = (nearest(made, there) for there in (inside, outside))
    found = closeness(to_inside, to_outside, m)
    low, high = normal(found.share, found.error)
    n = len(made)
    share = Score("copies.share", found.share, low, high, "baseline", n, 0.5, method="relabelling")
    near, evidence = _near(to_inside[0][:, 0], fresh)
    evidence |= {"share": found.share, "share_low": low, "share_high": high, "near_n": n}
    return Findings([near, share], evidence)


def _near(made: Floats, fresh: Floats) -> tuple[Score, dict[str, object]]:
    """Compare (n,) distances of synthetic and (m,) of holdout rows to the training data."""
    name, percent = "copies.near", 100 * QUANTILE
    limit = float(np.quantile(fresh, QUANTILE))
    if limit == 0:
        reason = "so many real people are alike that 2 % of the holdout equal a training row"
        return Score.not_computed(name, reason), {"qdcr2": None, "qdcr2_holdout": percent}
    share, n = _share(made < limit)
    low, high = _bounds(share, n)
    # the limit is itself an estimate from the holdout: its error is that of a share of 2 %
    luck = 1.96 * float(np.sqrt(QUANTILE * (1 - QUANTILE) / len(fresh)))
    low = max(0.0, share - float(np.hypot(share - low, luck)))
    high = min(1.0, share + float(np.hypot(high - share, luck)))
    score = Score(name, share, low, high, "baseline", n, QUANTILE, method="Wilson")
    return score, {"qdcr2": 100 * share, "qdcr2_holdout": percent}
