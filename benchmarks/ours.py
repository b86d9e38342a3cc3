"""Driver of our own engines, through the public registry and contracts; run in a fresh process.

``--model trees`` is the default preset, ``--options conservative`` another; ``target`` among the
options declares the target column. ``--train`` is a folder with ``data.parquet`` and
``schema.json``. With ``warm`` nothing is measured: it fills the cache of compiled code.
"""

from __future__ import annotations

import json
import os
from dataclasses import replace

import pyarrow.parquet as pq
from peers.protocol import Job, Meter, finish

from abbild.core import Dataset, Schema, Seed, resolve

PACKAGES = ("abbild", "numpy", "numba", "pyarrow")


def load(job: Job) -> Dataset:
    schema = Schema.from_dict(json.loads((job.train / "schema.json").read_text(encoding="utf-8")))
    if "target" not in job.options:
        schema = schema.with_table(replace(schema.table, target=None))
    return Dataset.of(pq.read_table(job.train / "data.parquet"), schema)


def synthesizer(job: Job):  # type: ignore[no-untyped-def]
    kind = resolve("synthesizers", job.model)
    presets = [option for option in job.options if option not in ("target", "warm")]
    return kind(preset=presets[0]) if presets else kind()


def keep_to_cores(threads: int) -> None:
    """Stay on so many cores, where the system can; engines take as many workers as cores."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-threads:])


def main() -> None:
    keep_to_cores(int(os.environ.get("OMP_NUM_THREADS", "1")))
    job, meter = Job.from_arguments(), Meter()
    data, engine, root = load(job), synthesizer(job), Seed(job.seed)
    sampler = meter("fit", lambda: engine.fit(data, seed=root / "fit"))
    rows = range(job.rows)
    batch = meter("sample", lambda: sampler.sample(rows, seed=root / "sample"))
    if "warm" not in job.options:
        pq.write_table(batch.table, job.out)
    finish(meter, PACKAGES)


if __name__ == "__main__":
    main()
