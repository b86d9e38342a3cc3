"""Laws of quantities: the round trip, the monoid, and that no number belongs to a person."""

from __future__ import annotations

import datetime as dt
from functools import reduce

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import ndtri

from abbild.core import Column, Kind
from abbild.tables.codecs import quantity
from abbild.tables.codecs.quantity import QuantityCodec
from abbild.tables.encoded import Scores

K = 5
INT64 = st.integers(-(2**63), 2**63 - 1)


def fitted(
    column: Column, values: pa.Array, units: np.ndarray | None = None, k: int = K
) -> QuantityCodec:
    return quantity.fit(column, quantity.analyze(column, values, units, k), k)


def number(name: str = "x", **more: object) -> Column:
    return Column(name, Kind.NUMBER, **more)  # type: ignore[arg-type]


def whole(name: str = "x") -> Column:
    return Column(name, Kind.INTEGER)


def round_trip(column: Column, values: pa.Array) -> tuple[pa.Array, Scores]:
    codec = fitted(column, values)
    scores = quantity.encode(codec, values)
    return quantity.decode(codec, scores, values.type), scores


def inner(values: list[object], k: int = K) -> np.ndarray:
    """Return where values are that are not among the k outermost on either side."""
    there = sorted(v for v in values if v is not None)  # type: ignore[type-var]
    if len(there) <= 2 * k:
        return np.zeros(len(values), bool)
    low, high = there[k], there[-k - 1]
    return np.array([v is not None and low <= v <= high for v in values])


def raw(values: pa.Array) -> list[object]:
    """Return what is stored: datetime objects know neither nanoseconds nor the year 10,000."""
    if pa.types.is_floating(values.type):
        return values.to_pylist()
    if pa.types.is_date32(values.type) or pa.types.is_time32(values.type):
        values = values.cast(pa.int32())
    return values.cast(pa.int64()).to_pylist()


def check_exact(column: Column, values: pa.Array) -> None:
    back, scores = round_trip(column, values)
    assert back.type == values.type
    at = pa.array(inner(raw(values)))
    assert raw(back.filter(at)) == raw(values.filter(at))
    if values.null_count < len(values) and len(values) - values.null_count >= K:
        assert back.is_null().equals(values.is_null())
        assert np.array_equal(np.isnan(scores.z), values.is_null().to_numpy(zero_copy_only=False))


@given(st.lists(st.none() | st.integers(-(2**40), 2**40) | st.integers(0, 3), max_size=60))
def test_whole_numbers_come_back(values):
    check_exact(whole(), pa.array(values, pa.int64()))


@given(st.lists(st.none() | st.integers(-1000, 10**6), max_size=60), st.integers(0, 8))
def test_decimals_come_back(values, decimals):
    scaled = [None if v is None else v / 10**decimals for v in values]
    check_exact(number(), pa.array(scaled, pa.float64()))


days = st.none() | st.dates(dt.date(1, 1, 1), dt.date(9999, 12, 31))


@given(st.lists(days, max_size=40))
def test_dates_of_all_years_come_back(values):
    check_exact(Column("d", Kind.DATE), pa.array(values, pa.date32()))


@given(
    st.lists(st.none() | st.integers(-(2**31), 2**31), max_size=40),
    st.sampled_from(["s", "ms", "us", "ns"]),
    st.sampled_from([1, 60, 86_400]),
    st.sampled_from([None, "UTC", "Europe/Berlin"]),
)
def test_datetimes_come_back_in_every_unit_and_zone(values, unit, step, zone):
    column = Column("t", Kind.DATETIME, unit=unit, zone=zone)
    stored = pa.array([None if v is None else v * step for v in values], pa.int64())
    check_exact(column, stored.cast(pa.timestamp(unit, zone)))


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_times_and_durations_come_back_and_stay_inside_the_day(unit):
    per_second = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[unit]
    seconds = np.append(np.arange(86_380, 86_400), [0, 1, 2, 3, 4]) * per_second
    time_type = pa.time32(unit) if unit in ("s", "ms") else pa.time64(unit)
    raw = pa.array(seconds, pa.int64())
    stored = raw.cast(pa.int32()).cast(time_type) if unit in ("s", "ms") else raw.cast(time_type)
    check_exact(Column("t", Kind.TIME, unit=unit), stored)
    codec = fitted(Column("t", Kind.TIME, unit=unit), stored)
    ends = Scores("t", np.array([-9.0, 9.0]), codec.atoms)
    drawn = quantity.decode(codec, ends, time_type).to_pylist()
    assert drawn[0] >= dt.time(0) and drawn[1] <= dt.time(23, 59, 59, 999_999)
    check_exact(Column("d", Kind.DURATION, unit=unit), raw.cast(pa.duration(unit)))


