"""Wide tables are judged on the columns that matter, and say so."""

import time

import numpy as np
import pyarrow as pa

from abbild.core import Column, Kind, Schema, Seed
from abbild.evaluate import judge
from abbild.evaluate.screening import relations, strongest


def wide(n, d, name):
    """Draw `d` independent columns, but for the last, which follows from the first."""
    rng = (Seed(21) / name).rng()
    x = rng.standard_normal((d, n))
    table = {f"c{j}": x[j] for j in range(d - 1)}
    table["last"] = np.where(x[0] > 0, "high", "low")
    kinds = [Kind.NUMBER] * (d - 1) + [Kind.CATEGORY]
    return pa.table(table), Schema.of([Column(c, k) for c, k in zip(table, kinds, strict=True)])


def test_a_planted_relation_is_the_strongest():
    table, schema = wide(400, 50, "planted")
    related = relations(table, schema.table.columns, Seed(0))
    assert np.allclose(related, related.T) and related.max() <= 1 and not related.diagonal().any()
    assert set(np.argwhere(related == related.max())[0]) == {0, 49}
    kept = strongest(table, schema.table.columns, 10, Seed(0))
    assert len(kept) == 10 and {"c0", "last"} <= {c.name for c in kept}
    kept = strongest(table, schema.table.columns, 3, Seed(0), target="c7")
    assert "c7" in {c.name for c in kept}


def test_a_wide_table_is_judged_soon_and_told_to_be_thinned():
    (train, schema), (holdout, _), (made, _) = (wide(150, 300, who) for who in "thm")
    start = time.process_time()
    found = judge(train, holdout, made, schema, seed=Seed(0), arms=False)
    assert time.process_time() - start < 30
    notes = " ".join(found.notes)
    assert "60 of 300 columns" in notes and "100 of 300 columns" in notes
    assert [s for s in found.arms["synthetic"] if s.name == "utility.last" and s.value > 0.9]
