"""One column given earlier ones: bagged, significance-pruned histogram trees.

Each tree sees a random part of the rows. A split is made only where it gains several times what
it would by chance; a leaf keeps the counts of the levels or point masses in it and, for other
scores, the sorted residuals of a line through them. A cell is drawn from a tree at random, so
the distribution is the mean over the trees.

References
----------
Breiman et al. (1984), "Classification and Regression Trees"; Reiter (2005), "Using CART to
generate partially synthetic public use microdata"; Gneiting & Raftery (2007), "Strictly proper
scoring rules", section 4.2 (the ranked probability score splits are judged by).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from abbild.tables.forest_draw import Nodes
from abbild.tables.forest_grow import Tree, apply, grow
from abbild.tables.forest_leaves import count_codes, free_values
from abbild.tables.tree_bins import ColumnBins, group_levels

__all__ = ["Forest", "Growth", "Target", "fit_forest"]

CLASSES = 24  # of a column of scores, when splits are judged
LEVELS = 64  # the same for levels
QUANTILES = 1024  # kept of the free scores of one leaf
_NONE = np.zeros((0, 0))

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Growth:
    """How forests grow; see `abbild.tables.trees.Trees` for the meaning of each knob."""

    trees: int
    share: float
    penalty_scores: float
    penalty_levels: float
    min_leaf: int
    rows: int
    leaf_rows: int


@dataclass(frozen=True, slots=True, eq=False)
class Forest:
    """The fitted conditional distribution of one column. It holds no row and no row number.

    Attributes
    ----------
    column : its index
    parent : index of the column of scores that explains free scores within a leaf, or -1
    predictors : (f,) int64 indices of columns
    relabel : (f, 256) uint8, the order of the bins of a nominal predictor for this column
    roots : (trees,) int32 nodes
    feature, cut, child : (v,) int16, uint8, int32 per node, see `forest_grow.Tree`
    at : (v + 1,) int32; node v owns ``codes[at[v]:at[v + 1]]`` and the running counts `sums`
    free_at : (v + 1,) int32; the same for the sorted residuals `free`, float32
    lines : (v, 4) float32 slope on the parent, mean of the parent, lowest and highest score
    """

    column: int
    parent: int
    predictors: NDArray[np.int64]
    relabel: NDArray[np.uint8]
    roots: NDArray[np.int32]
    feature: NDArray[np.int16]
    cut: NDArray[np.uint8]
    child: NDArray[np.int32]
    at: NDArray[np.int32]
    codes: NDArray[np.int32]
    sums: NDArray[np.int32]
    free_at: NDArray[np.int32]
    free: NDArray[np.float32]
    lines: NDArray[np.float32]

    @property
    def nodes(self) -> Nodes:
        """Arrays for the kernels."""
        return Nodes(*(getattr(self, name) for name in Nodes._fields))


@dataclass(frozen=True, slots=True, eq=False)
class Target:
    """The column a forest learns, as seen by it.

    Attributes
    ----------
    y : (n,) int32 class by which splits are judged, -1 for rows that are left out
    classes : their number
    basis : (classes, dims) float64 embedding of ordered classes, (0, 0) for nominal ones
    code : (n,) int32 what is drawn
    z : (n,) float64 scores, NaN for levels
    """

    y: NDArray[np.int32]
    classes: int
    basis: Floats
    code: NDArray[np.int32]
    z: Floats


def target_of(
    cells: NDArray[np.int32] | Floats,
    bins: NDArray[np.uint8],
    column: ColumnBins,
    others: NDArray[np.uint8],
) -> Target:
    """Choose the classes by which splits for `column` are judged.

    `others` (f, n) bins of columns that tell which of many levels are alike.
    """
    code = column.cell_codes(cells)
    if not column.is_levels:
        y, basis = _ordered_classes(bins)
        return Target(y, len(basis), basis, code, cells.astype(np.float64))
    y, size = code, column.size
    if size > LEVELS:
        group = group_levels(code, size, others, LEVELS // 2, LEVELS)
        y, size = np.where(code < 0, -1, group[np.maximum(code, 0)]).astype(np.int32), LEVELS
    return Target(y, size, _NONE, code, np.full(len(code), np.nan))


def _ordered_classes(bins: NDArray[np.uint8]) -> tuple[NDArray[np.int32], Floats]:
    """Join bins to at most about 24 classes; embed them so that distance is the rank score.

    The squared distance of two means is the sum over all thresholds of the squared difference
    of the cumulative frequencies, so a split sees changes of place, of spread and of atoms.
    """
    counts = np.bincount(bins, minlength=256)
    used = np.flatnonzero(counts)
    share = counts[used] / len(bins)
    cell = ((np.cumsum(share) - share / 2) * CLASSES).astype(np.int64)
    alone = (share > 1 / CLASSES) | (len(used) <= CLASSES) | (used == 255)
    new = np.ones(len(used), bool)
    new[1:] = alone[1:] | alone[:-1] | (cell[1:] != cell[:-1])
    label = np.cumsum(new) - 1
    lookup = np.zeros(256, np.int32)
    lookup[used] = label
    k = int(label[-1]) + 1
    mass = np.bincount(label, share)
    steps = (np.arange(k)[:, None] <= np.arange(k - 1)[None, :]) - np.cumsum(mass)[:-1]
    if k < 2:
        return lookup[bins], np.zeros((k, 1))
    turn = np.linalg.eigh((steps * mass[:, None]).T @ steps)[1][:, ::-1]
    # multiples of 2^-20 add up without rounding, so no order of adding matters
    return lookup[bins], np.rint(steps @ turn * 2.0**20) / 2.0**20


def _relabel(bins: NDArray[np.uint8], target: Target, rows: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Order the bins of a nominal predictor by what they say about the target.

    By the mean of the first principal direction of the (shrunken) class frequencies.
    """
    k = target.classes
    flat = bins[rows].astype(np.int64) * k + target.y[rows]
    table = np.bincount(flat, minlength=256 * k).reshape(256, k).astype(np.float64)
    total = table.sum(axis=1)
    mean = table.sum(axis=0) / max(len(rows), 1)
    away = (table + 5 * mean) / (total + 5)[:, None] - mean
    if len(target.basis):
        position = away @ target.basis[:, 0]
    else:
        position = away @ np.linalg.eigh((away * total[:, None]).T @ away)[1][:, -1]
    out = np.full(256, 255, np.uint8)
    out[np.argsort(position[:255], kind="stable")] = np.arange(255)
    return out


