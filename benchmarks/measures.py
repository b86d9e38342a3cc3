"""The yardstick: every number of the benchmark, written apart from the judges of the product.

A frame here is a pandas table whose quantities are float64 and whose levels are categories shared
by train, holdout and synthetic rows (see `aligned`). Definitions follow what the field publishes,
so that the figures can be laid beside published ones; each docstring says where from.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import combinations

import numpy as np
import pandas as pd
from neighbours import Space, nearest
from numpy.typing import NDArray
from sklearn.metrics import r2_score, roc_auc_score
from sklearn.model_selection import StratifiedKFold
from xgboost import XGBClassifier, XGBRegressor

QUERIES = 10_000  # rows looked up in a neighbour search; the same rows of train for every arm
CANDIDATES = 4_000  # members, and as many non-members; standard error of the AUC 0.006
TRIPLES = 1_000
NEIGHBOURS = (1, 5, 20)


def aligned(
    frames: Sequence[pd.DataFrame], decimals: dict[str, int | None]
) -> tuple[pd.DataFrame, ...]:
    """Return the frames with equal columns, number formats and categories.

    `decimals` names the quantities and their rounding in the real data (None: full precision);
    all else is a level. Rounding is a courtesy to engines that ignore it: a detector would
    otherwise see nothing else.
    """
    out: list[dict[str, pd.Series]] = [{} for _ in frames]
    for name in frames[0].columns:
        if name in decimals:
            for made, frame in zip(out, frames, strict=True):
                made[name] = _quantity(frame[name], decimals[name])
        else:
            texts = [_texts(frame[name]) for frame in frames]
            levels = sorted(set().union(*(text.dropna().unique() for text in texts)))
            kind = pd.CategoricalDtype(levels)
            for made, text in zip(out, texts, strict=True):
                made[name] = text.astype(kind)
    return tuple(pd.DataFrame(made) for made in out)


def _quantity(column: pd.Series, decimals: int | None) -> pd.Series:
    values = pd.to_numeric(column, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    return pd.Series(values if decimals is None else np.round(values, decimals) + 0.0)  # no -0.0


def _texts(column: pd.Series) -> pd.Series:
    values = column.astype(object).reset_index(drop=True)
    return values.where(values.isna(), values.map(str))


# Fidelity


def detection(real: pd.DataFrame, synthetic: pd.DataFrame, seed: int = 0) -> float:
    """Score how well synthetic rows pass for real: 1 - mean of (2 max(0.5, AUC) - 1); 1 is best.

    Three-fold XGBoost with its defaults on equally many rows of both (TabPC's C2ST; the shape of
    sdmetrics' detection scores). Copying the rows it is asked about games it, so it is asked
    about unseen rows too.
    """
    n = min(len(real), len(synthetic))
    rng = np.random.default_rng(seed)
    both = [f.iloc[rng.permutation(len(f))[:n]] for f in (real, synthetic)]
    x = features(pd.concat(both, ignore_index=True))
    y = np.repeat([0, 1], n)
    folds = StratifiedKFold(3, shuffle=True, random_state=seed).split(x, y)
    return float(np.mean([1 - (2 * max(0.5, _fold(x, y, a, b)) - 1) for a, b in folds]))


def _fold(x: pd.DataFrame, y: NDArray, fit: NDArray, test: NDArray) -> float:
    model = XGBClassifier(
        eval_metric="logloss", enable_categorical=True, random_state=0, n_jobs=1
    ).fit(x.iloc[fit], y[fit])
    return float(roc_auc_score(y[test], model.predict_proba(x.iloc[test])[:, 1]))


def features(frame: pd.DataFrame) -> pd.DataFrame:
    """Return `frame` as XGBoost wants it: short names, whole numbers as categories."""
    out = {}
    for i, name in enumerate(frame.columns):
        column = frame[name]
        if isinstance(column.dtype, pd.CategoricalDtype):
            codes = column.cat.codes.to_numpy()
            levels = np.arange(max(1, len(column.cat.categories)))
            out[f"c{i}"] = pd.Series(pd.Categorical.from_codes(codes, levels))
        else:
            out[f"c{i}"] = column.reset_index(drop=True)
    return pd.DataFrame(out)


def dependence(real: pd.DataFrame, synthetic: pd.DataFrame) -> float:
    """Score pairwise dependence: 1 - weighted mean of |NMI_R - NMI_S|, weights NMI_R + NMI_S.

    Ten equal-width bins fitted on the real rows; mutual information over the mean of the two
    entropies (TabPC's MI_l1).
    """
    columns = [_equal_width(real[c], synthetic[c]) for c in real.columns]
    gap = weight = 0.0
    for a, b in combinations(columns, 2):
        r, s = (_nmi(a[side], b[side], a[2], b[2]) for side in (0, 1))
        gap += (r + s) * abs(r - s)
        weight += r + s
    return 1 - gap / weight if weight else 1.0


def _equal_width(real: pd.Series, synthetic: pd.Series) -> tuple[NDArray, NDArray, int]:
    if isinstance(real.dtype, pd.CategoricalDtype):
        size = len(real.cat.categories)
        codes = [c.cat.codes.to_numpy(np.int64) for c in (real, synthetic)]
        return (*(np.where(c < 0, size, c) for c in codes), size + 1)
    low, high = real.min(), real.max()
    edges = np.linspace(low, high, 11)[1:-1] if low < high else np.array([])
    return (*(_bins(c, edges) for c in (real, synthetic)), len(edges) + 2)


def _bins(column: pd.Series, edges: NDArray) -> NDArray:
    values = column.to_numpy()
    return np.where(np.isnan(values), len(edges) + 1, np.searchsorted(edges, values, "right"))


def _nmi(a: NDArray, b: NDArray, sizes_a: int, sizes_b: int) -> float:
    joint = np.bincount(a * sizes_b + b, minlength=sizes_a * sizes_b) / len(a)
    joint = joint.reshape(sizes_a, sizes_b)
    ha, hb, hab = (_entropy(p) for p in (joint.sum(1), joint.sum(0), joint.ravel()))
    return 2 * max(0.0, ha + hb - hab) / (ha + hb) if ha + hb > 0 else 0.0


def _entropy(p: NDArray) -> float:
    p = p[p > 0]
    return float(-(p * np.log(p)).sum())


def accuracy(real: pd.DataFrame, synthetic: pd.DataFrame, order: int) -> float:
    """Score 1-, 2- or 3-column tables: mean of 1 - half the L1 distance; 1 is best.

    Deciles of the real rows, the ten most frequent levels and "other"; at most 1,000 triples,
    always the same ones (mostlyai-qa's accuracy).
    """
    columns = [_deciles(real[c], synthetic[c]) for c in real.columns]
    chosen = list(combinations(range(len(columns)), order))
    if len(chosen) > TRIPLES:
        keep = np.random.default_rng(0).choice(len(chosen), TRIPLES, replace=False)
        chosen = [chosen[i] for i in keep]
    return float(np.mean([_overlap([columns[i] for i in group]) for group in chosen]))


def _deciles(real: pd.Series, synthetic: pd.Series) -> tuple[NDArray, NDArray, int]:
    if isinstance(real.dtype, pd.CategoricalDtype):
        top = real.value_counts(dropna=False).index[:10]
        rank = {level: i for i, level in enumerate(top) if not pd.isna(level)}
        missing = len(top)
        codes = []
        for column in (real, synthetic):
            of_level = np.array(
                [rank.get(c, missing + 1) for c in column.cat.categories] + [missing]
            )
            codes.append(of_level[column.cat.codes.to_numpy()])
        return (*codes, missing + 2)
    values = real.dropna().to_numpy()
    edges = np.unique(np.quantile(values, np.linspace(0.1, 0.9, 9))) if len(values) else values
    return (*(_bins(c, edges) for c in (real, synthetic)), len(edges) + 2)


def _overlap(group: Iterable[tuple[NDArray, NDArray, int]]) -> float:
    real, synthetic, size = 0, 0, 1
    for a, b, levels in group:
        real, synthetic, size = real * levels + a, synthetic * levels + b, size * levels
    p = np.bincount(real, minlength=size) / len(real)
    q = np.bincount(synthetic, minlength=size) / len(synthetic)
    return float(1 - 0.5 * np.abs(p - q).sum())


# Usefulness


def usefulness(train: pd.DataFrame, test: pd.DataFrame, target: str) -> float:
    """Train XGBoost with its defaults on `train`, return its score on `test`; 1 is best.

    AUC for two classes, mean one-against-rest AUC for more, R squared for a quantity (its
    relative RMSE is ``sqrt(1 - R2)``). Rows without a target are left out.
    """
    train, test = (f[f[target].notna()].reset_index(drop=True) for f in (train, test))
    x, z = (features(f.drop(columns=target)) for f in (train, test))
    if not isinstance(train[target].dtype, pd.CategoricalDtype):
        model = XGBRegressor(enable_categorical=True, random_state=0, n_jobs=1)
        return float(r2_score(test[target], model.fit(x, train[target]).predict(z)))
    seen, y = np.unique(train[target].cat.codes.to_numpy(), return_inverse=True)
    truth = test[target].cat.codes.to_numpy()
    if len(seen) < 2:
        return 0.5
    model = XGBClassifier(enable_categorical=True, random_state=0, n_jobs=1).fit(x, y)
    chance = np.zeros((len(test), len(train[target].cat.categories)))
    chance[:, seen] = model.predict_proba(z)
    classes = np.unique(truth)
    if len(classes) == 2:
        classes = classes[1:]
    return float(np.mean([roc_auc_score(truth == c, chance[:, c]) for c in classes]))


# Privacy


def copies(train: pd.DataFrame, rows: pd.DataFrame) -> float:
    """Return the share of `rows` that equal a training row in every column."""
    known = set(pd.util.hash_pandas_object(train, index=False))
    return float(pd.util.hash_pandas_object(rows, index=False).isin(known).mean())


def near_copies(
    train: pd.DataFrame, holdout: pd.DataFrame, synthetic: pd.DataFrame, q: float = 0.02
) -> float:
    """Return the share of synthetic rows nearer to train than a holdout row is with chance `q`.

    L1 distance of z-scores (statistics of train), 2 for each level that differs (TabPC's
    quantile-DCR). Ideal is `q`; up to 10,000 rows are looked up, in all of train.
    """
    space = Space.standardised(train, also=(holdout, synthetic))
    base = space(train)
    fresh, made = (nearest(space(_some(f)), base, 1)[:, 0] for f in (holdout, synthetic))
    return float((made < np.quantile(fresh, q)).mean())


def membership(
    train: pd.DataFrame, outside: pd.DataFrame, reference: pd.DataFrame, synthetic: pd.DataFrame
) -> tuple[float, float]:
    """Attack with a calibrated density: (AUC, hit rate at 1 % false alarms), worst of six.

    The attacker owns `reference`, real rows that are in neither group, and scores a candidate by
    how much nearer its k-th synthetic neighbour is than its k-th reference neighbour (DOMIAS's
    density ratio with a nearest-neighbour density): k = 1, 5, 20, in z-scores and in ranks.
    Half of the candidates are training rows, half are `outside`. Chance is 0.5 and 1 %; the
    worst of six lies a little above, see the row of real data.
    """
    n = min(CANDIDATES, len(train), len(outside))
    members = train.iloc[np.random.default_rng(1).permutation(len(train))[:n]]
    candidates = pd.concat([members, outside.iloc[:n]], ignore_index=True)
    truth = np.repeat([1, 0], n)
    worst = hit = 0.0
    for kind in (Space.standardised, Space.ranked):
        space = kind(reference, also=(candidates, synthetic))
        far, near = (
            nearest(space(candidates), space(f), max(NEIGHBOURS)) for f in (reference, synthetic)
        )
        for k in NEIGHBOURS:
            column = min(k, far.shape[1], near.shape[1]) - 1
            score = np.log(far[:, column] + 1e-9) - np.log(near[:, column] + 1e-9)
            worst = max(worst, float(roc_auc_score(truth, score)))
            alarm = np.quantile(score[truth == 0], 0.99)
            hit = max(hit, float((score[truth == 1] > alarm).mean()))
    return worst, hit


def _some(frame: pd.DataFrame) -> pd.DataFrame:
    if len(frame) <= QUERIES:
        return frame
    return frame.iloc[np.random.default_rng(0).permutation(len(frame))[:QUERIES]]


# All of it


def judge(
    train: pd.DataFrame,
    holdout: pd.DataFrame,
    synthetic: pd.DataFrame,
    target: str,
    *,
    is_holdout: bool = False,
) -> dict[str, float]:
    """Return every measure of `synthetic`; the frames are `aligned`.

    With `is_holdout` the synthetic rows are the holdout itself, the best an honest engine can
    do. It is then compared with train only, and privacy looks at the part of the holdout that
    is neither the attacker's nor a candidate.
    """
    half = len(holdout) // 2
    shuffled = holdout.iloc[np.random.default_rng(2).permutation(len(holdout))]
    reference, rest = shuffled.iloc[:half], shuffled.iloc[half:]
    outside = rest.iloc[: min(CANDIDATES, len(rest) // 2)]
    private = rest.iloc[len(outside) :] if is_holdout else synthetic
    auc, hit = membership(train, outside, reference, private)
    against_train = detection(train, synthetic)
    real = usefulness(train, holdout, target)
    useful = real if is_holdout else usefulness(synthetic, holdout, target)
    return {
        "detection_holdout": against_train if is_holdout else detection(holdout, synthetic),
        "detection_train": against_train,
        "wnmi": dependence(train, synthetic),
        "univariate": accuracy(train, synthetic, 1),
        "bivariate": accuracy(train, synthetic, 2),
        "trivariate": accuracy(train, synthetic, 3),
        "usefulness": useful,
        "usefulness_gap": real - useful,
        "near_copies": near_copies(train, reference, private),
        "copies": copies(train, synthetic),
        "copies_holdout": copies(train, holdout),
        "membership_auc": auc,
        "membership_tpr": hit,
    }
