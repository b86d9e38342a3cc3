"""Show how the cost of an engine grows with the rows: 10 k, 100 k, 1 M of twenty mixed columns.

    python benchmarks/scale.py --threads 2 --docs docs/benchmarks.md

The table is generated: numbers that depend on each other, heavy tails, point masses, rounded
values, levels from 2 to 1,000, missing values. Each size is fitted and drawn in a fresh process;
an unmeasured fit before fills the cache of compiled code.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from arms import HERE, run
from numpy.typing import NDArray
from page import block, machine, replace

from abbild.core import Column, Kind, Schema, Seed, write_json

SIZES = (10_000, 100_000, 1_000_000)
WARM = 2_000
HEADS = ("rows", "fit, s", "sample, s", "fit, CPU s", "sample, CPU s", "rows/s", "peak, MB")


def generate(rows: int, seed: Seed) -> tuple[pa.Table, Schema]:
    """Draw the table: eight factors decide twenty columns, each with noise of its own."""
    rng = seed.rng()
    z = rng.standard_normal((rows, 8))
    columns: dict[str, tuple[Any, Kind, int | None]] = {}
    for i in range(8):
        mixed = 0.7 * z[:, i] + 0.5 * z[:, i - 1] * np.sign(z[:, i - 2]) + 0.5 * _noise(rng, rows)
        columns[f"number_{i}"] = (_shaped(mixed, i, rng), Kind.NUMBER, 2 if i % 2 else None)
    for i, most in enumerate((5, 100, 10_000, 1_000_000)):
        rate = np.exp(z[:, i] + 0.5 * _noise(rng, rows))
        whole = np.minimum(most, np.floor(rate * most / 20)).astype(np.int64)
        columns[f"count_{i}"] = (whole, Kind.INTEGER, None)
    for i, size in enumerate((2, 2, 5, 12, 40, 200, 1_000, 7)):
        columns[f"level_{i}"] = (_levels(z[:, i] + _noise(rng, rows), size), Kind.CATEGORY, None)
    table = pa.table({name: values for name, (values, _, _) in columns.items()})
    kinds = [Column(name, kind, decimals=d) for name, (_, kind, d) in columns.items()]
    return table, Schema.of(kinds)


def _noise(rng: np.random.Generator, rows: int) -> NDArray[np.float64]:
    return rng.standard_normal(rows)


def _shaped(x: NDArray[np.float64], i: int, rng: np.random.Generator) -> pa.Array:
    """Give one number a tail, a point mass or missing values, by its place."""
    if i % 4 == 1:
        x = np.round(1_000 * np.exp(x), 2)
    elif i % 4 == 2:
        x = np.maximum(x, 0.0)
    elif i % 4 == 3:
        x = np.round(10 * x, 2)
    gone = rng.random(len(x)) < 0.1 if i >= 6 else None
    return pa.array(x, mask=gone)


def _levels(x: NDArray[np.float64], size: int) -> pa.Array:
    """Cut `x` into `size` levels, the later the rarer."""
    edges = np.quantile(x, 1 - np.geomspace(1, 1 / size, size)[1:] ** 1.5)
    codes = np.searchsorted(np.sort(edges), x).astype(np.int32)
    names = pa.array([f"level {k}" for k in range(size)])
    return pa.DictionaryArray.from_arrays(codes, names).cast(pa.string())


def measure(rows: int, engine: str, threads: int, limit: float) -> dict[str, Any]:
    """Fit and draw `rows` rows in a fresh process; return its line of facts."""
    name, _, preset = engine.partition("-")
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        table, schema = generate(rows, Seed(0) / "scale")
        pq.write_table(table, folder / "data.parquet")
        write_json(schema.to_dict(), folder / "schema.json")
        command = [sys.executable, str(HERE / "ours.py"), "--train", str(folder), "--model", name]
        command += ["--options", *filter(None, (preset,)), "--rows", str(rows)]
        command += ["--out", str(folder / "out.parquet")]
        return {"rows": rows, **run(command, limit, threads)}


def section(facts: Sequence[dict[str, Any]], given: argparse.Namespace) -> list[str]:
    """Return the marked part of the page."""
    lines = [f"## Rows: {given.engine}, twenty mixed columns, {given.threads} threads", ""]
    lines += ["| " + " | ".join(HEADS) + " |", "|---" * len(HEADS) + "|"]
    lines += ["| " + " | ".join(_row(fact)) + " |" for fact in facts]
    whole = [fact for fact in facts if "error" not in fact]
    if len(whole) > 1:
        ends = whole[-2:]
        rows, seconds = (np.log([measured(end) for end in ends]) for measured in (_rows, _cpu))
        slope = (seconds[1] - seconds[0]) / (rows[1] - rows[0])
        lines += ["", f"CPU seconds grow as rows to the power {slope:.2f} at the end (1: linear)."]
    command = f"python benchmarks/scale.py --engine {given.engine} --threads {given.threads}"
    command += " --rows " + " ".join(map(str, given.rows))
    return [*lines, "", f"Measured on {machine()}.", "", "```sh", command, "```"]


def _rows(fact: dict[str, Any]) -> float:
    return float(fact["rows"])


def _cpu(fact: dict[str, Any]) -> float:
    return float(fact["fit_cpu"] + fact["sample_cpu"])


def _row(fact: dict[str, Any]) -> list[str]:
    if "error" in fact:
        return [f"{fact['rows']:,}", fact["error"], *[""] * (len(HEADS) - 2)]
    wall = fact["fit_wall"] + fact["sample_wall"]
    seconds = [fact[f"{s}_{c}"] for c in ("wall", "cpu") for s in ("fit", "sample")]
    peak = "–" if fact["peak_mb"] is None else f"{fact['peak_mb']:,.0f}"
    shown = [f"{value:.1f}" for value in seconds]
    return [f"{fact['rows']:,}", *shown, f"{fact['rows'] / wall:,.0f}", peak]


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", nargs="+", type=int, default=list(SIZES))
    parser.add_argument("--engine", default="trees", help="registry name, with -preset behind it")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--limit", type=float, default=20.0, help="wall minutes for each size")
    parser.add_argument("--docs", type=Path, help="page whose marked table is replaced")
    given = parser.parse_args()
    measure(WARM, given.engine, given.threads, given.limit)
    facts = []
    for rows in given.rows:
        facts.append(measure(rows, given.engine, given.threads, given.limit))
        print(" | ".join(_row(facts[-1])), flush=True)
    if given.docs:
        replace(given.docs, [block(f"scale {given.engine}", section(facts, given))])
    return 0


if __name__ == "__main__":
    sys.exit(main())
