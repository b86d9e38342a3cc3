"""Every error is in the tree, has a hint, and survives a trip between workers."""

import builtins
import pickle

import pytest

from abbild.core import AbbildError, errors, unknown_name

KINDS = [c for c in vars(errors).values() if isinstance(c, type) and issubclass(c, AbbildError)]


@pytest.mark.parametrize("kind", KINDS)
def test_an_error_survives_a_worker_and_is_drawn_in_the_tree(kind):
    again = pickle.loads(pickle.dumps(kind("what", hint="do")))
    assert (type(again), str(again), again.hint) == (kind, "what\n  hint: do", "do")
    assert str(kind("what")) == "what"
    assert f" {kind.__name__} " in errors.__doc__ or errors.__doc__.startswith(
        f"Everything raised on purpose.\n\n{kind.__name__} "
    )


def test_the_tree_draws_nothing_else():
    drawn = {word for word in errors.__doc__.split() if word.endswith("Error")}
    assert drawn == {kind.__name__ for kind in KINDS}


@pytest.mark.parametrize(
    "kind", [k for k in KINDS if k not in (AbbildError, errors.InconclusiveError)]
)
def test_an_error_is_also_what_a_caller_would_expect(kind):
    expected = [c for c in kind.__mro__ if c.__module__ == builtins.__name__]
    assert set(expected) - {Exception, BaseException, object}


def test_a_guess_or_the_list():
    assert unknown_name("column", "agee", ["sex", "age"]).hint == "did you mean 'age'?"
    assert unknown_name("column", "zzz", ["b", "a"]).hint == "known: a, b"
    assert unknown_name("column", "zzz", []).hint == "known: none"
