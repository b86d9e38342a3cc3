"""New keys: they look right, never repeat, never start over, and none of them is real."""

from __future__ import annotations

import re
import uuid

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from abbild.core import Column, Kind, Seed
from abbild.tables.codecs import key
from abbild.tables.codecs.draw import Draw
from abbild.tables.codecs.key import KeyCodec
from abbild.tables.counter import permute, row_numbers

COLUMN = Column("id", Kind.IDENTIFIER)


def fitted(values: pa.Array) -> KeyCodec:
    return key.fit(COLUMN, key.analyze(COLUMN, values, None, 5), 5)


def drawn(codec: KeyCodec, rows: range, arrow: pa.DataType, seed: int = 1) -> list[object]:
    draw = Draw(rows, Seed(seed), row_numbers(rows), np.zeros(len(rows), bool))
    return key.decode(codec, None, arrow, draw).to_pylist()


@given(st.integers(1, 5_000), st.integers(0, 2**64 - 1))
def test_a_permutation_is_one(size, secret):
    out = permute(np.arange(size, dtype=np.uint64), size, secret)
    assert np.array_equal(np.sort(out), np.arange(size))


def test_a_permutation_of_64_bits_has_no_end():
    rows = np.array([0, 1, 2**32, 2**63, 2**64 - 1], np.uint64)
    assert len(set(permute(rows, 2**64, 7).tolist())) == 5


LOOKS = {
    "padded": ([f"CUST-{i:06d}" for i in range(1, 2_001)], r"CUST-\d{6}"),
    "year": ([f"2023/{i:05d}" for i in range(1, 2_001)], r"2023/\d{5}"),
    "letters": ([f"{'AB'[i % 2]}-{i:05d}" for i in range(2_000)], r"[AB]-\d{5}"),
    "hex": ([f"{i * 2654435761 % 2**32:08x}{i:08x}" for i in range(2_000)], r"[0-9a-f]{16}"),
    "growing": ([f"R{i}" for i in range(2_000)], r"R\d{5}"),
    "dense": ([f"K{i:03d}" for i in range(1_000)], r"K\d{4}"),
}


@pytest.mark.parametrize("name", LOOKS)
def test_texts_look_like_the_real_ones_and_are_none(name):
    values, pattern = LOOKS[name]
    new = drawn(fitted(pa.array(values)), range(5_000), pa.string())
    assert len(set(new)) == 5_000
    assert not set(new) & set(values)
    assert all(re.fullmatch(pattern, str(k)) for k in new[:1_000])


def test_uuids_are_valid_version_4():
    real = [
        str(uuid.UUID(int=(i * 0x9E3779B97F4A7C15F39CC0605CEDC835) % 2**128)) for i in range(99)
    ]
    new = drawn(fitted(pa.array(real)), range(1_000), pa.string())
    assert all(uuid.UUID(str(k)).version == 4 for k in new) and len(set(new)) == 1_000
    capital = drawn(fitted(pa.array([r.upper() for r in real])), range(9), pa.string())
    assert all(k == str(k).upper() for k in capital)


@given(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=50))
def test_whole_numbers_are_new_where_there_is_room(values):
    codec = fitted(pa.array(values, pa.int64()))
    new = drawn(codec, range(300), pa.int64()) if _room(values) else []
    assert len(set(new)) == len(new)
    assert not set(new) & set(values)


def _room(values: list[int]) -> bool:
    return min(values) >= 0 or max(values) < 10**18


def test_whole_numbers_grow_by_one_digit():
    codec = fitted(pa.array(range(1, 5_001)))
    new = drawn(codec, range(90_000), pa.int64())
    assert min(new) >= 10_000 and max(new) < 100_000 and len(set(new)) == 90_000
    beyond = drawn(codec, range(90_000, 90_010), pa.int64())
    assert min(beyond) >= 100_000
    far = drawn(codec, range(2**63, 2**63 + 5), pa.int64())
    assert len(set(far)) == 5


def test_texts_never_repeat_beyond_the_space_of_their_look():
    codec = fitted(pa.array([f"A{i:02d}" for i in range(10)] * 2))
    new = drawn(codec, range(30_000), pa.string())
    assert len(set(new)) == 30_000


@pytest.mark.parametrize("values", [list(range(99)), [f"ID-{i:05d}" for i in range(99)]])
def test_any_sharding_gives_the_same_keys(values):
    codec = fitted(pa.array(values))
    arrow = pa.array(values).type
    whole = drawn(codec, range(10_000), arrow)
    parts = drawn(codec, range(4_000), arrow) + drawn(codec, range(4_000, 10_000), arrow)
    assert whole == parts
    assert whole != drawn(codec, range(10_000), arrow, seed=2)


def test_a_few_keys_are_no_pattern():
    codec = fitted(pa.array(["SECRET-1", "SECRET-2"]))
    assert not any("SECRET" in str(k) for k in drawn(codec, range(10), pa.string()))


@pytest.mark.parametrize("values", [["ä1", "ö2"] * 9, ["x" * 99] * 9, [""] * 9, [None] * 9])
def test_odd_keys_get_some_key(values):
    codec = fitted(pa.array(values, pa.string()))
    new = drawn(codec, range(20), pa.string())
    assert len(set(new)) == (1 if values[0] is None else 20)


words = st.lists(st.none() | st.text("ab01-", max_size=4), max_size=20)


@given(words, words, words)
def test_statistics_are_a_monoid(a, b, c):
    def stats(values: list[str | None]) -> key.KeyStats:
        return key.analyze(COLUMN, pa.array(values, pa.string()), None, 5)

    def plain(s: key.KeyStats) -> object:
        return s.present, s.missing, {n: x.tolist() for n, x in sorted(s.looks.items())}

    x, y, z = stats(a), stats(b), stats(c)
    left = key.merge(key.merge(x, y), z)
    assert plain(left) == plain(key.merge(x, key.merge(y, z))) == plain(stats(a + b + c))
    assert plain(left) == plain(key.merge(left, stats([])))
