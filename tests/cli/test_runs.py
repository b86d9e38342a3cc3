"""Runs: reproducible, continued after a kill, never mixed up."""

import signal
import subprocess
import sys
import time

import pytest

from .conftest import people_csv


def data_of(folder):
    """The released bytes: data files and the report's numbers, not times."""
    names = ("data.parquet", "data.csv", "report.json", "schema.yaml", "model/model.json",
             "model/arrays.npz")  # fmt: skip
    return {name: (folder / name).read_bytes() for name in names}


def test_same_command_same_bytes_and_other_seed_other_bytes(abbild, people, tmp_path):
    for out, seed in (("a", 0), ("b", 0), ("c", 1)):
        abbild("proxy", people, "-o", out, "--seed", seed, "--quiet")
    a, b, c = (data_of(tmp_path / name) for name in "abc")
    assert a == b
    assert a["data.parquet"] != c["data.parquet"]


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
def test_a_killed_run_continues_and_gives_the_same_bytes(abbild, people, tmp_path):
    abbild("proxy", people, "-o", "whole", "--quiet")
    command = [sys.executable, "-m", "abbild", "proxy", people, "-o", "killed", "--quiet"]
    for part in ("model/model.json", "data.parquet", "report.json"):
        run = subprocess.Popen(command, cwd=tmp_path)
        while run.poll() is None and not (tmp_path / "killed" / part).exists():
            time.sleep(0.002)
        run.send_signal(signal.SIGKILL)
        run.wait()
    abbild("proxy", people, "-o", "killed", "--quiet")
    assert data_of(tmp_path / "killed") == data_of(tmp_path / "whole")
    assert not list((tmp_path / "killed").glob("*.part"))


def test_another_recipe_does_not_overwrite_a_run_unless_forced(abbild, people, tmp_path):
    abbild("proxy", people, "-o", "out", "--quiet")
    before = data_of(tmp_path / "out")
    refused = abbild("proxy", people, "-o", "out", "--seed", 5, ok=False)
    assert refused.returncode == 2
    assert "holds another run" in refused.stderr
    assert data_of(tmp_path / "out") == before
    abbild("proxy", people, "-o", "out", "--seed", 5, "--force", "--quiet")
    assert data_of(tmp_path / "out") != before


def test_a_folder_of_somebody_else_is_not_touched(abbild, people, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    refused = abbild("proxy", people, "-o", "mine", ok=False)
    assert refused.returncode == 2
    assert "is no run of Abbild" in refused.stderr
    assert [p.name for p in (tmp_path / "mine").iterdir() if p.name != ".lock"] == ["thesis.txt"]


def test_two_runs_in_one_folder_do_not_mix(abbild, tmp_path):
    people = people_csv(tmp_path / "many.csv", 3000)
    command = [sys.executable, "-m", "abbild", "proxy", people, "-o", "out", "--quiet"]
    first = subprocess.Popen(command, cwd=tmp_path)
    while not (tmp_path / "out" / "run.json").exists():
        time.sleep(0.002)
    second = abbild("proxy", people, "-o", "out", ok=False)
    assert first.wait() == 0
    assert second.returncode == 2
    assert "another run is writing to out" in second.stderr
