"""How triangles hang together: equal corners, shared edges, which side is outside."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import breadth_first_order, connected_components

__all__ = ["face_volumes", "half_edges", "is_closed", "neighbours", "outward", "weld"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def weld(
    vertices: ArrayLike, faces: ArrayLike, tolerance: float = 1e-6
) -> tuple[Floats, Ints, Ints]:
    """Join vertices that are equal up to `tolerance` times the extent; drop flat triangles.

    Parameters
    ----------
    vertices : (v, 3)
    faces : (f, 3)
    tolerance : at least 1e-6

    Returns
    -------
    vertices : (w, 3)
    faces : (g, 3)
    kept : (g,) index of each remaining face in the input
    """
    points = np.asarray(vertices, np.float64)
    if len(points) == 0:
        return points.reshape(0, 3), np.zeros((0, 3), np.int64), np.zeros(0, np.int64)
    low = points.min(axis=0)
    step = max(float((points.max(axis=0) - low).max()), 1e-300) * max(tolerance, 1e-6)
    x, y, z = np.round((points - low) / step).astype(np.int64).T
    key = (x << 42) | (y << 21) | z  # each below 2^20: one number sorts ten times faster than rows
    _, first, inverse = np.unique(key, return_index=True, return_inverse=True)
    joined = inverse.reshape(-1)[np.asarray(faces, np.int64)]
    kept = np.flatnonzero(_distinct(joined))
    return points[first], joined[kept], kept


def is_closed(vertices: ArrayLike, faces: ArrayLike) -> bool:
    """Whether every edge has exactly two faces, once each way (equal positions are one vertex)."""
    _, joined, _ = weld(vertices, faces)
    return bool(len(joined)) and _edges_pair_up(joined)


def outward(vertices: ArrayLike, faces: ArrayLike) -> Ints:
    """Turn faces so that neighbours agree and closed pieces face outwards.

    Pieces that are not closed only agree within themselves, with their majority; pieces without
    two sides (a Moebius strip) and edges of three faces are left as they fall. Positions that are
    equal count as one vertex.

    Returns
    -------
    faces : (f, 3), the same order
    """
    original = np.asarray(faces, np.int64)
    points, joined, kept = weld(vertices, original)
    piece, turned, closed = _agreeing(joined)
    signed = np.where(turned, -1.0, 1.0)
    pieces = int(piece.max(initial=-1)) + 1
    inside = np.bincount(piece, signed * face_volumes(points, joined), pieces)
    majority = np.bincount(piece, signed, pieces)
    flip = np.where(closed, inside < 0, majority < 0)[piece]
    result = original.copy()
    chosen = kept[turned ^ flip]
    result[chosen] = result[chosen][:, ::-1]
    return result


def _distinct(faces: Ints) -> NDArray[np.bool_]:
    a, b, c = faces.T
    result: NDArray[np.bool_] = (a != b) & (b != c) & (c != a)
    return result


def _first_of(group: Ints) -> Ints:
    return np.unique(group, return_index=True)[1]


def half_edges(faces: Ints) -> tuple[Ints, Ints, Ints]:
    """Return start, end and first corner of every directed edge; corner k of face f is 3f + k."""
    start = faces.reshape(-1)
    end = np.roll(faces, -1, axis=1).reshape(-1)
    return start, end, np.arange(faces.size)


def neighbours(faces: Ints) -> tuple[Ints, Ints]:
    """Return pairs of half-edges that lie on one edge of exactly two faces, (n,) and (n,)."""
    start, end, _ = half_edges(faces)
    low, high = np.minimum(start, end), np.maximum(start, end)
    key = low * (int(high.max(initial=0)) + 1) + high
    order = np.argsort(key, kind="stable")
    same = np.diff(key[order], prepend=-1, append=-1) == 0  # as the one before, (n + 1,)
    pair = np.flatnonzero(same[1:-1] & ~same[:-2] & ~same[2:])
    return order[pair], order[pair + 1]


def _edges_pair_up(faces: Ints) -> bool:
    start, end, _ = half_edges(faces)
    size = int(faces.max()) + 1
    forth, back = np.sort(start * size + end), np.sort(end * size + start)
    return bool(np.array_equal(forth, back) and (np.diff(forth) > 0).all())


def _agreeing(faces: Ints) -> tuple[Ints, NDArray[np.bool_], NDArray[np.bool_]]:
    """Return the pieces of a mesh and how to make their faces agree.

    Returns
    -------
    piece : (f,) number of the piece each face belongs to
    turned : (f,) whether a face must be turned to agree with the first one of its piece
    closed : (pieces,) whether every edge of a piece then has two faces that agree
    """
    count = len(faces)
    one, two = neighbours(faces)
    start = faces.reshape(-1)
    clash = start[one] == start[two]  # both run the same way along the edge
    rows, columns = one // 3, two // 3
    graph = coo_matrix((np.ones(len(rows), np.int8), (rows, columns)), shape=(count, count))
    pieces, piece = connected_components(graph, directed=False)
    piece = piece.astype(np.int64)
    turned = _parity(rows, columns, clash, piece) if clash.any() else np.zeros(count, np.bool_)
    sound = ~(clash ^ turned[rows] ^ turned[columns])
    pairs = np.bincount(piece[rows], sound, pieces)
    return piece, turned, np.asarray(2 * pairs == 3 * np.bincount(piece, minlength=pieces))


def _parity(rows: Ints, columns: Ints, clash: NDArray[np.bool_], piece: Ints) -> NDArray[np.bool_]:
    """Walk from the first face of each piece and count clashes on the way, odd or even, (f,)."""
    count = len(piece)
    once = _first_of(rows * count + columns)  # two faces may share several edges
    rows, columns, clash = rows[once], columns[once], clash[once]
    first = _first_of(piece)
    root = np.full(len(first), count)  # one node above all pieces: a single walk
    weight = np.where(clash, 2, 1)
    graph = coo_matrix(
        (
            np.concatenate([weight, np.ones(len(first), np.int64)]),
            (np.concatenate([rows, first]), np.concatenate([columns, root])),
        ),
        shape=(count + 1, count + 1),
    ).tocsr()
    _, parent = breadth_first_order(graph, count, directed=False)
    parent = parent.astype(np.int64)
    parent[count] = count
    both = graph + graph.T
    step = np.asarray(both[np.arange(count), parent[:count]]).reshape(-1)
    odd = np.append(step == 2, False)
    while (parent != count).any():  # pointer doubling: log2 of the longest way
        odd = odd ^ odd[parent]
        parent = parent[parent]
    return odd[:count]


def face_volumes(points: Floats, faces: NDArray[Any]) -> Floats:
    """Return the signed volume of each face's tetrahedron on the mean point, (f,)."""
    about = points - points.mean(axis=0)
    a, b, c = (about[faces[:, k]] for k in range(3))
    result: Floats = np.einsum("ij,ij->i", a, np.cross(b, c)) / 6
    return result
