"""What is true of the default engine: planted truths, determinism, conditions, hostile tables."""

from dataclasses import fields, is_dataclass, replace

import numpy as np
import pytest

from abbild.core import (
    NotEnoughDataError,
    Seed,
    ShapeError,
    UnknownNameError,
    load_model,
    save_model,
)
from abbild.tables import trees as module
from abbild.tables.encoded import Encoded, Levels, Scores
from abbild.tables.model import Allowed
from abbild.tables.trees import Trees

N = 4000
FAST = Trees(rounds=20)
PLAIN = Trees(rounds=0)
NO_ATOMS = np.zeros(0)


def levels(name, codes, size=None, ordered=False):
    codes = np.asarray(codes, np.int32)
    return Levels(name, codes, int(codes.max(initial=0)) + 1 if size is None else size, ordered)


def scores(name, z, atoms=NO_ATOMS):
    return Scores(name, np.asarray(z, np.float64), np.asarray(atoms, np.float64))


def encoded(*columns, target=None):
    first = columns[0]
    n = len(first.codes if isinstance(first, Levels) else first.z)
    return Encoded(n, columns, target)


def cells(table, name):
    column = next(c for c in table.columns if c.name == name)
    return column.codes if isinstance(column, Levels) else column.z


def mixed(n=N, seed=0):
    """A group, a score about it with an atom at 0 and gaps, one near the score, and a flag."""
    r = np.random.default_rng(seed)
    a = r.integers(0, 3, n)
    z = r.normal(size=n) + a
    z[r.random(n) < 0.1] = 0.0
    w = 0.5 * z + 0.5 * r.normal(size=n)
    w[r.random(n) < 0.15] = np.nan
    b = (r.random(n) < np.array([0.1, 0.5, 0.9])[a]).astype(int)
    return encoded(levels("a", a), scores("z", z, [0.0]), scores("w", w), levels("b", b))


@pytest.fixture(scope="module")
def table():
    return mixed()


@pytest.fixture(scope="module")
def model(table):
    return FAST.learn(table, seed=Seed(1))


@pytest.fixture(scope="module")
def plain(table):
    return PLAIN.learn(table, seed=Seed(1))


def test_conditional_frequencies_are_those_of_the_data(table, model):
    drawn, log = model.draw(range(N), seed=Seed(2))
    assert not log.any()
    for level in range(3):
        real = cells(table, "b")[cells(table, "a") == level]
        made = cells(drawn, "b")[cells(drawn, "a") == level]
        p = real.mean()
        # four standard errors of a difference of binomial frequencies
        assert abs(made.mean() - p) < 4 * np.sqrt(p * (1 - p) * (1 / len(real) + 1 / len(made)))


def test_point_masses_and_gaps_keep_their_share(table, model):
    drawn, _ = model.draw(range(N), seed=Seed(3))
    for share in (
        lambda t: (cells(t, "z") == 0).mean(),
        lambda t: np.isnan(cells(t, "w")).mean(),
    ):
        p = share(table)
        assert abs(share(drawn) - p) < 4 * np.sqrt(2 * p * (1 - p) / N)


def test_a_correlation_survives():
    r = np.random.default_rng(4)
    x = r.normal(size=N)
    y = 0.8 * x + 0.6 * r.normal(size=N)
    model = FAST.learn(encoded(scores("x", x), scores("y", y)), seed=Seed(0))
    drawn, _ = model.draw(range(N), seed=Seed(0))
    rho = np.corrcoef(cells(drawn, "x"), cells(drawn, "y"))[0, 1]
    # Fisher's z has standard error 1 / sqrt(n - 3), here of a difference
    assert abs(np.arctanh(rho) - np.arctanh(0.8)) < 4 * np.sqrt(2 / (N - 3))


def test_what_is_a_function_of_another_column_stays_one():
    r = np.random.default_rng(5)
    city = r.integers(0, 12, N)
    country = np.array([0, 1, 2, 0, 1, 2, 0, 0, 1, 1, 2, 3])[city]
    height = r.normal(size=12)[city]
    atoms = np.unique(height)
    table = encoded(levels("city", city), levels("country", country), scores("h", height, atoms))
    drawn, _ = FAST.learn(table, seed=Seed(0)).draw(range(N), seed=Seed(0))
    real = {(c, k, h) for c, k, h in zip(city, country, height, strict=True)}
    made = zip(*(cells(drawn, name) for name in ("city", "country", "h")), strict=True)
    assert {(int(c), int(k), float(h)) for c, k, h in made} <= real


