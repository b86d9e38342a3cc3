"""Streams are named, independent and the same on every machine."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from abbild.core import Seed

paths = st.lists(st.one_of(st.text(max_size=5), st.integers(0, 99)), max_size=4)
roots = st.integers(0, 2**40)


def at(root, path):
    seed = Seed(root)
    for name in path:
        seed = seed / name
    return seed


@given(roots, paths)
def test_a_path_is_a_stream(root, path):
    a, b = at(root, path), at(root, path)
    assert a == b
    assert a.key() == b.key()
    assert a.rng().bytes(16) == b.rng().bytes(16)


@given(roots, paths, roots, paths)
def test_other_paths_are_other_streams(root, path, other_root, other_path):
    a, b = at(root, path), at(other_root, other_path)
    if a != b:
        assert a.key() != b.key()
        assert a.rng().bytes(16) != b.rng().bytes(16)


def test_names_do_not_run_together():
    assert (Seed(0) / "a" / "b").key() != (Seed(0) / "ab").key()
    assert (Seed(0) / "a" / "b").rng().random() != (Seed(0) / "a, b").rng().random()


def test_a_number_is_its_name():
    assert Seed(0) / 3 == Seed(0) / "3"


def test_a_parent_is_not_moved_by_its_children():
    parent = Seed(0) / "fit"
    before = parent.rng().random()
    (parent / "column").rng().random(1000)
    assert parent.rng().random() == before


def test_streams_of_neighbours_are_uncorrelated():
    n = 20_000
    a, b = ((Seed(0) / "block" / k).rng().standard_normal(n) for k in (0, 1))
    assert abs(np.corrcoef(a, b)[0, 1]) < 5 / np.sqrt(n)  # five standard errors


def test_keys_fill_64_bits_evenly():
    keys = np.array([(Seed(0) / k).key() for k in range(4000)], np.uint64)
    assert len(set(keys.tolist())) == len(keys)
    share = ((keys[:, None] >> np.arange(64, dtype=np.uint64)) & np.uint64(1)).mean(axis=0)
    assert np.abs(share - 0.5).max() < 5 * 0.5 / np.sqrt(len(keys))  # five standard errors


def test_the_stream_is_a_promise():
    """Changing these numbers changes every result ever published with a seed."""
    seed = Seed(7) / "fit" / 3
    assert seed.key() == 3577307986200717066
    assert seed.rng().integers(0, 2**32, 3).tolist() == [3212131170, 2955604567, 2895526259]
