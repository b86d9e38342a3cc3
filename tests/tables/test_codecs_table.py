"""A whole table: exact types, consistent persons, nothing learned that must not be."""

from __future__ import annotations

import re

import numpy as np
import pyarrow as pa
import pytest

from abbild.core import (
    Column,
    Dataset,
    Kind,
    NotEnoughDataError,
    Schema,
    Seed,
    ShapeError,
    load_model,
    save_model,
)
from abbild.tables.codecs import TableCodec, fit_codec
from abbild.tables.encoded import Encoded, Levels, Scores
from abbild.tables.independent import Independent

N = 1_000


def people() -> Dataset:
    rng = np.random.default_rng(0)
    customer = np.arange(N) % 40
    gone = np.arange(N) % 4 == 0
    words = rng.choice(["morgen", "nie"], N)
    iban = [f"DE{10 + i % 80} {i:04d} 1234 5678 9012 34" for i in range(N)]
    table = pa.table(
        {
            "id": pa.array(range(1, N + 1)),
            "who": [f"Kundin{c} Öztürk" for c in customer],
            "mail": [f"Kundin{c}@firma.de" for c in customer],
            "own": [f"user_{i}@web.de" for i in range(N)],
            "phone": pa.array([f"+49 30 {9_000_000 + i}" for i in range(N)], mask=gone),
            "iban": iban,
            "note": [f"bitte {w} anrufen {i}" for i, w in enumerate(words)],
            "score": pa.array([None if i % 5 == 0 else i / 8 for i in range(N)]),
            "job": pa.array(rng.choice(["Ärztin", "Koch"], N)),
            "when": pa.array(rng.integers(0, 10**9, N)).cast(pa.timestamp("s", "Europe/Berlin")),
        }
    )
    german = {"locale": "de_DE"}
    schema = Schema.of(
        [
            Column("id", Kind.IDENTIFIER),
            Column("who", Kind.NAME, **german),
            Column("mail", Kind.EMAIL, **german),
            Column("own", Kind.EMAIL, **german),
            Column("phone", Kind.PHONE, **german),
            Column("iban", Kind.IBAN),
            Column("note", Kind.TEXT),
            Column("score", Kind.NUMBER),
            Column("job", Kind.CATEGORY),
            Column("when", Kind.DATETIME, unit="s", zone="Europe/Berlin"),
        ],
        key="id",
        target="job",
    )
    return Dataset.of(table, schema)


DATA = people()
CODEC = fit_codec(DATA, seed=Seed(0))
MADE = Independent().fit(DATA, seed=Seed(0)).sample(range(N), seed=Seed(1)).table


def test_types_and_order_are_exact():
    assert MADE.schema == DATA.table.schema
    encoded = CODEC.encode(DATA.table)
    names = [c.name for c in encoded.columns]
    assert names == [n for n in DATA.table.column_names if n in names]
    assert encoded.target == "job" and encoded.n == N


def test_no_personal_value_survives():
    for name in ("id", "who", "mail", "own", "phone", "iban", "note"):
        real = set(DATA.table[name].to_pylist()) - {None}
        assert not real & set(MADE[name].to_pylist()), name


def test_no_personal_value_is_in_the_model_file(tmp_path):
    save_model(CODEC, tmp_path / "model")
    stored = b"".join(f.read_bytes() for f in (tmp_path / "model").iterdir())
    for word in ("Kundin3", "firma", "user_7", "anrufen 77", "9000001", "5678 9012"):
        assert word.encode() not in stored
    again = load_model(tmp_path / "model")
    encoded = CODEC.encode(DATA.table)
    both = [c.decode(encoded, range(N), seed=Seed(3)) for c in (CODEC, again)]
    assert both[0].equals(both[1])


def test_a_person_is_one_person_in_a_row_and_over_rows():
    rows = MADE.select(["who", "mail", "own"]).to_pylist()
    mails: dict[str, set[str]] = {}
    for row in rows:
        first, last = _plain(row["who"]).rsplit(" ", 1)
        for mail in (row["mail"], row["own"]):
            local = re.sub(r"[^a-z]", "", mail.split("@")[0])
            assert local == re.sub(r"[^a-z]", "", first + last)
        mails.setdefault(row["who"], set()).add(row["mail"])
    assert len(mails) <= 40  # the customers of many rows
    assert len({row["own"] for row in rows}) == N  # unique stays unique


