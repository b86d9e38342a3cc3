"""Names to objects, by entry point only; listing imports nothing."""

import sys
from importlib.metadata import EntryPoint, EntryPoints

import pytest

from abbild.core import DuplicateNameError, MissingExtraError, UnknownNameError, names, resolve
from abbild.core import registry as under_test

GROUP = "abbild.things"


@pytest.fixture
def installed(monkeypatch):
    def install(*points):
        found = EntryPoints(EntryPoint(name, value, GROUP) for name, value in points)
        monkeypatch.setattr(under_test, "entry_points", lambda **which: found.select(**which))

    return install


def test_ours_are_there_by_the_strangers_door():
    assert "independent" in names("synthesizers")
    assert names("nothing of the kind") == []


def test_names_are_sorted_and_import_nothing(installed):
    installed(("b", "antigravity:x"), ("a", "no.such.module:x"), ("b", "antigravity:x"))
    assert names("things") == ["a", "b"]
    assert "antigravity" not in sys.modules


def test_a_name_is_its_object(installed):
    installed(("seed", "abbild.core.seed:Seed"))
    from abbild.core import Seed  # noqa: PLC0415

    assert resolve("things", "seed") is Seed


def test_a_misspelt_name_is_answered_with_a_guess(installed):
    installed(("copula", "x:y"), ("trees", "x:y"))
    with pytest.raises(UnknownNameError, match="no thing named 'coupla'") as caught:
        resolve("things", "coupla")
    assert caught.value.hint == "did you mean 'copula'?"
    with pytest.raises(LookupError, match="known: copula, trees"):
        resolve("things", "zzz")


def test_two_packages_with_one_name_are_named(installed):
    installed(("a", "x:y"), ("a", "z:y"))
    with pytest.raises(DuplicateNameError, match="'a' is registered by x:y and z:y"):
        resolve("things", "a")


def test_a_missing_extra_says_what_to_install(installed):
    installed(("gan", "no_such_package.gan:Gan [neural]"))
    with pytest.raises(
        MissingExtraError, match="'gan' needs the package no_such_package"
    ) as caught:
        resolve("things", "gan")
    assert caught.value.hint == "pip install 'abbild[neural]'"