def test_spread_and_tails_of_the_first_column():
    z = np.random.default_rng(6).normal(size=N)
    drawn, _ = PLAIN.learn(encoded(scores("z", z)), seed=Seed(0)).draw(range(N), seed=Seed(7))
    made = np.sort(cells(drawn, "z"))
    at = np.searchsorted(np.sort(z), made) / N
    # Dvoretzky, Kiefer & Wolfowitz at 1 in 10,000
    assert np.abs(at - np.arange(N) / N).max() < np.sqrt(np.log(2e4) / (2 * N)) + 1 / 1024


def test_a_row_is_the_same_in_any_company(model):
    whole, _ = model.draw(range(3000), seed=Seed(8))
    for part in (range(17, 18), range(500, 700), range(2999, 3000)):
        some, _ = model.draw(part, seed=Seed(8))
        for one, other in zip(whole.columns, some.columns, strict=True):
            a = one.codes if isinstance(one, Levels) else one.z
            b = other.codes if isinstance(other, Levels) else other.z
            np.testing.assert_array_equal(a[part.start : part.stop], b)


def test_rows_differ_from_each_other_and_between_seeds(model):
    one, two = (cells(model.draw(range(2000), seed=Seed(s))[0], "z") for s in (1, 2))
    free = one[one != 0]
    assert len(np.unique(free)) > 0.99 * len(free)
    assert (one == two).mean() < 0.1
    # rows next to each other are independent
    assert abs(np.corrcoef(one[:-1], one[1:])[0, 1]) < 4 / np.sqrt(len(one))


def test_columns_of_one_row_are_independent_of_those_of_the_next():
    r = np.random.default_rng(0)
    table = encoded(*(scores(f"c{j}", r.normal(size=N)) for j in range(4)))
    drawn, _ = PLAIN.learn(table, seed=Seed(0)).draw(range(N), seed=Seed(1))
    z = np.stack([c.z for c in drawn.columns])
    for lag in (1, 2, 3):
        together = np.corrcoef(z[:, lag:], z[:, :-lag])[:4, 4:]
        assert np.abs(together).max() < 5 / np.sqrt(N)


def test_threads_change_nothing(table, monkeypatch):
    made = []
    for workers in (1, 5):
        monkeypatch.setattr(module, "_workers", lambda workers=workers: workers)
        made.append(arrays(FAST.learn(table, seed=Seed(9))))
    for a, b in zip(*made, strict=True):
        np.testing.assert_array_equal(a, b)


def arrays(value):
    if isinstance(value, np.ndarray):
        return [value]
    if is_dataclass(value):
        return [a for f in fields(value) for a in arrays(getattr(value, f.name))]
    if isinstance(value, tuple | list):
        return [a for v in value for a in arrays(v)]
    return []


def test_no_score_of_the_data_is_emitted(table, model):
    drawn, _ = model.draw(range(4 * N), seed=Seed(10))
    for name in ("z", "w"):
        made = cells(drawn, name)
        made = made[(made != 0) & ~np.isnan(made)]
        assert not np.isin(made, cells(table, name)).any()
        assert (
            not np.isin(made.astype(np.float32), cells(table, name).astype(np.float32)).mean()
            > 1e-3
        )


def test_the_model_holds_no_row(table, plain):
    for forest in plain.forests:
        leaf = np.flatnonzero(forest.child < 0)
        for v in leaf:
            a, e = forest.at[v], forest.at[v + 1]
            assert forest.sums[e - 1] >= 10  # min_leaf
            assert (np.diff(forest.codes[a:e]) > 0).all()
            # in the order of their values, not of the rows they came from
            assert (np.diff(forest.free[forest.free_at[v] : forest.free_at[v + 1]]) >= 0).all()
    # nothing else could point to a row
    known = {"column", "parent", "predictors", "relabel", "roots", "feature", "cut", "child"}
    known |= {"at", "codes", "sums", "free_at", "free", "lines"}
    assert {f.name for f in fields(plain.forests[0])} == known


