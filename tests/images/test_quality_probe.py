"""Which Mitsuba works is found out once, in another process, and kept."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

from abbild.images.quality import probe
from abbild.images.quality.probe import LLVM, SCALAR, Verdict, describe, find_verdict

needs_mitsuba = pytest.mark.skipif(
    importlib.util.find_spec("mitsuba") is None, reason="mitsuba is not installed"
)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep answers in an empty folder, and ask anew."""
    monkeypatch.setattr(probe, "_cache_folder", lambda: tmp_path / "abbild")
    find_verdict.cache_clear()
    yield tmp_path / "abbild"
    find_verdict.cache_clear()


def kept(cache: Path) -> Path:
    (path,) = cache.glob("renderer-*.json")
    return path


@needs_mitsuba
def test_a_library_that_aborts_is_not_used(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "TRIAL", "import os; os.abort()")
    verdict = find_verdict()
    assert verdict.variant == SCALAR
    assert "does not work" in verdict.reason
    assert "pip install" in verdict.reason
    assert "takes several times as long" in describe()


@needs_mitsuba
def test_wrong_pixels_are_not_believed(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "TRIAL", "import sys; sys.exit('wrong pixels')")
    assert find_verdict().reason.count("wrong pixels") == 1


@needs_mitsuba
def test_an_answer_is_kept(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "TRIAL", "print('LLVM', 1, 2, 3)")
    first = find_verdict()
    assert first == Verdict(LLVM, "1.2.3")

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("it is tried again")

    find_verdict.cache_clear()
    with monkeypatch.context() as patch:
        patch.setattr(subprocess, "run", refuse)
        assert find_verdict() == first


@needs_mitsuba
@pytest.mark.parametrize("text", ["", "{", "[]", '{"variant": "cuda"}', '{"colour": 1}'])
def test_a_broken_answer_is_made_anew(
    cache: Path, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probe, "TRIAL", "print('LLVM', 1, 2, 3)")
    find_verdict()
    path = kept(cache)
    path.write_text(text)
    find_verdict.cache_clear()
    assert find_verdict() == Verdict(LLVM, "1.2.3")
    assert "1.2.3" in kept(cache).read_text()


@needs_mitsuba
def test_a_failure_is_tried_again_after_a_day(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "TRIAL", "import sys; sys.exit('no memory')")
    assert find_verdict().variant == SCALAR
    monkeypatch.setattr(probe, "TRIAL", "print('LLVM', 1, 2, 3)")
    find_verdict.cache_clear()
    assert find_verdict().variant == SCALAR
    path = kept(cache)
    old = path.stat().st_mtime - probe.RETRY - 60
    os.utime(path, (old, old))
    find_verdict.cache_clear()
    assert find_verdict().variant == LLVM


@needs_mitsuba
def test_a_cache_that_cannot_be_written_only_costs_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    monkeypatch.setattr(probe, "_cache_folder", lambda: blocked / "abbild")
    monkeypatch.setattr(probe, "TRIAL", "print('LLVM', 1, 2, 3)")
    find_verdict.cache_clear()
    assert find_verdict().variant == LLVM
    find_verdict.cache_clear()


def test_the_users_own_llvm_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(probe.VARIABLE, "/somewhere/libLLVM.so")
    probe.tell_drjit()
    assert os.environ[probe.VARIABLE] == "/somewhere/libLLVM.so"


@needs_mitsuba
def test_the_variant_says_itself_in_one_sentence() -> None:
    sentence = describe()
    assert sentence.startswith("Mitsuba ")
    assert "\n" not in sentence
    assert LLVM in sentence or SCALAR in sentence


LATE = """
import logging
import mitsuba as mi
mi.set_variant("scalar_rgb")
import drjit.detail
drjit.detail.llvm_version = lambda: (1, 2, 3)
from abbild.images.quality.renderer import Quality
print(Quality().variant, mi.variant())
"""


@needs_mitsuba
def test_another_llvm_than_the_tried_one_is_not_used() -> None:
    done = subprocess.run([sys.executable, "-c", LATE], capture_output=True, text=True, check=True)
    assert done.stdout.split() == [SCALAR, SCALAR]
    if find_verdict().variant == LLVM:
        assert "imported before abbild" in done.stderr
