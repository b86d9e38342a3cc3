"""TabularARGN (mostlyai-engine), its defaults, and its own limit of training time.

The engine counts wall minutes from the start of training; it is handed the clock of the process,
so that they are CPU minutes like everybody's. Rare levels are replaced by frequent ones, not by a
token that would give every such row away.
"""

from __future__ import annotations

import logging
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import torch
from mostlyai import engine
from mostlyai.engine._tabular import training
from protocol import Job, Meter, finish


def main() -> None:
    logging.disable(logging.WARNING)
    job, meter = Job.from_arguments(), Meter()
    training.time = SimpleNamespace(time=time.process_time)
    torch.set_num_threads(1)
    train = pd.read_parquet(job.train)
    engine.set_random_state(job.seed)
    with tempfile.TemporaryDirectory() as workspace:

        def fit() -> None:
            engine.split(tgt_data=train, workspace_dir=workspace, model_type="TABULAR")
            engine.analyze(workspace_dir=workspace)
            engine.encode(workspace_dir=workspace)
            engine.train(workspace_dir=workspace, max_training_time=job.minutes, device="cpu")

        def sample() -> pd.DataFrame:
            engine.generate(
                workspace_dir=workspace,
                sample_size=job.rows,
                rare_category_replacement_method="SAMPLE",
                device="cpu",
            )
            return pd.read_parquet(Path(workspace) / "SyntheticData")

        meter("fit", fit)
        made = meter("sample", sample)
        epochs = _epochs(Path(workspace))
    made[list(train.columns)].to_parquet(job.out, index=False)
    finish(meter, ("mostlyai-engine", "torch", "pandas"), epochs=epochs)


def _epochs(workspace: Path) -> float | None:
    """Return how far training went, from the engine's own progress file."""
    for path in workspace.rglob("progress-messages.csv"):
        column = pd.read_csv(path).get("epoch")
        return None if column is None else float(column.max())
    return None


if __name__ == "__main__":
    main()