def test_a_leaf_never_draws_a_lone_value():
    z = np.zeros(N)
    z[7] = 1.2345
    group = np.arange(N) % 5
    table = encoded(scores("z", z, [0.0]), levels("g", group))
    drawn, _ = PLAIN.learn(table, seed=Seed(0)).draw(range(10 * N), seed=Seed(0))
    assert (cells(drawn, "z") != 0).mean() < 0.002


def test_saved_and_loaded_it_draws_the_same(model, tmp_path):
    save_model(model, tmp_path / "model")
    again = load_model(tmp_path / "model")
    one, two = (m.draw(range(100), seed=Seed(3))[0] for m in (model, again))
    for name in ("a", "z", "w", "b"):
        np.testing.assert_array_equal(cells(one, name), cells(two, name))


def test_given_cells_are_kept_and_weighed(plain):
    n = 20_000
    free, _ = plain.draw(range(n), seed=Seed(1))
    evidence = {"b": np.ones(n, np.int32)}
    drawn, log = plain.draw(range(n), seed=Seed(2), given=evidence)
    assert (cells(drawn, "b") == 1).all()
    w = np.exp(log)
    kept = cells(free, "b") == 1
    for level in range(3):
        p = (cells(free, "a")[kept] == level).mean()
        q = w[cells(drawn, "a") == level].sum() / w.sum()
        effective = w.sum() ** 2 / (w**2).sum()
        assert abs(p - q) < 4 * np.sqrt(p * (1 - p) * (1 / kept.sum() + 1 / effective))


def test_what_is_allowed_is_drawn_with_its_probability(plain):
    n = 20_000
    free, _ = plain.draw(range(n), seed=Seed(1))
    spans = np.array([[-0.5, 0.25], [1.0, np.inf]])
    sets = {
        "w": Allowed(intervals=spans, missing=True),
        "b": Allowed(codes=np.array([True, False])),
    }
    drawn, log = plain.draw(range(n), seed=Seed(2), within=sets)
    wanted = np.ones(n, bool)
    for name, allowed in sets.items():
        column = next(c for c in drawn.columns if c.name == name)
        assert allowed.accepts(column).all()
        wanted &= allowed.accepts(next(c for c in free.columns if c.name == name))
    w = np.exp(log)
    assert abs(w.mean() - wanted.mean()) < 4 * (w.std() + wanted.std()) / np.sqrt(n)
    z = cells(free, "z")[wanted]
    mean = (w * cells(drawn, "z")).sum() / w.sum()
    effective = w.sum() ** 2 / (w**2).sum()
    assert abs(mean - z.mean()) < 4 * z.std() * np.sqrt(1 / len(z) + 1 / effective)


def test_a_condition_on_the_first_column_is_exact(model, table):
    first = model.columns[model.forests[0].column]
    n = 500
    if first.is_levels:
        drawn, log = model.draw(range(n), seed=Seed(1), given={first.name: np.ones(n, np.int32)})
    else:
        sets = {first.name: Allowed(intervals=np.array([[0.5, np.inf]]))}
        drawn, log = model.draw(range(n), seed=Seed(1), within=sets)
    assert np.ptp(log) < 1e-9
    assert drawn.n == n


def test_an_unknown_code_is_no_evidence(model):
    given = {"b": np.array([-1, 1, -1, 0], np.int32)}
    drawn, log = model.draw(range(4), seed=Seed(1), given=given)
    assert cells(drawn, "b")[[1, 3]].tolist() == [1, 0]
    assert (cells(drawn, "b") >= 0).all()
    assert (log[[0, 2]] == 0).all()


def test_impossible_conditions_weigh_nothing(plain):
    drawn, log = plain.draw(
        range(50), seed=Seed(1), within={"z": Allowed(intervals=np.array([[50.0, 60.0]]))}
    )
    assert (log == -np.inf).all()
    assert drawn.n == 50


def test_bad_conditions_are_refused(model):
    with pytest.raises(UnknownNameError):
        model.draw(range(3), seed=Seed(0), given={"c": np.zeros(3)})
    with pytest.raises(ShapeError):
        model.draw(range(3), seed=Seed(0), given={"z": np.zeros(4)})


