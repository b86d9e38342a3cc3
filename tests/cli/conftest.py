import json
import os
import subprocess
import sys

import numpy as np
import pytest


def people_csv(path, rows=400, seed=0):
    """A German customer file: semicolons, decimal commas, umlauts, missing values."""
    rng = np.random.default_rng(seed)
    age = rng.integers(18, 90, rows)
    income = np.round(age * 31.5 + rng.normal(0, 300, rows) + 900, 2)
    city = rng.choice(["München", "Köln", "Görlitz", "Bonn"], rows, p=[0.4, 0.3, 0.2, 0.1])
    churned = rng.random(rows) < 1 / (1 + np.exp((age - 50) / 8))
    lines = ["kunde;alter;einkommen;stadt;gekündigt"]
    for k in range(rows):
        euros = f"{income[k]:.2f}".replace(".", ",") if rng.random() > 0.1 else ""
        lines.append(f"K-{k:05d};{age[k]};{euros};{city[k]};{'ja' if churned[k] else 'nein'}")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def people(tmp_path):
    return people_csv(tmp_path / "kunden.csv")


@pytest.fixture
def abbild(tmp_path):
    """Run the command line as a user does, in a process of its own."""

    def run(*words, cwd=tmp_path, ok=True):
        done = subprocess.run(
            [sys.executable, "-m", "abbild", *map(str, words)],
            capture_output=True,
            text=True,
            encoding="utf-8",
            cwd=cwd,
            env={**os.environ, "PYTHONIOENCODING": "utf-8"},
            timeout=300,
        )
        if ok:
            assert done.returncode == 0, done.stderr
        return done

    return run


def last_json(done):
    return json.loads(done.stdout.strip().splitlines()[-1])
