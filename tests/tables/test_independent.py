"""The null engine: each column as it was, and nothing between them."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from abbild.core import Column, Dataset, Kind, Schema, Seed
from abbild.tables.encoded import Scores
from abbild.tables.independent import Independent
from abbild.tables.model import Allowed

FIT, DRAW = 20_000, 20_000


def planted() -> Dataset:
    rng = np.random.default_rng(1)
    x = rng.standard_exponential(FIT)
    x[rng.random(FIT) < 0.3] = 0.0
    table = pa.table(
        {
            "x": pa.array(x, mask=rng.random(FIT) < 0.2),
            "y": pa.array(np.where(x > 1, "high", np.where(x > 0, "low", "none"))),
        }
    )
    return Dataset.of(table, Schema.of([Column("x", Kind.NUMBER), Column("y", Kind.CATEGORY)]))


DATA = planted()
DRAWN = Independent().fit(DATA, seed=Seed(0)).sample(range(DRAW), seed=Seed(1)).table


def dkw(n: int, delta: float = 1e-6) -> float:
    """Sup-norm error of an empirical CDF, exceeded with probability `delta` (Massart 1990)."""
    return float(np.sqrt(np.log(2 / delta) / (2 * n)))


def test_columns_keep_their_distribution():
    x = DRAWN["x"].drop_null().to_numpy()
    grid = np.linspace(0, 6, 200)
    found = np.searchsorted(np.sort(x), grid, side="right") / len(x)
    planted_cdf = 0.3 + 0.7 * (1 - np.exp(-grid))
    assert np.abs(found - planted_cdf).max() < dkw(int(FIT * 0.8)) + dkw(len(x))
    assert np.mean(x == 0) - 0.3 < 5 * np.sqrt(0.21 * 2 / FIT)


def test_missing_cells_and_levels_keep_their_share():
    assert abs(DRAWN["x"].null_count / DRAW - 0.2) < 5 * np.sqrt(0.16 * (1 / FIT + 1 / DRAW))
    for level in ("high", "low", "none"):
        real, made = (np.mean(np.array(t["y"].to_pylist()) == level) for t in (DATA.table, DRAWN))
        assert abs(real - made) < 5 * np.sqrt(0.25 * (1 / FIT + 1 / DRAW))


def test_relations_between_columns_are_gone():
    x = DRAWN["x"].fill_null(0).to_numpy()
    high = np.array(DRAWN["y"].to_pylist()) == "high"
    assert abs(np.corrcoef(x, high)[0, 1]) < 5 / np.sqrt(DRAW)
    real = np.corrcoef(DATA.table["x"].fill_null(0), np.array(DATA.table["y"]) == "high")[0, 1]
    assert real > 0.5


def test_an_interval_beside_a_point_mass_leaves_it_out():
    sampler = Independent().fit(DATA, seed=Seed(0))
    x = next(c for c in sampler.codec.encode(DATA.table).columns if isinstance(c, Scores))
    above = Allowed(intervals=np.array([[np.nextafter(x.atoms[0], 9), np.inf]]))
    drawn, log = sampler.model.draw(range(DRAW), seed=Seed(3), within={"x": above})
    z = next(c for c in drawn.columns if isinstance(c, Scores)).z
    assert (z > x.atoms[0]).all()
    share = 0.8 * 0.7  # present, and not zero
    assert abs(np.exp(log[0]) - share) < 5 * np.sqrt(0.25 / FIT)