@given(st.lists(st.none() | INT64, max_size=60))
def test_sixty_four_bits_neither_overflow_nor_drift(values):
    back, _ = round_trip(whole(), pa.array(values, pa.int64()))
    span = max((v for v in values if v is not None), default=0) - min(
        (v for v in values if v is not None), default=0
    )
    for keep, value, other in zip(inner(values), values, back.to_pylist(), strict=True):
        if keep:
            assert abs(value - other) <= 1e-9 * span


def test_numbers_beyond_2_to_53_keep_every_digit():
    values = [2**62 + 7 * i for i in range(500)]
    check_exact(whole(), pa.array(values, pa.int64()))


@given(st.lists(st.none() | st.floats(allow_nan=False, allow_infinity=False), max_size=60))
def test_floats_come_back_to_a_billionth_of_their_range(values):
    back, _ = round_trip(number(), pa.array(values, pa.float64()))
    there = [v for v in values if v is not None]
    half = max(there, default=0) / 2 - min(there, default=0) / 2
    for keep, value, other in zip(inner(values), values, back.to_pylist(), strict=True):
        if keep:
            assert abs(value / 2 - other / 2) <= 1e-9 * half + 1e-300


@given(st.lists(st.floats(-1e6, 1e6) | st.integers(0, 3).map(float), min_size=1, max_size=80))
def test_scores_rise_with_values_and_decoding_never_leaves_the_knots(values):
    array = pa.array(sorted(values), pa.float64())
    codec = fitted(number(), array)
    z = quantity.encode(codec, array).z
    assert (np.diff(z[~np.isnan(z)]) >= 0).all()
    assert (np.diff(codec.z) > 0).all() and (np.diff(codec.knots) > 0).all()
    wild = Scores("x", np.array([-50.0, -1.0, 0.0, 1.0, 50.0, np.nan]), codec.atoms)
    drawn = quantity.decode(codec, wild, pa.float64())
    assert drawn[5].as_py() is None
    if codec.learned:
        assert np.all(np.diff(drawn.drop_null().to_numpy()) >= 0)


def test_normal_scores_are_normal():
    values = np.random.default_rng(0).lognormal(size=20_000)
    z = quantity.encode(fitted(number(), pa.array(values)), pa.array(values)).z
    # Massart: sup-norm error of an empirical CDF of n, here only the width of a knot
    from_rank = ndtri((np.argsort(np.argsort(values)) + 0.5) / len(values))
    middle = np.abs(from_rank) < 3
    assert np.abs(z - from_rank)[middle].max() < 0.05


def test_atoms_keep_their_exact_place_and_say_so():
    values = np.concatenate(
        [np.zeros(500), np.random.default_rng(1).lognormal(size=5_000), [99.5] * 40]
    )
    codec = fitted(number(), pa.array(values))
    atoms = quantity.decode(codec, Scores("x", codec.atoms, codec.atoms), pa.float64()).to_pylist()
    assert 0.0 in atoms and 99.5 in atoms and len(atoms) == 2


def test_few_distinct_values_are_all_atoms_if_shared():
    values = [*np.repeat(np.arange(50), 6).tolist(), 7_000]
    codec = fitted(whole(), pa.array(values, pa.int64()))
    assert len(codec.atoms) == 50


