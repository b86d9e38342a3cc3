"""The copula must find a planted one, whatever is rounded, cut, capped or missing."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from scipy import stats

from abbild.core import Column, Dataset, Kind, Schema, Seed
from abbild.tables.copula import Copula, CopulaModel
from abbild.tables.latent import truncated

FIT, DRAW, RHO = 10_000, 10_000, 0.7


def dkw(n: int, delta: float = 1e-6) -> float:
    """Sup-norm error of an empirical CDF, exceeded with probability `delta` (Massart 1990)."""
    return float(np.sqrt(np.log(2 / delta) / (2 * n)))


def hidden(rho: float = RHO) -> np.ndarray:
    return Seed(5).rng().multivariate_normal([0, 0], [[1, rho], [rho, 1]], FIT)


def fitted(table: pa.Table, *kinds: Kind) -> tuple[CopulaModel, pa.Table]:
    columns = [Column(n, k) for n, k in zip(table.column_names, kinds, strict=True)]
    sampler = Copula().fit(Dataset.of(table, Schema.of(columns)), seed=Seed(0))
    assert isinstance(sampler.model, CopulaModel)
    return sampler.model, sampler.sample(range(DRAW), seed=Seed(1)).table


def test_marginals_and_dependence_are_recovered():
    z = hidden()
    real = pa.table({"spend": stats.gamma(2).ppf(stats.norm.cdf(z[:, 0])), "score": z[:, 1]})
    _, drawn = fitted(real, Kind.NUMBER, Kind.NUMBER)
    spend, score = (column.to_numpy() for column in drawn.columns)
    allowed = dkw(FIT) + dkw(DRAW)
    assert stats.kstest(spend, stats.gamma(2).cdf).statistic < allowed
    assert stats.kstest(score, stats.norm.cdf).statistic < allowed
    spearman = 6 / np.pi * np.arcsin(RHO / 2)  # exact for a Gaussian copula
    assert abs(stats.spearmanr(spend, score).statistic - spearman) < 4 / np.sqrt(FIT)


def labels(z: np.ndarray, cuts: list[float]) -> pa.Array:
    return pa.array(np.array([f"l{i}" for i in range(len(cuts) + 1)])[np.digitize(z, cuts)])


WAYS = {
    "number and levels": lambda z: (z[:, 0], labels(z[:, 1], [-0.5, 1.0]), Kind.ORDINAL),
    "number and nominal": lambda z: (z[:, 0], labels(z[:, 1], [-0.5, 0.2, 1.0]), Kind.CATEGORY),
    "number and rare yes": lambda z: (z[:, 0], pa.array(z[:, 1] > 1.3), Kind.BOOLEAN),
    "number and floor": lambda z: (z[:, 0], np.maximum(z[:, 1], 0.3), Kind.NUMBER),
    "whole numbers": lambda z: (np.rint(z[:, 0]), np.rint(2 * z[:, 1]), Kind.NUMBER),
    "capped both": lambda z: (np.minimum(z[:, 0], 0), np.maximum(z[:, 1], 0), Kind.NUMBER),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("rho", [RHO, -0.4, 0.0])
def test_the_hidden_correlation_is_recovered_from_what_is_seen(way, rho):
    a, b, kind = WAYS[way](hidden(rho))
    model, _ = fitted(pa.table({"a": a, "b": b}), Kind.NUMBER, kind)
    # nominal levels have no direction: the sign of their order is free
    found = abs(model.correlation[0, 1]) if way == "number and nominal" else model.correlation[0, 1]
    assert found == pytest.approx(abs(rho) if way == "number and nominal" else rho, abs=0.05)


def test_a_nominal_column_keeps_its_relation_to_a_number():
    z = hidden()
    _, drawn = fitted(
        pa.table({"a": z[:, 0], "b": labels(z[:, 1], [-0.5, 0.2, 1.0])}), Kind.NUMBER, Kind.CATEGORY
    )
    a, b = drawn["a"].to_numpy(), np.array(drawn["b"].to_pylist())
    real = labels(z[:, 1], [-0.5, 0.2, 1.0]).to_numpy(zero_copy_only=False)
    for level in ("l0", "l1", "l2", "l3"):
        assert abs(a[b == level].mean() - z[real == level, 0].mean()) < 0.12


def test_missing_cells_keep_their_relations():
    """Missing where the other is large: both the share and the relation must survive."""
    z = hidden()
    gone = z[:, 1] > 0.5
    _, drawn = fitted(
        pa.table({"a": pa.array(z[:, 0], mask=gone), "b": z[:, 1]}), Kind.NUMBER, Kind.NUMBER
    )
    lost = drawn["a"].is_null().to_numpy()
    assert abs(lost.mean() - gone.mean()) < 5 * np.sqrt(0.25 * 2 / FIT)
    b = drawn["b"].to_numpy()
    assert b[lost].mean() - b[~lost].mean() > 0.8 * (z[gone, 1].mean() - z[~gone, 1].mean())


def test_a_sorted_table_does_not_invent_dependence():
    coin = Seed(3).rng().integers(0, 2, FIT)
    model, _ = fitted(
        pa.table({"group": np.repeat([0, 1], FIT // 2), "coin": coin}), Kind.INTEGER, Kind.INTEGER
    )
    # the standard error of a tetrachoric correlation of two fair coins is (pi / 2) / sqrt(n)
    assert abs(model.correlation[1, 0]) < 4 * np.pi / 2 / np.sqrt(FIT)


def test_more_columns_than_rows_stay_positive_definite():
    rng = Seed(4).rng()
    one = rng.normal(size=60)
    table = pa.table({f"c{i}": one + 1e-6 * rng.normal(size=60) for i in range(80)})
    model, drawn = fitted(table, *[Kind.NUMBER] * 80)
    assert np.linalg.eigvalsh(model.correlation)[0] > 0
    assert np.isfinite(np.array(drawn.to_pandas())).all()


def test_truncated_draws_stay_inside_and_weigh_right():
    """Against the closed form, far out in both tails too."""
    v = np.linspace(0.001, 0.999, 999)
    for low, high in ((-1.0, 0.5), (3.0, 4.0), (6.0, 7.0), (-7.0, -6.0)):
        spans = np.broadcast_to(stats.norm.cdf([low, high]), (999, 1, 2))
        z, log = truncated(spans, np.full(999, 0.3), 0.9, v)
        assert ((z >= low - 1e-6) & (z <= high + 1e-6)).all()
        known = stats.norm(0.3, 0.9)
        mass = known.sf(low) - known.sf(high) if low > 0 else known.cdf(high) - known.cdf(low)
        assert log == pytest.approx(np.log(mass), rel=1e-3)
        inside = stats.truncnorm((low - 0.3) / 0.9, (high - 0.3) / 0.9, 0.3, 0.9)
        assert np.abs(np.sort(z) - np.sort(inside.ppf(v))).max() < 1e-2


def test_several_intervals_are_drawn_by_their_mass():
    spans = np.broadcast_to(np.array([[0.1, 0.2], [0.7, 0.9]]), (30_000, 2, 2))
    v = Seed(6).rng().random(30_000)
    z, log = truncated(spans, np.zeros(30_000), 1.0, v)
    u = stats.norm.cdf(z)
    first = (u > 0.1 - 1e-9) & (u < 0.2 + 1e-9)
    assert (first | ((u > 0.7 - 1e-9) & (u < 0.9 + 1e-9))).all()
    assert abs(first.mean() - 1 / 3) < 5 * np.sqrt(2 / 9 / 30_000)
    assert log == pytest.approx(np.log(0.3))


def test_what_cannot_be_has_no_weight():
    _, log = truncated(np.full((3, 1, 2), np.nan), np.zeros(3), 1.0, np.full(3, 0.5))
    assert (log == -np.inf).all()
