"""Adversarial random forests (arfpy), its defaults.

arfpy knows no missing values: a missing number becomes the median and a flag beside it, a missing
level a level; both are turned back after the draw.
"""

from __future__ import annotations

import contextlib
import io

import numpy as np
import pandas as pd
from arfpy import arf
from protocol import Job, Meter, finish

FLAG = "missing: "
ABSENT = "(missing)"


def without_gaps(frame: pd.DataFrame) -> pd.DataFrame:
    out = {}
    for name, column in frame.items():
        if not pd.api.types.is_numeric_dtype(column):
            out[name] = column.astype(object).where(column.notna(), ABSENT)
            continue
        out[name] = column.astype(float).fillna(column.median())
        if column.isna().any():
            out[FLAG + name] = column.isna().map({True: "yes", False: "no"}).astype(object)
    return pd.DataFrame(out)


def with_gaps(frame: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    out = frame[names].copy()
    for name in names:
        if FLAG + name in frame:
            out[name] = out[name].where(frame[FLAG + name] != "yes")
        elif not pd.api.types.is_numeric_dtype(out[name]):
            out[name] = out[name].where(out[name] != ABSENT)
    return out


def main() -> None:
    job, meter = Job.from_arguments(), Meter()
    train = pd.read_parquet(job.train)
    np.random.seed(job.seed)  # noqa: NPY002 - the only door arfpy has

    def fit() -> arf.arf:
        model = arf.arf(without_gaps(train), random_state=job.seed, verbose=False)
        model.forde()
        return model

    with contextlib.redirect_stdout(io.StringIO()):
        model = meter("fit", fit)
        made = meter("sample", lambda: model.forge(n=job.rows))
    with_gaps(made, list(train.columns)).to_parquet(job.out, index=False)
    finish(meter, ("arfpy", "scikit-learn", "pandas"))


if __name__ == "__main__":
    main()
