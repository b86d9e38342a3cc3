"""SDV: GaussianCopula, CTGAN and TVAE, their defaults (Business Source License: only measured).

The neural ones have no limit of time. They walk through their epochs with a progress bar, so a bar
that ends when the CPU minutes are spent stops them between two epochs; they end after the default
number of epochs in any case. Preparing the table counts towards the minutes.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterator

import ctgan.synthesizers.ctgan
import ctgan.synthesizers.tvae
import numpy as np
import pandas as pd
import torch
from protocol import Job, Meter, finish
from sdv.metadata import Metadata
from sdv.single_table import CTGANSynthesizer, GaussianCopulaSynthesizer, TVAESynthesizer

TABLE = "data"
NEURAL = {"ctgan": CTGANSynthesizer, "tvae": TVAESynthesizer}


class Budget:
    """An iterator in the place of the progress bar."""

    def __init__(self, minutes: float) -> None:
        self.end = time.process_time() + 60 * minutes
        self.epochs = 0

    def __call__(self, epochs: range, **_: object) -> Iterator[int]:
        for epoch in epochs:
            yield epoch
            self.epochs = epoch + 1
            if time.process_time() > self.end:
                return


def metadata(frame: pd.DataFrame) -> Metadata:
    kinds = {
        name: {"sdtype": "numerical" if pd.api.types.is_numeric_dtype(column) else "categorical"}
        for name, column in frame.items()
    }
    return Metadata.load_from_dict({"tables": {TABLE: {"columns": kinds}}})


def main() -> None:
    warnings.filterwarnings("ignore")
    job, meter = Job.from_arguments(), Meter()
    torch.set_num_threads(1)
    np.random.seed(job.seed)  # noqa: NPY002 - SDV has no other door
    torch.manual_seed(job.seed)  # noqa: TID251
    train = pd.read_parquet(job.train)
    facts = {}
    if job.model in NEURAL:
        model = NEURAL[job.model](metadata(train), enable_gpu=False)
        budget = Budget(job.minutes)
        ctgan.synthesizers.ctgan.tqdm = ctgan.synthesizers.tvae.tqdm = budget
        meter("fit", lambda: model.fit({TABLE: train}))
        facts["epochs"] = budget.epochs
    else:
        model = GaussianCopulaSynthesizer(metadata(train))
        meter("fit", lambda: model.fit({TABLE: train}))
    made = meter("sample", lambda: model.sample(num_rows=job.rows))
    made[TABLE].to_parquet(job.out, index=False)
    finish(meter, ("sdv", "ctgan", "torch", "pandas"), **facts)


if __name__ == "__main__":
    main()
