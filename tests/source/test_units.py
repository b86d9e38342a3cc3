"""Nobody is on both sides, and people who repeat are noticed."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from abbild.core import NotEnoughDataError, RepeatedUnitError, SchemaError, Seed
from abbild.source import check_units, read_object, share, split, suspect_units

SEED = Seed(0) / "split"


def visits(people, each, name="patient", **more):
    who = [f"p{i % people:04d}" for i in range(people * each)]
    return pa.table({name: who, "x": np.arange(len(who)) / 3, **more})


def whom(dataset):
    return set(dataset.table["patient"].to_pylist())


@given(
    units=st.lists(st.none() | st.integers(0, 9), min_size=2, max_size=60),
    holdout=st.floats(0.05, 0.95),
)
def test_no_unit_is_on_both_sides_and_no_row_is_lost(units, holdout):
    table = pa.table({"u": pa.array(units, pa.int64()), "row": range(len(units))})
    data = read_object(table, unit="u").dataset
    n = len(set(units) - {None}) + units.count(None)
    aside = round(n * holdout)
    if aside in (0, n):
        with pytest.raises(NotEnoughDataError):
            split(data, holdout=holdout, seed=SEED)
        return
    train, held = split(data, holdout=holdout, seed=SEED)
    rows = [side.table["row"].to_pylist() for side in (train, held)]
    assert sorted(rows[0] + rows[1]) == list(range(len(units)))
    assert all(side == sorted(side) for side in rows)
    sides = [set(side.table["u"].drop_null().to_pylist()) for side in (train, held)]
    assert not sides[0] & sides[1]
    assert len(sides[1]) + held.table["u"].null_count == aside


def test_the_side_of_a_person_does_not_depend_on_the_order_of_rows():
    table = visits(200, 3)
    shuffled = table.take(np.random.default_rng(1).permutation(table.num_rows))
    first, second = (
        split(read_object(t, unit="patient").dataset, holdout=0.3, seed=SEED)
        for t in (table, shuffled)
    )
    assert whom(first[1]) == whom(second[1])
    assert len(whom(first[1])) == 60


def test_other_seeds_choose_others_and_the_choice_is_independent_of_the_value():
    data = read_object(visits(2000, 1), unit="patient").dataset
    held = [split(data, holdout=0.5, seed=Seed(s))[1] for s in range(2)]
    shared = len(whom(held[0]) & whom(held[1]))
    assert abs(shared - 500) < 5 * np.sqrt(2000 / 16)  # hypergeometric
    x = held[0].table["x"].to_numpy()
    assert abs(x.mean() - 999.5 / 3) < 5 * (2000 / 3) / np.sqrt(12 * 2000)


def test_rows_without_units_part_exactly():
    data = read_object(pa.table({"x": np.arange(101) / 2})).dataset
    train, held = split(data, holdout=0.2, seed=SEED)
    assert (train.table.num_rows, held.table.num_rows) == (81, 20)


@pytest.mark.parametrize("share", [0.0, 1.0, -1.0, 20.0])
def test_shares_outside_are_refused(share):
    with pytest.raises(SchemaError, match="between 0 and 1"):
        split(read_object(visits(9, 1)).dataset, holdout=share, seed=SEED)


def test_one_row_cannot_be_parted():
    with pytest.raises(NotEnoughDataError, match="one side would be empty"):
        split(read_object(pa.table({"x": [1.5]})).dataset, holdout=0.5, seed=SEED)


def test_several_rows_per_declared_unit_are_refused_unless_meant():
    data = read_object(visits(50, 2), unit="patient").dataset
    with pytest.raises(RepeatedUnitError, match="'patient' names 50 units in 100 rows") as caught:
        check_units(data, allow_repeats=False)
    assert "--rows-per-unit many" in caught.value.hint
    check_units(data, allow_repeats=True)
    check_units(read_object(visits(50, 1), unit="patient").dataset, allow_repeats=False)


@pytest.mark.parametrize(
    "name", ["patient", "patient_id", "customerID", "Kundennummer", "id", "user id", "pid"]
)
def test_people_who_repeat_are_noticed(name):
    said = suspect_units(read_object(visits(100, 3, name)).dataset)
    assert said is not None and repr(name) in said and "100 different" in said
    numbers = visits(100, 3, name).set_column(0, name, pa.array([i % 100 for i in range(300)]))
    assert suspect_units(read_object(numbers).dataset) is not None


def test_mail_addresses_that_repeat_are_noticed():
    mail = pa.table({"contact": [f"u{i % 100}@example.org" for i in range(300)]})
    assert suspect_units(read_object(mail).dataset) is not None


def test_machines_shops_and_codes_may_repeat():
    n = 600
    table = pa.table(
        {
            "tailnum": [f"N{i % 40:03d}" for i in range(n)],
            "flight": [i % 70 for i in range(n)],
            "product_id": [i % 50 for i in range(n)],
            "customer_type": [("new", "old")[i % 2] for i in range(n)],
            "first_name": [("Anna", "Otto", "Ida")[i % 3] for i in range(n)],
            "customer": [i % 2 for i in range(n)],
            "id": list(range(n)),
        }
    )
    assert suspect_units(read_object(table).dataset) is None


def test_a_declared_unit_raises_no_suspicion():
    assert suspect_units(read_object(visits(50, 2), unit="patient").dataset) is None


@pytest.mark.parametrize("said", [0.2, np.float32(0.2), "0.2", " .2 ", "0,2", "20%", "20 %"])
def test_a_share_may_be_said_as_text(said):
    assert share(said) == pytest.approx(0.2)
    data = read_object(pa.table({"x": range(50)})).dataset
    assert split(data, holdout=said, seed=SEED)[1].table.num_rows == 10


@pytest.mark.parametrize("said", [None, "none", "people.csv", "0.2.csv", "nan", [0.2]])
def test_what_is_no_number_is_no_share(said):
    assert share(said) is None
    with pytest.raises(SchemaError, match="must be a share"):
        split(read_object(pa.table({"x": [1, 2]})).dataset, holdout=said, seed=SEED)


@pytest.mark.parametrize("said", [0, 1, "1", "-0.2", "100 %", True, float("nan"), "20"])
def test_a_share_lies_between_none_and_all(said):
    with pytest.raises(SchemaError, match="between 0 and 1") as caught:
        share(said)
    assert caught.value.hint


def test_one_row_and_one_unit_are_singular():
    one = read_object(pa.table({"u": ["a"], "x": [1]}))
    with pytest.raises(NotEnoughDataError, match=r"^1 row cannot"):
        split(one.dataset, holdout=0.5, seed=SEED)
    twice = read_object(pa.table({"u": ["a", "a"], "x": [1, 2]}), unit="u").dataset
    with pytest.raises(NotEnoughDataError, match=r"^1 unit in column 'u' cannot"):
        split(twice, holdout=0.5, seed=SEED)
    with pytest.raises(RepeatedUnitError, match="names 1 unit in 2 rows"):
        check_units(twice, allow_repeats=False)