def test_the_discriminator_mends_what_the_forests_miss(table):
    agree = []
    for rounds in (0, 40):
        blind = replace(FAST, rounds=rounds, penalty_levels=1e9, penalty_scores=1e9)
        drawn, _ = blind.learn(table, seed=Seed(0)).draw(range(N), seed=Seed(1))
        agree.append(np.corrcoef(cells(drawn, "a"), cells(drawn, "b"))[0, 1])
    real = np.corrcoef(cells(table, "a"), cells(table, "b"))[0, 1]
    assert abs(agree[0]) < 4 / np.sqrt(N)  # columns on their own
    assert abs(agree[1] - real) < real / 2


@pytest.mark.parametrize("rows", [1, 2, 5, 30])
def test_few_rows(rows):
    table = mixed(rows)
    drawn, _ = Trees().learn(table, seed=Seed(0)).draw(range(20), seed=Seed(0))
    assert drawn.n == 20
    assert np.isin(cells(drawn, "a"), cells(table, "a")).all()


def test_no_rows_are_refused():
    with pytest.raises(NotEnoughDataError):
        Trees().learn(encoded(levels("a", [])), seed=Seed(0))


def test_columns_that_say_nothing():
    n = 400
    table = encoded(
        levels("constant", np.zeros(n)),
        scores("empty", np.full(n, np.nan)),
        scores("one", np.zeros(n), [0.0]),
        levels("hidden", np.full(n, -1), size=1),
        scores("z", np.random.default_rng(0).normal(size=n)),
    )
    drawn, _ = FAST.learn(table, seed=Seed(0)).draw(range(n), seed=Seed(0))
    assert not cells(drawn, "constant").any()
    assert np.isnan(cells(drawn, "empty")).all()
    assert not cells(drawn, "one").any()
    assert not cells(drawn, "hidden").any()
    assert np.isfinite(cells(drawn, "z")).all()


def test_one_column_and_no_column():
    drawn, _ = (
        Trees()
        .learn(encoded(levels("a", [0, 1] * 200)), seed=Seed(0))
        .draw(range(10), seed=Seed(0))
    )
    assert set(cells(drawn, "a")) <= {0, 1}
    none = Trees().learn(Encoded(5, ()), seed=Seed(0))
    assert none.draw(range(3), seed=Seed(0))[0].columns == ()


def test_ten_thousand_levels_keep_their_company():
    r = np.random.default_rng(0)
    group = r.integers(0, 20, 60_000)
    town = group * 500 + r.integers(0, 500, 60_000)
    table = encoded(levels("town", town, size=10_000), levels("group", group))
    drawn, _ = PLAIN.learn(table, seed=Seed(0)).draw(range(5000), seed=Seed(0))
    right = (cells(drawn, "town") // 500 == cells(drawn, "group")).mean()
    assert right > 0.9  # 0.05 if towns were drawn alone


def test_hidden_levels_are_never_drawn():
    r = np.random.default_rng(0)
    codes = r.integers(-1, 4, N)
    x = r.normal(size=N) + codes
    drawn, _ = FAST.learn(encoded(levels("c", codes, size=4), scores("x", x)), seed=Seed(0)).draw(
        range(N), seed=Seed(0)
    )
    assert set(cells(drawn, "c")) == {0, 1, 2, 3}


def test_many_columns():
    r = np.random.default_rng(0)
    base = r.normal(size=300)
    columns = [scores(f"c{j}", base + r.normal(size=300)) for j in range(150)]
    drawn, _ = (
        replace(FAST, trees=2, most_predictors=8)
        .learn(encoded(*columns), seed=Seed(0))
        .draw(range(200), seed=Seed(0))
    )
    z = np.stack([c.z for c in drawn.columns])
    assert np.corrcoef(z)[np.triu_indices(150, 1)].mean() > 0.2  # 0.5 in the data


@pytest.mark.parametrize("preset", ["conservative", "default", "quality"])
def test_presets(preset):
    table = mixed(300)
    model = Trees(preset=preset).learn(table, seed=Seed(0))
    assert (model.corrector is None) == (preset == "conservative")
    assert model.draw(range(10), seed=Seed(0))[0].n == 10