def _plain(name: str) -> str:
    for umlaut, plain in (("ä", "ae"), ("ö", "oe"), ("ü", "ue"), ("ß", "ss")):
        name = name.lower().replace(umlaut, plain)
    return name


def test_missing_cells_are_learned_where_values_are_not():
    assert MADE["phone"].null_count / N == pytest.approx(0.25, abs=4 * np.sqrt(0.25 * 0.75 / N))
    assert MADE["mail"].null_count == MADE["iban"].null_count == 0
    encoded = {c.name: c for c in CODEC.encode(DATA.table).columns}
    assert np.array_equal(encoded["phone"].codes == 1, DATA.table["phone"].is_null().to_numpy())


def test_each_repeated_value_has_a_code_of_its_own():
    encoded = {c.name: c for c in CODEC.encode(DATA.table).columns}
    customers = np.arange(N) % 40
    for name in ("who", "mail"):
        pairs = set(zip(customers.tolist(), encoded[name].codes.tolist(), strict=True))
        assert len(pairs) == encoded[name].size == 40 and min(code for _, code in pairs) == 0


def test_looks_are_kept():
    assert all(p is None or p.startswith("+49 ") for p in MADE["phone"].to_pylist())
    assert all(re.fullmatch(r"DE\d\d( \d{4}){4} \d\d", i) for i in MADE["iban"].to_pylist())
    assert set(" ".join(MADE["note"].to_pylist()).split()) <= {"bitte", "morgen", "nie", "anrufen"}


def test_every_column_has_a_sentence_for_the_data_protection_officer():
    sentences = dict(CODEC.treatments())
    assert list(sentences) == DATA.table.column_names
    assert sentences["id"] == "never learned; replaced by new keys (a number of at least 5 digits)"
    assert sentences["own"].endswith("e-mail addresses at reserved domains")
    assert sentences["job"] == "learned; 2 levels"
    assert any("'note'" in note for note in CODEC.notes)


@pytest.mark.parametrize("block", [64, 333, 5_000])
def test_blocks_do_not_change_the_codec(block):
    other = fit_codec(DATA, seed=Seed(0), block=block)
    one, two = (c.decode(c.encode(DATA.table), range(N), seed=Seed(1)) for c in (CODEC, other))
    assert one.equals(two)


def test_a_unit_column_makes_people_count():
    who = [f"p{i % 4}" for i in range(80)] + [f"q{i}" for i in range(20)]
    table = pa.table({"who": who, "job": ["spy"] * 80 + [None] * 20})
    schema = Schema.of([Column("who", Kind.IDENTIFIER), Column("job", Kind.CATEGORY)], unit="who")
    assert not fit_codec(Dataset.of(table, schema), seed=Seed(0)).columns[1].learned
    free = Schema.of([Column("who", Kind.IDENTIFIER), Column("job", Kind.CATEGORY)])
    assert fit_codec(Dataset.of(table, free), seed=Seed(0)).columns[1].learned


@pytest.mark.parametrize("missing", [4, 5])
@pytest.mark.parametrize("kind", [pa.string(), pa.int64()])
def test_a_missing_unit_is_a_unit_of_its_own(missing, kind):
    who = pa.array([*range(50), *[None] * missing]).cast(kind)
    table = pa.table({"who": who, "job": ["cook"] * 50 + ["spy"] * missing})
    schema = Schema.of([Column("who", Kind.IDENTIFIER), Column("job", Kind.CATEGORY)], unit="who")
    for block in (7, 1_000):
        codec = fit_codec(Dataset.of(table, schema), seed=Seed(0), block=block)
        shown = codec.columns[1].levels  # type: ignore[union-attr]
        assert ("spy" in shown) == (missing >= 5)


@pytest.mark.parametrize("unit", [None, "who"])
def test_fewer_people_than_the_threshold_are_too_few(unit):
    table = pa.table({"who": [i % 4 for i in range(4 if unit is None else 40)]})
    schema = Schema.of([Column("who", Kind.IDENTIFIER)], unit=unit)
    with pytest.raises(NotEnoughDataError, match=r"^4 .* shared by at least 5 people"):
        fit_codec(Dataset.of(table, schema), seed=Seed(0))


