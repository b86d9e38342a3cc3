"""Measure table engines side by side and write the tables of docs/benchmarks.md.

    python benchmarks/tables.py --data adult california_housing --seeds 0 1 2

Every (data, arm, seed) is made and judged once and kept in ``benchmarks/results``; a run that was
stopped goes on where it was, and a result is made again when the code that made it has changed.
Ours run first and alone, since their seconds are a claim; the rest runs in ``--jobs`` processes.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from arms import NULLS, PEERS, Budget, digest, fingerprint, kind_of, make, unavailable, warm_up
from cases import CASES, data_folder, halves, missing_files
from measures import aligned, judge
from page import update

from abbild.core import write_json

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results"
LINES = RESULTS / "cells.jsonl"
OURS = ("independent", "copula", "trees-conservative", "trees")
ARMS = (*NULLS, *OURS, *PEERS)
REPORTED = range(10)  # seeds a page may hold; an arm shows those it has
YARDSTICK = [HERE / "measures.py", HERE / "neighbours.py"]


@dataclass(frozen=True)
class Cell:
    """One engine on one half of one data set.

    Attributes
    ----------
    rows : size of the part taken to try things out, None for all
    """

    data: str
    arm: str
    seed: int
    rows: int | None
    budget: Budget

    @property
    def key(self) -> list[Any]:
        """What names the cell in the file of results."""
        return [self.data, self.arm, self.seed, self.rows]

    @cached_property
    def made(self) -> str:
        """Hash of what decides the synthetic rows: data, code, budget."""
        split = halves(CASES[self.data], self.seed, self.rows)
        return f"{split.digest} {fingerprint(self.arm, self.budget)}"

    def is_still_true(self, facts: dict[str, Any]) -> bool:
        """Say whether `facts` are what making the rows now would give.

        An engine that was stopped or failed is tried again only with a higher limit.
        """
        stopped = "error" in facts and facts["limit"] < self.budget.limit
        return facts["made"] == self.made and not stopped

    @property
    def path(self) -> Path:
        """Where the synthetic rows lie."""
        part = "all" if self.rows is None else str(self.rows)
        return RESULTS / "rows" / self.data / part / f"{self.arm}-{self.seed}.parquet"


def synthesize(cell: Cell) -> dict[str, Any]:
    """Make the rows of `cell`, unless the same code has made them before; return what it took."""
    note = cell.path.with_suffix(".json")
    if note.exists():
        facts = json.loads(note.read_text(encoding="utf-8"))
        if cell.is_still_true(facts):
            return facts
    case = CASES[cell.data]
    split = halves(case, cell.seed, cell.rows)
    facts = make(cell.arm, case, split, cell.seed, cell.path, cell.budget)
    facts = {**facts, "made": cell.made, "limit": cell.budget.limit}
    write_json(facts, note)
    return facts


def complete(cell: Cell) -> dict[str, Any]:
    """Make and judge `cell`; return its line of results."""
    facts = synthesize(cell)
    line = {"key": cell.key, "judged": digest(YARDSTICK), "facts": facts, "scores": {}}
    if "error" in facts:
        return line
    case = CASES[cell.data]
    split = halves(case, cell.seed, cell.rows)
    tables = (split.train, split.holdout, pq.read_table(cell.path))
    frames = aligned([table.to_pandas() for table in tables], split.decimals)
    line["scores"] = judge(*frames, case.target, is_holdout=cell.arm == "real")
    return line


def known(cells: list[Cell]) -> dict[int, dict[str, Any]]:
    """Return the results that are still true, by position in `cells`; the last line wins."""
    if not LINES.exists():
        return {}
    lines = [json.loads(line) for line in LINES.read_text(encoding="utf-8").splitlines()]
    by_key = {tuple(line["key"]): line for line in lines}
    yardstick, found = digest(YARDSTICK), {}
    for i, cell in enumerate(cells):
        line = by_key.get(tuple(cell.key))
        if line and line["judged"] == yardstick and cell.is_still_true(line["facts"]):
            found[i] = line
    return found


def measure(cells: list[Cell], jobs: int) -> Iterator[tuple[Cell, dict[str, Any]]]:
    """Yield each cell with its line of results, in any order, known ones first."""
    have = known(cells)
    yield from ((cells[i], line) for i, line in have.items())
    todo = [cell for i, cell in enumerate(cells) if i not in have]
    time_ours([cell for cell in todo if kind_of(cell.arm) == "ours"])
    todo.sort(key=lambda cell: kind_of(cell.arm) != "peer")  # the long ones first
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        running = {pool.submit(complete, cell): cell for cell in todo}
        for future in as_completed(running):
            line = future.result()
            with LINES.open("a", encoding="utf-8", newline="\n") as file:
                file.write(json.dumps(line) + "\n")
            yield running[future], line


def time_ours(cells: list[Cell]) -> None:
    """Make the rows of our engines, one after another and warm."""
    with tempfile.TemporaryDirectory() as scratch:
        warmed = set()
        for cell in cells:
            if (cell.data, cell.arm) not in warmed:
                warmed.add((cell.data, cell.arm))
                warm_up(cell.arm, halves(CASES[cell.data], 0, cell.rows), Path(scratch))
            synthesize(cell)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", nargs="+", default=list(CASES), choices=list(CASES))
    parser.add_argument("--arms", nargs="+", default=ARMS, help=f"default: {' '.join(ARMS)}")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--minutes", type=float, default=4.0, help="CPU minutes of a neural fit")
    parser.add_argument("--limit", type=float, default=20.0, help="wall minutes of any one engine")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--rows", type=int, help="only a random part of each data set")
    parser.add_argument("--out", type=Path, help="write all scores to this JSON file")
    parser.add_argument("--docs", type=Path, help="page whose marked tables are replaced")
    return parser.parse_args()


def planned(given: argparse.Namespace) -> list[Cell]:
    """Return the cells asked for that can run here; say which cannot."""
    absent = [sentence for arm in given.arms if (sentence := unavailable(arm))]
    for data in given.data:
        if files := missing_files(CASES[data]):
            absent.append(f"{data} is skipped: no {files[0].name} in {data_folder()}")
    for sentence in absent:
        print(sentence)
    data = [name for name in given.data if not missing_files(CASES[name])]
    arms = [arm for arm in given.arms if not unavailable(arm)]
    return cells_of(data, given.seeds, arms, given)


def cells_of(
    data: Iterable[str], seeds: Iterable[int], arms: Iterable[str], given: argparse.Namespace
) -> list[Cell]:
    """Return every combination, arms innermost: they share the halves of a seed."""
    budget = Budget(given.minutes, given.limit)
    every = product(data, seeds, arms)
    return [Cell(name, arm, seed, given.rows, budget) for name, seed, arm in every]


def write_page(given: argparse.Namespace, measured: list[dict[str, Any]]) -> None:
    """Write what was `measured` now, and all that is known and still true about the same data."""
    data = [name for name in given.data if name in {line["key"][0] for line in measured}]
    arms = [*ARMS, *(arm for arm in given.arms if arm not in ARMS)]
    before = known(cells_of(data, REPORTED, arms, given)).values()
    lines = list({str(line["key"]): line for line in (*before, *measured)}.values())
    update(given.docs, lines, data, arms, command=_command(given, data, lines))


def main() -> int:
    os.environ.update({f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL")})
    given = arguments()
    cells = planned(given)
    RESULTS.mkdir(exist_ok=True)
    lines = []
    for cell, line in measure(cells, given.jobs):
        lines.append(line)
        print(f"{len(lines)}/{len(cells)} {_summary(cell, line)}", flush=True)
    lines.sort(key=lambda line: [str(part) for part in line["key"]])
    if given.out:
        write_json({"cells": lines}, given.out)
    if given.docs:
        write_page(given, lines)
    return 0


def _summary(cell: Cell, line: dict[str, Any]) -> str:
    facts, scores = line["facts"], line["scores"]
    name = f"{cell.data} {cell.arm} seed {cell.seed}:"
    if "error" in facts:
        return f"{name} {facts['error']}"
    seconds = facts.get("fit_cpu", 0) + facts.get("sample_cpu", 0)
    return (
        f"{name} holdout {scores['detection_holdout']:.3f} train {scores['detection_train']:.3f} "
        f"membership {scores['membership_auc']:.3f}, {seconds:.1f} CPU s"
    )


def _command(given: argparse.Namespace, data: list[str], lines: list[dict[str, Any]]) -> str:
    """Return the command that makes the page, with every seed on it."""
    seeds = sorted({str(line["key"][2]) for line in lines})
    parts = ["python benchmarks/tables.py --data", *data]
    if set(given.arms) - set(ARMS):
        parts += ["--arms", *given.arms]
    parts += ["--seeds", *seeds, f"--minutes {given.minutes:g}"]
    if given.rows:
        parts.append(f"--rows {given.rows}")
    return " ".join([*parts, f"--docs {given.docs.as_posix()}"])


if __name__ == "__main__":
    sys.exit(main())
