"""Everything that makes synthetic rows here: null rows, our engines, peers in their environments.

Names: ``real`` (the holdout itself), ``copy`` (training rows drawn again), ``shuffled`` (columns
drawn independently); ours by registry name, with ``-preset`` and ``+target`` behind it, such as
``trees``, ``trees-conservative`` or ``trees+target``; peers as in `PEERS`. ``+target`` declares the
target column to the engine, else nobody is told of it.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from cases import REPOSITORY, Case, Halves
from install_peers import is_ready, python_of

from abbild.core import Seed, write_json

HERE = Path(__file__).resolve().parent
NULLS = ("real", "copy", "shuffled")
WARM_ROWS = 1_000  # rows of the unmeasured fit that fills the cache of compiled code


@dataclass(frozen=True)
class Peer:
    """An engine of others.

    Attributes
    ----------
    environment : name of its virtual environment and of ``peers/run_<environment>.py``
    model : what its driver is asked for
    title : name in the table of results
    neural : whether the budget of minutes applies
    """

    environment: str
    model: str
    title: str
    neural: bool


PEERS = {
    "tabularargn": Peer("mostlyai", "", "TabularARGN (mostlyai-engine)", True),
    "ctgan": Peer("sdv", "ctgan", "CTGAN (SDV)", True),
    "tvae": Peer("sdv", "tvae", "TVAE (SDV)", True),
    "gaussian-copula": Peer("sdv", "gaussian-copula", "GaussianCopula (SDV)", False),
    "arf": Peer("arfpy", "", "ARF (arfpy)", False),
}
TITLES = {
    "real": "*real holdout*",
    "copy": "*copy of the training rows*",
    "shuffled": "*independent columns*",
    **{name: peer.title for name, peer in PEERS.items()},
}


@dataclass(frozen=True)
class Budget:
    """Limits of one fit.

    Attributes
    ----------
    minutes : CPU minutes a neural engine trains
    limit : wall minutes after which any engine is stopped and counted as not finished
    """

    minutes: float
    limit: float


def kind_of(arm: str) -> str:
    """Return "null", "ours" or "peer"."""
    return "null" if arm in NULLS else "peer" if arm in PEERS else "ours"


def title(arm: str) -> str:
    """Return the name of `arm` in the table of results."""
    return TITLES.get(arm, f"**abbild {arm}**")


def fingerprint(arm: str, budget: Budget) -> str:
    """Return a hash of the code and budget that decide what `arm` makes of its data."""
    paths: list[Path] = []
    settings = ""
    if kind_of(arm) == "ours":
        source = REPOSITORY / "src" / "abbild"
        paths += [HERE / "ours.py", *(source / "core").rglob("*.py")]
        paths += (source / "tables").rglob("*.py")
    elif kind_of(arm) == "peer":
        peer = PEERS[arm]
        paths += [HERE / "peers" / f"{peer.environment}.txt", _driver(peer)]
        settings = str(budget.minutes) if peer.neural else ""
    return digest(paths, settings)


def digest(paths: Iterable[Path], settings: str = "") -> str:
    """Return a short hash of the contents of `paths` and of `settings`."""
    total = hashlib.blake2b(settings.encode(), digest_size=6)
    for path in sorted(paths):
        total.update(path.read_bytes())
    return total.hexdigest()


def unavailable(arm: str) -> str | None:
    """Return one sentence if `arm` cannot run here."""
    if kind_of(arm) == "peer" and not is_ready(PEERS[arm].environment):
        name = PEERS[arm].environment
        return f"{arm} has no environment; make it: python benchmarks/install_peers.py {name}"
    return None


def make(
    arm: str, case: Case, halves: Halves, seed: int, out: Path, budget: Budget
) -> dict[str, Any]:
    """Write as many synthetic rows as there are training rows to `out`; return what it took.

    The facts hold ``fit_cpu``, ``sample_cpu`` (seconds) and versions, or ``error``, one sentence.
    """
    out.parent.mkdir(parents=True, exist_ok=True)
    if kind_of(arm) == "null":
        rng = (Seed(seed) / "benchmark" / case.name / arm).rng()
        pq.write_table(_null(arm, halves, rng), out)
        return {}
    folder = out.with_suffix("")
    folder.mkdir(exist_ok=True)
    pq.write_table(halves.train, folder / "data.parquet")
    write_json(halves.schema.to_dict(), folder / "schema.json")
    if kind_of(arm) == "peer":
        peer = PEERS[arm]
        command = [str(python_of(peer.environment)), str(_driver(peer))]
        command += ["--train", str(folder / "data.parquet"), "--model", peer.model]
        command += ["--minutes", str(budget.minutes)]
    else:
        name, _, target = arm.partition("+")
        name, _, preset = name.partition("-")
        command = [sys.executable, str(HERE / "ours.py"), "--train", str(folder), "--model", name]
        command += ["--options", *filter(None, (preset, target))]
    command += ["--out", str(out), "--rows", str(halves.train.num_rows), "--seed", str(seed)]
    return run(command, budget.limit)


def _null(arm: str, halves: Halves, rng: np.random.Generator) -> pa.Table:
    train, n = halves.train, halves.train.num_rows
    if arm == "real":
        return halves.holdout
    if arm == "copy":
        return train.take(rng.integers(0, n, n))
    columns = {name: train[name].take(rng.integers(0, n, n)) for name in train.column_names}
    return pa.table(columns)


def warm_up(arm: str, halves: Halves, scratch: Path) -> None:
    """Fit and draw once, unmeasured, so that compiled code is in its cache."""
    small = Halves(halves.train.slice(0, WARM_ROWS), halves.holdout, halves.schema)
    case = Case("warm-up", (), "", "")
    make(arm, case, small, 0, scratch / f"{arm}.parquet", Budget(1, 10))


def run(command: list[str], limit: float, threads: int = 1) -> dict[str, Any]:
    """Run a driver with `threads` threads for at most `limit` minutes; return its line of JSON."""
    names = ("OMP", "OPENBLAS", "MKL", "NUMBA")
    env = {**os.environ, **{f"{name}_NUM_THREADS": str(threads) for name in names}}
    try:
        done = subprocess.run(
            command, env=env, capture_output=True, text=True, timeout=60 * limit, check=False
        )
    except subprocess.TimeoutExpired:
        return {"error": f"not finished within {limit:g} minutes"}
    if done.returncode:
        said = [line for line in done.stderr.splitlines() if line and not line[0].isspace()]
        return {"error": said[-1][:200] if said else f"exit code {done.returncode}"}
    return json.loads(done.stdout.strip().splitlines()[-1])


def _driver(peer: Peer) -> Path:
    return HERE / "peers" / f"run_{peer.environment}.py"
