"""What `abbild render` and `abbild preview` say on a terminal."""

import json
import os
import subprocess
import sys

import pytest

PAGE = """
objects:
  cup:
    kind: object
    shape: {kind: box, size: [0.3, 0.3, 0.3]}
    position: 'choice([[0, 0, 0], [90, 0, 0]])'
    label: cup
require: [{kind: require, objects: cup, visible: 0.5}]
attempts: 1
"""


@pytest.fixture
def recipe(tmp_path):
    path = tmp_path / "my cups.yaml"
    path.write_text(PAGE, encoding="utf-8")
    return path


def test_images_and_what_is_missing_are_counted(abbild, recipe, tmp_path):
    said = abbild("preview", recipe, "-n", "6", "--size", "16x16", "-o", "sheet.png").stdout
    lines = said.splitlines()
    made, lost = int(lines[0].split()[0]), int(lines[1].split()[0])
    assert made + lost == 6
    assert "'cup'" in lines[1]
    render = ("render", recipe, "-n", "6", "--size", "16x16", "--renderer", "fast", "-o", "out")
    found = json.loads(abbild(*render, "--json").stdout.splitlines()[-1])
    assert (found["images"], found["failed"]) == (made, lost)
    assert not list(tmp_path.glob("*.part"))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--set", "/objects/cups/scale=2"), "did you mean 'cup'"),
        (("--set", "/objects/cup/scale=-1"), "/objects/cup/scale is -1"),
        (("--size", "100000x100000"), "out of range"),
        (("--format", "folders"), "need a label"),
        (("-o", "x" * 300), "cannot make the folder"),
    ],
)
def test_a_mistake_is_one_sentence_and_makes_nothing(abbild, recipe, tmp_path, words, said):
    more = () if "-o" in words else ("-o", "out")
    command = ("render", recipe, "-n", "1", "--renderer", "fast", "--size", "8x8", *words, *more)
    done = abbild(*command, ok=False)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.skipif(os.name == "nt", reason="pipes of POSIX")
def test_who_has_read_enough_may_go(tmp_path):
    with subprocess.Popen(
        [sys.executable, "-m", "abbild", "list"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=tmp_path,
    ) as process:  # fmt: skip
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait() == 0
