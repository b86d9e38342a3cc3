"""A run folder holds the outcome of one recipe, survives a kill, and belongs to one run."""

import json
import logging
import subprocess
import sys

import pytest

from abbild.core import OutputError, progress
from abbild.runs import RunFolder

RECIPE = {"command": "proxy", "source": "abc", "seed": 0}


def contents(path):
    return sorted(p.name for p in path.iterdir() if not p.name.startswith("."))


def test_a_new_folder_is_made_and_names_its_recipe(tmp_path):
    with RunFolder.open(tmp_path / "deep" / "out", RECIPE) as run:
        assert not run.continued
        assert not run.has("data.parquet")
        (run / "data.parquet").write_text("rows")
        assert run.has("data.parquet")
    state = json.loads((tmp_path / "deep" / "out" / "run.json").read_text())
    assert state["recipe"] == RECIPE


def test_the_same_recipe_continues_and_another_is_refused(tmp_path):
    with RunFolder.open(tmp_path, RECIPE) as run:
        (run / "data.parquet").write_text("rows")
    with RunFolder.open(tmp_path, dict(reversed(RECIPE.items()))) as run:
        assert run.continued
        assert run.has("data.parquet")
    with (
        pytest.raises(OutputError, match="holds another run") as caught,
        RunFolder.open(tmp_path, {**RECIPE, "seed": 1}),
    ):
        pass
    assert "--force" in caught.value.hint
    assert (tmp_path / "data.parquet").read_text() == "rows"


def test_force_replaces_a_run_and_nothing_else(tmp_path):
    with RunFolder.open(tmp_path, RECIPE) as run:
        (run / "data.parquet").write_text("old")
        (run / "model").mkdir()
        (run / "model" / "model.json").write_text("old")
    (tmp_path / "notes.txt").write_text("mine")
    with RunFolder.open(tmp_path, {**RECIPE, "seed": 1}, force=True) as run:
        assert not run.continued
        assert not run.has("data.parquet")
        assert not run.has("model")
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_a_folder_of_somebody_else_is_not_touched(tmp_path):
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(OutputError, match="is no run of Abbild"), RunFolder.open(tmp_path, RECIPE):
        pass
    assert contents(tmp_path) == ["thesis.tex"]


def test_force_writes_beside_files_of_somebody_else_but_never_over_them(tmp_path):
    (tmp_path / "thesis.tex").write_text("years of work")
    with RunFolder.open(tmp_path / ".", RECIPE, force=True) as run:
        assert not run.continued
    other = tmp_path / "other"
    other.mkdir()
    (other / "data.parquet").write_text("mine")
    with (
        pytest.raises(OutputError, match=r"data\.parquet was not made by Abbild"),
        RunFolder.open(other, RECIPE, force=True),
    ):
        pass
    assert (other / "data.parquet").read_text() == "mine"


def test_a_file_is_no_folder(tmp_path):
    (tmp_path / "out").write_text("x")
    for path in (tmp_path / "out", tmp_path / "out" / "below"):
        with pytest.raises(OutputError, match="out"), RunFolder.open(path, RECIPE):
            pass


def test_an_unreadable_state_is_another_run(tmp_path):
    (tmp_path / "run.json").write_text("{")
    with pytest.raises(OutputError, match="holds another run"), RunFolder.open(tmp_path, RECIPE):
        pass


HOLD = """
import sys, time
from pathlib import Path
from abbild.runs import RunFolder

with RunFolder.open(Path(sys.argv[1]), {"a": 1}) as run:
    (run / "data.parquet").write_text("rows")
    print("held", flush=True)
    time.sleep(60)
"""


def test_two_runs_do_not_share_a_folder_and_a_killed_one_gives_it_back(tmp_path):
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout.readline() == "held\n"
        with (
            pytest.raises(OutputError, match="another run is writing"),
            RunFolder.open(tmp_path, {"a": 1}),
        ):
            pass
        other.kill()
    with RunFolder.open(tmp_path, {"a": 1}) as run:
        assert run.continued
        assert run.has("data.parquet")


def test_events_are_lines_of_json_and_logging_is_as_it_was(tmp_path):
    logger = logging.getLogger("abbild")
    before = logger.level, list(logger.handlers)
    with RunFolder.open(tmp_path, RECIPE):
        progress("fit", 1, 2, 0.5)
        logger.info("read %s", "my.csv")
        try:
            _ = 1 / 0
        except ZeroDivisionError:
            logger.exception("broken")
    assert (logger.level, list(logger.handlers)) == before
    events = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    known = [{k: v for k, v in e.items() if k not in ("time", "pid", "traceback")} for e in events]
    assert {"stage": "fit", "done": 1, "total": 2, "seconds": 0.5} in known
    assert {"level": "info", "message": "read my.csv"} in known
    assert "ZeroDivisionError" in events[-1]["traceback"]