def test_no_knot_is_the_value_of_fewer_than_k_people():
    rng = np.random.default_rng(2)
    values = rng.lognormal(size=997)
    codec = fitted(number(), pa.array(values))
    assert not np.isin(codec.knots, values).any()
    assert not len(codec.atoms)
    assert len(codec.knots) - 2 * K <= (len(values) - 2 * K) / K


def test_the_grid_of_a_few_values_is_nobody_s_distance():
    assert fitted(number(), pa.array([10.0] * 50 + [1_000.5])).step == 1
    assert fitted(whole(), pa.array([30] * 50 + [400] * 9)).step == 10
    assert fitted(whole(), pa.array(list(range(0, 700, 7)) * 5)).step == 7
    hours = pa.array([3_600 * h for h in (1, 2, 5)] * 9).cast(pa.timestamp("s"))
    assert fitted(Column("t", Kind.DATETIME, unit="s"), hours).step == 3_600


@pytest.mark.parametrize("others", [[], [900.5]])
def test_half_of_k_people_beyond_a_shared_value_leave_no_trace(others):
    values = pa.array([10.0] * 50 + [1_000.5, *others])
    codec = fitted(number(), values)
    drawn = quantity.decode(codec, Scores("x", np.array([9.0]), codec.atoms), pa.float64())
    assert drawn[0].as_py() == 10


@pytest.mark.parametrize("n", [6, 12, 18, 40, 3_000])
@pytest.mark.parametrize("side", [1, -1])
@pytest.mark.parametrize("with_units", [False, True])
def test_no_outlier_sets_the_scale_of_the_tail(n, side, with_units):
    """Planted: one person (of three rows) far out. A thousand times further changes nothing."""
    others = np.random.default_rng(10).lognormal(10, 0.5, n)
    repeats = 3 if with_units else 1
    units = np.append(np.arange(n), [n] * repeats).astype(np.uint64) if with_units else None

    def fit(outlier: float) -> QuantityCodec:
        values = side * np.append(others, [outlier * (1 + i / 10) for i in range(repeats)])
        return fitted(number(), pa.array(values), units)

    near, far = fit(777_123.25), fit(777_123_250.0)
    assert np.array_equal(near.knots, far.knots) and np.array_equal(near.z, far.z)
    assert np.abs(near.knots).max() < 6 * others.max()


@pytest.mark.parametrize("k", [3, 5, 10])
@pytest.mark.parametrize("side", [1, -1])
def test_the_richest_person_is_nowhere_in_the_codec(k, side):
    rng = np.random.default_rng(3)
    values = side * np.append(rng.lognormal(10, 1, 2_000), 987_654_321.25)
    array = pa.array(values)
    codec = fitted(number(), array, k=k)
    back = quantity.decode(codec, quantity.encode(codec, array), pa.float64()).to_numpy()
    # the k outermost share the excess: the largest shown is 2.3 to 2.9 k-ths of it, not all
    harmonic = sum(1 / i for i in range(1, k + 1))
    assert np.abs(back).max() < 987_654_321 * harmonic / k * 1.2
    outermost = np.argsort(np.abs(values))[-2:]
    assert not np.isin(back, values[outermost]).any()
    assert not np.isclose(codec.knots, values[-1], rtol=1e-6).any()


@given(st.lists(st.integers(0, 60), min_size=3 * K, max_size=200))
def test_the_extremes_that_can_be_drawn_are_not_those_of_a_few_people(values):
    array = pa.array(values, pa.int64())
    codec = fitted(whole(), array)
    wide = Scores("x", np.linspace(-6, 6, 2_001), codec.atoms)
    drawn = quantity.decode(codec, wide, pa.int64()).drop_null().to_pylist()
    for extreme in (max, min):
        if values.count(extreme(values)) < K:
            assert extreme(drawn) != extreme(values)


