"""A population whose law is known, so that every judge can be told what it ought to say."""

import numpy as np
import pyarrow as pa

from abbild.core import Column, Kind, Schema, Seed

SCHEMA = Schema.of(
    [
        Column("age", Kind.INTEGER),
        Column("income", Kind.NUMBER, decimals=1),
        Column("spent", Kind.NUMBER, decimals=1),
        Column("joined", Kind.DATE),
        Column("city", Kind.CATEGORY),
        Column("region", Kind.CATEGORY),
        Column("buys", Kind.CATEGORY),
    ],
    target="buys",
)
REGION = {"Bonn": "west", "Essen": "west", "Jena": "east", "Köln": "west", "🏙 Berlin": "east"}


def people(n, name):
    """Draw `n` people: what they spend is below their income, their city fixes their region."""
    rng = (Seed(11) / name).rng()
    age = rng.integers(18, 90, n)
    income = np.round(rng.lognormal(3 + age / 60, 0.5, n), 1)
    spent = np.round(income * rng.beta(2 + age / 30, 2, n), 1)
    city = rng.choice(list(REGION), n, p=[0.3, 0.3, 0.2, 0.15, 0.05])
    east = np.isin(city, [c for c, r in REGION.items() if r == "east"])
    chance = 1 / (1 + np.exp(-(0.08 * (age - 50) + 2 * east - 0.02 * (income - 40))))
    missing = rng.random(n) < 0.1 + 0.2 * east
    return pa.table(
        {
            "age": age,
            "income": income,
            "spent": pa.array(spent, mask=missing),
            "joined": pa.array((18_000 - 100 * age + rng.integers(0, 900, n)).astype("int32")).cast(
                pa.date32()
            ),
            "city": city,
            "region": [REGION[c] for c in city],
            "buys": np.where(rng.random(n) < chance, "yes", "no"),
        }
    )


def shuffled(table, name):
    """Shuffle every column on its own."""
    rng = (Seed(12) / name).rng()
    columns = [c.take(pa.array(rng.permutation(len(c)))) for c in table.columns]
    return pa.table(columns, names=table.column_names)


def jittered(table, name):
    """Repeat every row with its numbers smudged a little, so that none is equal."""
    rng = (Seed(13) / name).rng()
    out = table
    for at, column in enumerate(("income", "spent"), start=1):
        x = table[column].to_numpy()
        smudged = np.round(x * (1 + 0.02 * rng.standard_normal(len(x))) + 0.1, 1)
        out = out.set_column(at, column, pa.array(smudged, mask=np.isnan(x)))
    return out