def fit_forest(
    column: int,
    target: Target,
    bins: NDArray[np.uint8],
    columns: tuple[ColumnBins, ...],
    predictors: NDArray[np.int64],
    parent: tuple[int, Floats],
    growth: Growth,
    rng: np.random.Generator,
) -> Forest:
    """Learn the distribution of `column` given `predictors`.

    Parameters
    ----------
    bins : (d, n) uint8, all columns
    parent : index and (n,) float64 scores of the column that explains free scores, or -1 and NaN

    Notes
    -----
    O(trees * f * m * log m) time for m rows a tree and f predictors.
    """
    rows = np.flatnonzero(target.y >= 0)
    d = columns[column].codes
    f = len(predictors)
    relabel = np.tile(np.arange(256, dtype=np.uint8), (f, 1))
    for k, q in enumerate(predictors):
        if columns[q].is_nominal:
            relabel[k] = _relabel(bins[q], target, rows)
    most = max(int(min(growth.share * len(rows), growth.rows)), min(len(rows), 1))
    fill = max(int(min(growth.share * len(rows), growth.leaf_rows)), most)
    xlogx = np.arange(most + 1) * np.log(np.maximum(np.arange(most + 1), 1))
    parts = []
    for _ in range(growth.trees if f and len(rows) else 1):
        if f:
            drawn = rng.permutation(rows)[:fill]
            grown, drawn = np.sort(drawn[:most]), np.sort(drawn)
        else:
            grown, drawn = rows[:most], rows
        x = _matrix(bins, predictors, relabel, grown)
        penalty = growth.penalty_scores if len(target.basis) else growth.penalty_levels
        y = target.y[grown]
        tree = grow(x, y, max(target.classes, 1), target.basis, xlogx, penalty, growth.min_leaf)
        if len(drawn) > len(grown):
            tree = apply(_matrix(bins, predictors, relabel, drawn), tree)
        parts.append(
            _leaves(
                tree,
                target,
                drawn,
                d,
                columns[column],
                parent[1],
                QUANTILES if f else 4 * QUANTILES,
            )
        )
    return Forest(column, parent[0], predictors, relabel, *_join(parts))


def _matrix(
    bins: NDArray[np.uint8],
    predictors: NDArray[np.int64],
    relabel: NDArray[np.uint8],
    rows: NDArray[np.int64],
) -> NDArray[np.uint8]:
    out = np.empty((len(predictors), len(rows)), np.uint8)
    for k, q in enumerate(predictors):
        out[k] = relabel[k][bins[q][rows]]
    return out


Part = tuple[NDArray[Any], ...]


def _leaves(
    tree: Tree,
    target: Target,
    rows: NDArray[np.int64],
    codes: int,
    column: ColumnBins,
    parent: Floats,
    quantiles: int,
) -> Part:
    """Return what is kept of a tree."""
    code = target.code[rows]
    if not len(rows):  # nothing is known but what the column may be; draw the last code
        at, kept, sums = np.array([0, 1], np.int32), np.array([max(codes - 1, 0)], np.int32), None
        sums = np.ones(1, np.int32)
    else:
        at, kept, sums = count_codes(tree, code, max(codes, 1))
    nodes = len(tree.child)
    if column.is_levels:
        free_at, free = np.zeros(nodes + 1, np.int32), np.zeros(0, np.float32)
        lines = np.zeros((nodes, 4), np.float32)
    else:
        is_free = code == column.free_code
        free_at, free, lines = free_values(tree, is_free, target.z[rows], parent[rows], quantiles)
    return tree.feature, tree.cut, tree.child, at, kept, sums, free_at, free, lines


def _join(parts: list[Part]) -> Part:
    """Concatenate trees, moving their pointers."""
    nodes = np.cumsum([0] + [len(p[0]) for p in parts])
    kept = np.cumsum([0] + [len(p[4]) for p in parts])
    free = np.cumsum([0] + [len(p[7]) for p in parts])
    child = [np.where(p[2] >= 0, p[2] + n, -1) for p, n in zip(parts, nodes, strict=False)]
    at = [p[3][:-1] + k for p, k in zip(parts, kept, strict=False)]
    free_at = [p[6][:-1] + k for p, k in zip(parts, free, strict=False)]
    end, free_end = np.array([kept[-1]]), np.array([free[-1]])
    return (
        nodes[:-1].astype(np.int32),
        np.concatenate([p[0] for p in parts]),
        np.concatenate([p[1] for p in parts]),
        np.concatenate(child).astype(np.int32),
        np.concatenate([*at, end]).astype(np.int32),
        np.concatenate([p[4] for p in parts]),
        np.concatenate([p[5] for p in parts]),
        np.concatenate([*free_at, free_end]).astype(np.int32),
        np.concatenate([p[7] for p in parts]),
        np.concatenate([p[8] for p in parts]),
    )