def test_extremes_are_expected_order_statistics_of_an_exponential_tail():
    """Planted: exponential data; on average the scale of the tail is theirs."""
    steps = np.cumsum(1 / np.arange(K, 0, -1))
    scales = []
    for seed in range(60):
        values = np.sort(np.random.default_rng(seed).exponential(size=1_000))
        codec = fitted(number(), pa.array(values))
        base, last = codec.knots[-K - 1], codec.knots[-K:]
        excess = np.minimum(values[-K:], values[-3]) - base  # the outer two censored at the third
        scale = min(excess.sum() / 3, values[-K] - values[-4 * K])
        assert last - base == pytest.approx(scale * steps)
        scales.append(scale)
    # a scale from 3 of 5 varies by about 1 / sqrt(3); `base` lies k/2 ranks inside, the cap cuts
    assert 0.8 < np.mean(scales) < 1.4


@given(
    st.lists(st.floats(0, 1e6, exclude_min=True), min_size=5, max_size=80),
    st.sampled_from([1.0, -1.0]),
)
def test_what_is_positive_stays_positive(values, sign):
    codec = fitted(number(), pa.array([sign * v for v in values], pa.float64()))
    assert (sign * codec.knots > 0).all() or codec.scale > 0
    drawn = quantity.decode(codec, Scores("x", np.linspace(-9, 9, 99), codec.atoms), pa.float64())
    assert (sign * drawn.to_numpy() > 0).all()


def test_natural_bounds_hold():
    rng = np.random.default_rng(5)
    for kind, bound in ((Kind.LATITUDE, 90), (Kind.LONGITUDE, 180)):
        values = pa.array(np.append(rng.uniform(-0.9, 0.9, 300), [0.99, -0.99]) * bound)
        codec = fitted(Column("x", kind), values)
        assert np.abs(codec.knots).max() <= bound * (codec.scale or 1)
    shares = fitted(number(), pa.array(np.append(rng.beta(9, 1, 300), 0.9999999999)))
    assert shares.knots.max() <= 1
    far = pa.array([dt.date(9999, 12, 31)] * 2 + [dt.date(2020, 1, d) for d in range(1, 29)])
    codec = fitted(Column("d", Kind.DATE), far)
    quantity.decode(codec, Scores("d", np.array([9.0, -9.0]), codec.atoms), pa.date32()).to_pylist()


@pytest.mark.parametrize("values", [[], [None] * 7, [3.5] * 4, [1.0, 2.0, 3.0, 4.0]])
def test_fewer_than_k_people_leave_nothing_behind(values):
    array = pa.array(values, pa.float64())
    codec = fitted(number(), array)
    assert not len(codec.knots)
    scores = quantity.encode(codec, array)
    assert quantity.decode(codec, scores, pa.float64()).null_count == len(values)
    assert codec.treatment.startswith("left empty")


def test_declared_decimals_round_and_shared_values_add_up():
    """Twenty people within a cent of each other are one shared value of two decimals."""
    values = np.append(np.random.default_rng(9).uniform(0, 99, 300), 50 + np.arange(20) / 1e4)
    codec = fitted(number(decimals=1), pa.array(values))
    assert codec.scale == 10
    back = quantity.decode(codec, quantity.encode(codec, pa.array(values)), pa.float64())
    middle = inner(values.tolist())
    assert np.array_equal(back.to_numpy()[middle], np.rint(values * 10)[middle] / 10)
    atoms = quantity.decode(codec, Scores("x", codec.atoms, codec.atoms), pa.float64())
    assert 50.0 in atoms.to_pylist()


def test_a_constant_column_is_constant():
    back, scores = round_trip(number(), pa.array([2.5, None] * 10))
    assert back.to_pylist() == [2.5, None] * 10
    assert scores.atoms.tolist() == [0.0]


def test_infinite_values_are_missing_values():
    back, _ = round_trip(number(), pa.array([1.0, 2.0] * 10 + [np.inf, -np.inf]))
    assert back.to_pylist()[-2:] == [None, None] and back.to_pylist()[:2] == [1.0, 2.0]


