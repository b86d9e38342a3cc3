"""What averages hide: missing values and tails."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from abbild.core import NotEnoughDataError, Schema, Score, Seed
from abbild.evaluate.intervals import normal
from abbild.evaluate.judgement import Effort, Findings
from abbild.evaluate.scope import judged, rounded
from abbild.evaluate.wording import things

__all__ = ["missingness", "tails"]

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

TAIL = 0.01
MOST_TAIL = 0.05  # a "tail" of more rows is a point mass, such as a cap
LEAST_ROWS = 500  # so that at least five people are in a tail
LEAST = 5


def missingness(
    train: pa.Table,
    holdout: pa.Table | None,
    synthetic: pa.Table,
    schema: Schema,
    *,
    seed: Seed,
    effort: Effort | None = None,
) -> Findings:
    """Distance between the patterns in which values are missing together.

    Returns
    -------
    Findings
        ``fidelity.missing`` in [0, 1]: total variation distance between the distributions of
        patterns (which columns of a row are missing); baseline: the holdout. Evidence
        ``missing``: shares by column.

    Raises
    ------
    NotEnoughDataError
        If no value is missing in any table.
    """
    schema = judged(schema)
    tables = [t for t in (train, synthetic, holdout) if t is not None]
    nulls = [_nulls(t, schema) for t in tables]
    if not any(x.any() for x in nulls):
        raise NotEnoughDataError("no value is missing, neither in real nor in synthetic rows")
    codes = np.split(_patterns(np.vstack(nulls)), np.cumsum([len(x) for x in nulls])[:-1])
    value, variance = _distance(codes[0], codes[1])
    baseline = float("nan")
    if holdout is not None:
        baseline, more = _distance(codes[0], codes[2])
        variance += more
    low, high = normal(value, float(np.sqrt(variance)))
    score = Score(
        "fidelity.missing",
        value,
        low,
        high,
        "baseline",
        synthetic.num_rows,
        baseline,
        method="linearised",
    )
    shares = [
        {"column": name, "real": _shown(nulls[0][:, j]), "synthetic": float(nulls[1][:, j].mean())}
        for j, name in enumerate(schema.table.names)
        if nulls[0][:, j].any() or nulls[1][:, j].any()
    ]
    return Findings([score], {"missing": shares})


def tails(
    train: pa.Table,
    holdout: pa.Table | None,
    synthetic: pa.Table,
    schema: Schema,
    *,
    seed: Seed,
    effort: Effort | None = None,
) -> Findings:
    """How many rows lie beyond the outermost percent of the training data.

    Returns
    -------
    Findings
        ``fidelity.tails``, >= 0: mean over quantities and both ends of the relative difference
        between the share of synthetic and of training rows beyond the 1 % or 99 % quantile;
        0 is equal, 1 is "no row there", or twice as many. Baseline: the holdout. Evidence
        ``tails``.

    Raises
    ------
    NotEnoughDataError
        If there are fewer than 500 training rows, or no quantity has a tail.
    """
    schema = judged(schema)
    if train.num_rows < LEAST_ROWS:
        raise NotEnoughDataError(f"{things(train.num_rows, 'training row')}: too few to see tails")
    evidence: list[dict[str, object]] = []
    beyond: list[tuple[float, Flags, Flags | None]] = []
    for column in schema.table.columns:
        if not column.kind.is_quantity:
            continue
        x, made = rounded(train, column), rounded(synthetic, column)
        fresh = None if holdout is None else rounded(holdout, column)
        for side, at in _cuts(x):
            inside = _beyond(x, side, at)
            real = float(inside.mean())
            if inside.sum() < LEAST or real > MOST_TAIL:
                continue
            flags = _beyond(made, side, at)
            other = None if fresh is None else _beyond(fresh, side, at)
            beyond.append((real, flags, other))
            row = {"column": column.name, "tail": f"{side} 1 %", "real": real}
            row |= {"synthetic": float(flags.mean())}
            evidence.append({**row, "holdout": None if other is None else float(other.mean())})
    if not beyond:
        raise NotEnoughDataError("no quantity has a tail: all have few values or point masses")
    value, variance = _relative([(real, made) for real, made, _ in beyond])
    baseline = float("nan")
    if holdout is not None:
        pairs = [(real, other) for real, _, other in beyond if other is not None]
        baseline, more = _relative(pairs)
        variance += more
    low, high = normal(value, float(np.sqrt(variance)), high=np.inf)
    n = synthetic.num_rows
    score = Score("fidelity.tails", value, low, high, "baseline", n, baseline, method="linearised")
    return Findings([score], {"tails": evidence})


def _nulls(table: pa.Table, schema: Schema) -> Flags:
    return np.column_stack([np.asarray(table[n].is_null(), bool) for n in schema.table.names])


def _patterns(nulls: Flags) -> NDArray[np.int64]:
    packed = np.ascontiguousarray(np.packbits(nulls, axis=1))
    rows = packed.view(np.dtype((np.void, packed.shape[1]))).ravel()
    return np.unique(rows, return_inverse=True)[1].astype(np.int64)


def _distance(a: NDArray[np.int64], b: NDArray[np.int64]) -> tuple[float, float]:
    size = int(max(a.max(initial=0), b.max(initial=0))) + 1
    p, q = (np.bincount(x, minlength=size) / max(1, len(x)) for x in (a, b))
    influence = 0.5 * np.sign(q - p)[b]
    return float(0.5 * np.abs(p - q).sum()), _variance(influence)


def _variance(influence: Floats) -> float:
    n = len(influence)
    return float(influence.var(ddof=1)) / n if n > 1 else 0.25


def _shown(flags: Flags) -> float | None:
    """Return the share of missing values, None if fewer than five people stand behind it."""
    return None if 0 < flags.sum() < LEAST else float(flags.mean())


def _cuts(x: Floats) -> list[tuple[str, float]]:
    known = x[~np.isnan(x)]
    if not len(known):
        return []
    low, high = np.quantile(known, [TAIL, 1 - TAIL], method="closest_observation")
    return [("lower", float(low)), ("upper", float(high))]


def _beyond(x: Floats, side: str, at: float) -> Flags:
    with np.errstate(invalid="ignore"):
        return x <= at if side == "lower" else x >= at


def _relative(pairs: list[tuple[float, Flags]]) -> tuple[float, float]:
    influence = np.zeros(len(pairs[0][1]))
    gaps = []
    for real, flags in pairs:
        share = float(flags.mean())
        gaps.append(abs(share - real) / real)
        influence += np.sign(share - real) * flags / real
    return float(np.mean(gaps)), _variance(influence / len(pairs))
