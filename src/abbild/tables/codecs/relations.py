"""Relations between quantities that hold to the last digit: copies, sums, products, differences.

Scores and trees know that a total is near the sum of its parts, never that it *is* the sum. So a
relation is found once, whether it holds in a row is learned as a column of two levels beside the
others, and where it holds the value is computed from the values it follows from.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from abbild.core import Kind, ShapeError
from abbild.tables.codecs.quantity import QuantityCodec
from abbild.tables.encoded import Levels, Scores

__all__ = ["Relation", "apply_relations", "find_relations"]

LOOK = 400  # random rows on which all pairs and triples are tried
EXACT = 2.0**53  # beyond it floats do not tell whole numbers apart
MOST_IN_TRIPLES = 60  # columns; triples cost their number to the third power
_LEAST = {
    "equal": 0.2,
    "sum": 0.8,
    "difference": 0.8,
    "product": 0.8,
}  # share of the rows with a rare value
_DISTINCT = 20  # rare values it must hold for
_NUMBERS = (Kind.INTEGER, Kind.NUMBER)

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Relation:
    """A column that equals another, or follows from two others, in many or all rows.

    Attributes
    ----------
    column : the one that follows
    sources : the ones it follows from; none of them follows from others
    operation : "equal", "sum", "difference" (first less second source) or "product"
    scale : ``10 ** decimals`` of the column, 0 for full precision
    positive : whether no value below zero may follow
    always : whether it holds in all rows but for fewer than k people
    share : of the rows in which it holds, among those where all values are known
    """

    column: str
    sources: tuple[str, ...]
    operation: str
    scale: int
    positive: bool
    always: bool
    share: float

    def check(self) -> None:
        """Refuse what is no relation; called when a model is loaded."""
        sources = 1 if self.operation == "equal" else 2 if self.operation in _LEAST else 0
        if len(self.sources) != sources or self.column in self.sources or self.scale < 0:
            raise ShapeError(f"column {self.column!r} cannot follow from {self.sources}")

    @property
    def formula(self) -> str:
        """The relation as one writes it; also the name of the column of where it holds."""
        sign = {"product": " × ", "difference": " - "}.get(self.operation, " + ")
        return f"{self.column} = {sign.join(self.sources)}"

    def value(self, sources: Sequence[Floats]) -> Floats:
        """Return what follows from the (n,) sources, before it is rounded to the grid."""
        if self.operation == "equal":
            return sources[0]
        combine = {"sum": np.add, "difference": np.subtract}.get(self.operation, np.multiply)
        with np.errstate(over="ignore", invalid="ignore"):
            return np.asarray(combine(*sources), np.float64)

    def holds(self, column: Floats, sources: Sequence[Floats]) -> Mask:
        """Return (n,) whether it holds; never where a value is missing (NaN)."""
        if self.operation == "equal":
            return np.asarray(column == sources[0])
        return _near(self.value(sources), column, self.scale)

    def flag(self, table: pa.Table) -> Levels:
        """Return, for each row of `table`, 1 where it holds and else 0."""
        column, *sources = (_numbers(table[name]) for name in (self.column, *self.sources))
        return Levels(self.formula, self.holds(column, sources).astype(np.int32), 2, False)


def find_relations(
    table: pa.Table, codecs: Sequence[QuantityCodec], *, k: int, rng: np.random.Generator
) -> tuple[Relation, ...]:
    """Return the relations between the columns of `codecs` in `table`.

    A relation must hold in far more rows than it does after a shuffle, for many different
    values, and for at least k rows. Equal columns come before sums and products, then the share
    decides; no column follows from one that follows itself.

    Notes
    -----
    O(d^2 + min(d, 60)^3) time on 400 rows for d columns, and O(n log n) for each candidate.
    """
    look = rng.permutation(table.num_rows)[:LOOK]
    values = {c.name: _numbers(table[c.name]) for c in codecs}
    codecs = [c for c in codecs if np.nanmax(np.abs(values[c.name]), initial=0) < EXACT]
    rare = {name: _rare(column) for name, column in values.items()}
    tried = list(_copies(codecs, table.schema, values, rare, look))
    numbers = [c for c in codecs if c.kind in _NUMBERS]
    if 3 <= len(numbers) <= MOST_IN_TRIPLES:
        tried += _combinations(numbers, values, rare, look)
    found = [s for r in tried if (s := _confirm(r, values, rare, k, rng)) is not None]
    found.sort(key=lambda r: (r.operation != "equal", -r.share))
    out: list[Relation] = []
    follows: set[str] = set()
    used: set[str] = set()
    for relation in found:
        if relation.column in follows | used or follows & set(relation.sources):
            continue
        if relation.formula in table.column_names:  # the name is taken
            continue
        out.append(relation)
        follows.add(relation.column)
        used.update(relation.sources)
    return tuple(out)


def apply_relations(
    relations: Sequence[Relation],
    arrays: Mapping[str, pa.Array],
    flags: Mapping[str, Levels | Scores],
) -> dict[str, pa.Array]:
    """Return `arrays` by name with what follows from them put in where it holds.

    A value that is missing, or follows from one that is, or would have to be below zero where
    none is, stays as it is.
    """
    out = dict(arrays)
    for relation in relations:
        if not {relation.column, *relation.sources} <= set(arrays):
            continue
        old = arrays[relation.column]
        new = _computed(relation, [arrays[name] for name in relation.sources], old.type)
        here = pc.and_(old.is_valid(), new.is_valid())
        if not relation.always:
            flag = flags.get(relation.formula)
            if not isinstance(flag, Levels) or flag.size != 2:
                raise ShapeError(
                    f"the encoded rows do not say where {relation.formula}",
                    hint="fit the model again",
                )
            here = pc.and_(here, pa.array(flag.codes == 1))
        out[relation.column] = pc.if_else(here, new, old)
    return out


def _computed(relation: Relation, sources: list[pa.Array], arrow: pa.DataType) -> pa.Array:
    if relation.operation == "equal":
        return sources[0].cast(arrow)
    x = relation.value([_numbers(source) for source in sources])
    if relation.scale:
        x = np.rint(x * relation.scale) / relation.scale
    fits = np.isfinite(x) & (x >= 0 if relation.positive else True)
    if pa.types.is_integer(arrow):
        fits &= np.abs(x) < EXACT
        whole = pa.array(np.where(fits, x, 0).astype(np.int64), mask=~fits)
        return whole.cast(arrow)
    return pa.array(x, mask=~fits).cast(arrow)


def _copies(
    codecs: Sequence[QuantityCodec],
    schema: pa.Schema,
    values: Mapping[str, Floats],
    rare: Mapping[str, Mask],
    look: NDArray[np.int64],
) -> Iterator[Relation]:
    """Yield columns that equal an earlier one in many of the rows to look at."""
    part = {name: column[look] for name, column in values.items()}
    for a, b in combinations(codecs, 2):
        if schema.field(a.name).type == schema.field(b.name).type:
            seldom = rare[b.name][look]
            holds = (part[a.name] == part[b.name]) & seldom
            known = np.isfinite(part[a.name]) & seldom
            if holds.sum() > 0.5 * _LEAST["equal"] * max(known.sum(), 1):
                yield _blank(b, values[b.name], (a.name,), "equal")


def _combinations(
    numbers: Sequence[QuantityCodec],
    values: Mapping[str, Floats],
    rare: Mapping[str, Mask],
    look: NDArray[np.int64],
) -> Iterator[Relation]:
    """Yield sums and products of two columns in many of the rows to look at."""
    every = np.stack([values[c.name][look] for c in numbers], axis=1)
    seldom = np.stack([rare[c.name][look] for c in numbers], axis=1)
    scales = np.array([c.scale for c in numbers])
    for i, j in combinations(range(len(numbers)), 2):
        left, right = every[:, i], every[:, j]
        with np.errstate(over="ignore", invalid="ignore"):
            made = (("sum", left + right), ("product", left * right))
        for operation, x in made:
            holds = (_near(x[:, None], every, scales) & seldom).sum(axis=0)
            known = (np.isfinite(x)[:, None] & seldom).sum(axis=0)
            for c in np.flatnonzero(
                holds > 0.5 * _LEAST[operation] * np.maximum(known, 1)
            ).tolist():
                if c not in (i, j):
                    terms = (numbers[c], numbers[i], numbers[j])
                    yield _arranged(operation, terms, values)


def _arranged(
    operation: str, terms: tuple[QuantityCodec, ...], values: Mapping[str, Floats]
) -> Relation:
    """Choose which term of ``c = a + b`` follows from the others; of a product the product does.

    One of many values, for round amounts must stay round; of these the one that varies most,
    for it bears the errors of the other two best.
    """
    c, a, b = terms
    arrangements = [(c, a, b, operation)]
    if operation == "sum":
        arrangements += [(a, c, b, "difference"), (b, c, a, "difference")]
    distinct = [len(np.unique(values[y.name])) for y, *_ in arrangements]
    fine = [arranged for arranged, n in zip(arrangements, distinct, strict=True)
            if 2 * n >= max(distinct)]  # fmt: skip
    y, left, right, kind = max(fine, key=lambda arranged: np.nanstd(values[arranged[0].name]))
    return _blank(y, values[y.name], (left.name, right.name), kind)


def _blank(c: QuantityCodec, column: Floats, sources: tuple[str, ...], kind: str) -> Relation:
    positive = bool(np.nanmin(column, initial=np.inf) >= 0)
    return Relation(c.name, sources, kind, c.scale, positive, False, 0.0)


def _confirm(
    relation: Relation,
    values: Mapping[str, Floats],
    rare: Mapping[str, Mask],
    k: int,
    rng: np.random.Generator,
) -> Relation | None:
    """Return `relation` with its share, or None if it is no more than coincidence."""
    column, *sources = (values[name] for name in (relation.column, *relation.sources))
    known = np.isfinite(column + sum(sources))
    seldom = rare[relation.column][known]
    column, sources = column[known], [source[known] for source in sources]
    holds = relation.holds(column, sources)
    if len(np.unique(column[holds & seldom])) < _DISTINCT:
        return None
    shuffled = [*sources[:-1], rng.permutation(sources[-1])]
    chance = relation.holds(column, shuffled)[seldom].mean()
    if holds[seldom].mean() < max(_LEAST[relation.operation], 0.1 + 2 * chance):
        return None
    always = bool((~holds).sum() < k)
    return replace(relation, always=always, share=float(holds.mean()))


def _rare(column: Floats) -> Mask:
    """Return (n,) whether so few rows have the value that no engine treats it as a point mass."""
    _, back, counts = np.unique(column, return_inverse=True, return_counts=True)
    return np.isfinite(column) & (counts[back] <= max(30, len(column) // 100))


def _near(x: Floats, column: Floats, scale: NDArray[np.int64] | int) -> Mask:
    """Return whether `x` rounds to `column`; never where one is missing (NaN)."""
    grid = np.asarray(scale, np.float64)
    unit = np.where(grid > 0, 0.5 * (1 + 1e-9) / np.maximum(grid, 1), 0.0)
    with np.errstate(over="ignore", invalid="ignore"):
        ulps = np.where(grid > 0, 0.0, 1e-15) * (np.abs(x) + np.abs(column))
        return np.asarray(np.abs(x - column) <= unit + ulps)


def _numbers(array: pa.Array | pa.ChunkedArray) -> Floats:
    """Return (n,) float64, NaN where a value is missing; dates and times count their units."""
    whole = array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array
    if pa.types.is_temporal(whole.type):
        whole = whole.view(pa.int32() if whole.type.bit_width == 32 else pa.int64())
    return np.asarray(
        whole.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False), np.float64
    )