def test_people_are_counted_not_rows():
    """One customer with forty rows of one rare value is one person."""
    values = np.append(np.random.default_rng(6).normal(size=400).round(1), np.full(40, 77.7))
    units = np.append(np.arange(400), np.full(40, 999)).astype(np.uint64)
    alone = fitted(number(), pa.array(values), units)
    drawn = quantity.decode(
        alone, Scores("x", np.linspace(-5, 5, 5_001), alone.atoms), pa.float64()
    )
    assert 77.7 not in drawn.to_pylist()
    shared = fitted(number(), pa.array(values))
    atoms = quantity.decode(shared, Scores("x", shared.atoms, shared.atoms), pa.float64())
    assert 77.7 in atoms.to_pylist()


def test_values_beside_a_point_mass_have_the_scores_of_their_ranks():
    """Half of the rows are zero: the smallest positive value has rank one half, not a quarter."""
    values = np.append(np.zeros(5_000), np.random.default_rng(8).uniform(1, 2, 5_000))
    z = quantity.encode(fitted(number(), pa.array(values)), pa.array(values)).z
    assert z[0] == pytest.approx(ndtri(0.25))
    above = np.sort(z[5_000:])
    expected = ndtri(0.5 + (np.arange(5_000) + 0.5) / 10_000)
    assert np.abs(above - expected)[10:-200].max() < 0.02


columns = st.lists(st.none() | st.integers(-50, 50), max_size=30)


@given(columns, columns, columns, st.booleans(), st.booleans())
def test_statistics_are_a_monoid(a, b, c, as_floats, with_units):
    column = number() if as_floats else whole()
    kind = pa.float64() if as_floats else pa.int64()

    def stats(values: list[int | None], start: int) -> quantity.QuantityStats:
        scaled = [v / 4 if as_floats and v is not None else v for v in values]
        units = (np.arange(len(values)) + start).astype(np.uint64) % np.uint64(7)
        return quantity.analyze(column, pa.array(scaled, kind), units if with_units else None, K)

    x, y, z = stats(a, 0), stats(b, 2), stats(c, 5)
    left = quantity.merge(quantity.merge(x, y), z)
    right = quantity.merge(x, quantity.merge(y, z))
    nothing = stats([], 0)
    if not with_units:
        at_once = stats(a + b + c, 0)
        assert np.array_equal(left.values, at_once.values) and left.step == at_once.step
    for other in (right, quantity.merge(left, nothing), quantity.merge(nothing, left)):
        assert np.array_equal(left.values, other.values)
        assert np.array_equal(left.counts, other.counts)
        assert left.seen is None or not len(left.values) or np.array_equal(left.seen, other.seen)
        assert (left.missing, left.decimals, left.step) == (
            other.missing,
            other.decimals,
            other.step,
        )


def test_more_values_than_fit_keep_their_ranks():
    """Beyond the cap neighbours are joined; ranks must hold to a thousandth, in any grouping."""
    values = np.random.default_rng(7).standard_gamma(2, 200_000)
    values[:3_000] = 1.25
    parts = [
        quantity.analyze(number(), pa.array(part), None, K) for part in np.array_split(values, 9)
    ]
    ends = [reduce(quantity.merge, parts), reduce(quantity.merge, parts[::-1])]
    for stats in ends:
        assert stats.joined and len(stats.values) <= quantity.CAP
        codec = quantity.fit(number(), stats, K)
        shares = np.linspace(0.001, 0.999, 999)
        at = np.mean(values < 1.25) + 0.0075  # the middle of the atom; scores in it are rounded
        shares = shares[np.abs(shares - at) > 0.0085]
        drawn = quantity.decode(codec, Scores("x", ndtri(shares), codec.atoms), pa.float64())
        found = np.sort(values)
        low = np.searchsorted(found, drawn.to_numpy(), side="left") / len(values)
        high = np.searchsorted(found, drawn.to_numpy(), side="right") / len(values)
        assert (low - 1e-3 < shares).all() and (shares < high + 1e-3).all()
        atoms = quantity.decode(codec, Scores("x", codec.atoms, codec.atoms), pa.float64())
        assert atoms.to_pylist() == [1.25]
