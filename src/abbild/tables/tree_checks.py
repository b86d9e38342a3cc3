"""Whether a stored trees model may be drawn from: no pointer leads outside, every descent ends.

Compiled kernels follow indices without looking, so a damaged or forged model must be refused
when it is loaded. The cost is a few passes over its arrays.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from abbild.core import ShapeError
from abbild.tables.forest import Forest
from abbild.tables.tree_bins import ColumnBins
from abbild.tables.tree_corrector import Corrector

if TYPE_CHECKING:
    from abbild.tables.tree_model import TreesModel

__all__ = ["check_corrector", "check_forest", "check_model"]

MOST = 1_000  # candidates of a row; more would never end
MOST_ODDS = 1e9

Numbers = NDArray[Any]


def check_forest(forest: Forest, d: int) -> None:
    """Refuse a forest whose pointers lead outside its arrays or outside `d` columns.

    Raises
    ------
    ShapeError
        If they do, if a child does not come behind its parent, or if a leaf has nothing to draw.
    """
    v, f = forest.child.size, forest.predictors.size
    right = (
        0 <= forest.column < d
        and -1 <= forest.parent < d
        and _shapes(forest, v, f)
        and _within(forest.predictors, d)
        and forest.roots.size > 0
        and _within(forest.roots, v)
        and _descends(forest, f)
        and _owned(forest.at, len(forest.codes))
        and _owned(forest.free_at, len(forest.free))
        and _counts(forest)
        and _residuals(forest)
    )
    if not right:
        raise ShapeError(f"the trees of column number {forest.column} point outside themselves")


def check_corrector(corrector: Corrector, d: int) -> None:
    """Refuse trees that are not whole, or that look at other than `d` columns.

    Raises
    ------
    ShapeError
        If so, or if a number is not finite.
    """
    rounds, inner = corrector.feature.shape if corrector.feature.ndim == 2 else (-1, 0)
    right = (
        corrector.right.shape == (rounds, inner, 32)
        and corrector.values.shape == (rounds, inner + 1)
        and inner & (inner + 1) == 0  # full trees: one less than a power of two
        and _within(corrector.feature, d)
        and bool(np.isfinite(corrector.values).all())
        and 1 <= corrector.limit <= MOST_ODDS
    )
    if not right:
        raise ShapeError("the trees that correct the rows point outside themselves")


def check_model(model: TreesModel) -> None:
    """Refuse forests that do not fit the columns or cannot be drawn one after another.

    Raises
    ------
    ShapeError
        If a forest, the corrector or the order of the columns is broken.
    """
    columns, d = model.columns, len(model.columns)
    names = {column.name for column in columns}
    if len(names) != d or sorted(f.column for f in model.forests) != list(range(d)):
        raise ShapeError("there must be one forest for each column")
    if not 1 <= model.candidates <= MOST or model.target not in (None, *names):
        raise ShapeError(f"{model.candidates} candidates or target {model.target!r} cannot be")
    drawn = np.zeros(d, bool)
    for forest in model.forests:
        check_forest(forest, d)
        _check_column(forest, columns, drawn)
        drawn[forest.column] = True
    if model.corrector is not None:
        check_corrector(model.corrector, d)


def _check_column(forest: Forest, columns: tuple[ColumnBins, ...], drawn: Numbers) -> None:
    """Refuse codes the column does not have, and what looks at columns not `drawn` yet."""
    column, parent = columns[forest.column], forest.parent
    explained = parent < 0 or (drawn[parent] and not columns[parent].is_levels)
    if not drawn[forest.predictors].all() or not explained:
        raise ShapeError(f"column {column.name!r} is drawn before what it depends on")
    free = np.flatnonzero(forest.codes == column.free_code)
    owner = np.searchsorted(forest.at, free, side="right") - 1
    if not _within(forest.codes, column.codes) or not (_sizes(forest.free_at)[owner] > 0).all():
        raise ShapeError(f"the trees of column {column.name!r} draw what it does not have")


def _shapes(forest: Forest, v: int, f: int) -> bool:
    kept, free = (forest.codes.size,), (forest.free.size,)
    return (
        forest.predictors.shape == (f,)
        and forest.relabel.shape == (f, 256)
        and forest.roots.ndim == 1
        and forest.child.shape == forest.feature.shape == forest.cut.shape == (v,)
        and forest.at.shape == forest.free_at.shape == (v + 1,)
        and forest.codes.shape == forest.sums.shape == kept
        and forest.free.shape == free
        and forest.lines.shape == (v, 4)
    )


def _within(index: Numbers, size: int) -> bool:
    return not index.size or bool(index.min() >= 0 and index.max() < size)


def _descends(forest: Forest, f: int) -> bool:
    """Whether both children of a node come behind it, and it asks one of `f` predictors."""
    inner = np.flatnonzero(forest.child >= 0)
    child = forest.child[inner].astype(np.int64)
    return _within(forest.feature[inner], f) and bool(
        ((child > inner) & (child + 1 < len(forest.child))).all()
    )


def _owned(at: Numbers, size: int) -> bool:
    """Whether `at` cuts ``range(size)`` into one piece per node."""
    return bool(at[0] == 0 and at[-1] == size and (at[1:] >= at[:-1]).all())


def _sizes(at: Numbers) -> Numbers:
    return np.diff(at)  # no overflow: `_owned` says that they ascend from 0


def _counts(forest: Forest) -> bool:
    """Whether each leaf has a code to draw, and running counts that grow from 0."""
    steps = np.diff(forest.sums.astype(np.int64), prepend=0)
    starts = forest.at[:-1][_sizes(forest.at) > 0]
    steps[starts] = forest.sums[starts]
    return bool((_sizes(forest.at)[forest.child < 0] > 0).all() and (steps > 0).all())


def _residuals(forest: Forest) -> bool:
    """Whether the residuals of each leaf are finite and sorted, and so are its bounds."""
    falls = np.flatnonzero(forest.free[1:] < forest.free[:-1]) + 1
    used = forest.lines[_sizes(forest.free_at) > 0]
    return bool(
        np.isin(falls, forest.free_at).all()
        and np.isfinite(forest.free).all()
        and np.isfinite(used).all()
        and (used[:, 2] <= used[:, 3]).all()
    )