def test_personal_columns_of_a_row_are_one_person_of_one_locale():
    n = 300
    table = pa.table(
        {
            "mail": [f"jm.x{i}@firma.de" for i in range(n)],
            "phone": [f"+1 212 55501{i:04d}" for i in range(n)],
            "first": [f"Jürgen{i}" for i in range(n)],
            "last": [f"Müller{i}" for i in range(n)],
        }
    )
    schema = Schema.of(
        [
            Column("mail", Kind.EMAIL),
            Column("phone", Kind.PHONE, locale="en_US"),
            Column("first", Kind.NAME, format="first", locale="de_DE"),
            Column("last", Kind.NAME, format="last"),
        ]
    )
    made = Independent().fit(Dataset.of(table, schema), seed=Seed(0)).sample(range(n), seed=Seed(1))
    german = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss"})
    same = 0
    for row in made.table.to_pylist():
        names = [re.sub("[^a-z]", "", row[c].lower().translate(german)) for c in ("first", "last")]
        same += row["mail"].partition("@")[0] == ".".join(names)
    assert same > 0.95 * n  # two names of one plain spelling are told apart by letters


def test_joint_patterns_of_missing_values_reach_the_engine():
    gone = np.arange(200) % 2 == 0
    table = pa.table(
        {"a": pa.array(np.arange(200.0), mask=gone), "b": pa.array(["x"] * 200, mask=gone)}
    )
    schema = Schema.of([Column("a", Kind.NUMBER), Column("b", Kind.CATEGORY)])
    a, b = fit_codec(Dataset.of(table, schema), seed=Seed(0)).encode(table).columns
    assert isinstance(a, Scores) and isinstance(b, Levels)
    assert np.array_equal(np.isnan(a.z), gone) and np.array_equal(b.codes == 1, gone)


@pytest.mark.parametrize("kind", list(Kind))
@pytest.mark.parametrize("rows", [5, 30])
def test_empty_constant_and_all_missing_columns_of_every_kind(kind, rows):
    arrow = STORED[kind]
    for table in (
        pa.table({"c": pa.nulls(rows, arrow)}),
        pa.table({"c": pa.array([EXAMPLE[kind]] * rows, arrow)}),
    ):
        schema = Schema.of([Column("c", kind, unit="us")])
        sampler = Independent().fit(Dataset.of(table, schema), seed=Seed(0))
        made = sampler.sample(range(50), seed=Seed(1)).table
        assert made.schema == table.schema and made.num_rows == 50
        if table["c"].null_count == rows:
            assert made["c"].null_count == 50
        assert isinstance(sampler.codec.treatments()[0][1], str)


STORED = {
    **dict.fromkeys(Kind, pa.string()),
    **dict.fromkeys((Kind.NUMBER, Kind.LATITUDE, Kind.LONGITUDE), pa.float64()),
    Kind.INTEGER: pa.int64(),
    Kind.BOOLEAN: pa.bool_(),
    Kind.DATE: pa.date32(),
    Kind.DATETIME: pa.timestamp("us"),
    Kind.TIME: pa.time64("us"),
    Kind.DURATION: pa.duration("us"),
}
EXAMPLE = {
    kind: True if t == pa.bool_() else "Anna 1" if t == pa.string() else 3
    for kind, t in STORED.items()
}


def test_a_table_of_other_columns_is_refused():
    with pytest.raises(ShapeError, match="columns"):
        CODEC.encode(pa.table({"x": [1]}))
    with pytest.raises(ShapeError, match="rows"):
        CODEC.decode(CODEC.encode(DATA.table), range(3), seed=Seed(0))
    with pytest.raises(ShapeError, match="no column 'score'"):
        CODEC.decode(Encoded(2, ()), range(2), seed=Seed(0))


def test_fully_unique_text_and_text_without_shared_words():
    for texts in ([f"{i:x} {i * 7:x}" for i in range(50)], [""] * 50):
        schema = Schema.of([Column("t", Kind.TEXT)])
        table = pa.table({"t": texts})
        codec: TableCodec = fit_codec(Dataset.of(table, schema), seed=Seed(0))
        made = codec.decode(Encoded(9, ()), range(9), seed=Seed(0))
        assert made["t"].null_count == 9
        assert codec.notes[0].endswith("left empty")
