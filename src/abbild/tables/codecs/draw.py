"""Which cells a codec is to make, and whether there is to be one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from abbild.core import Seed, ShapeError
from abbild.tables.codecs.units import hash_units
from abbild.tables.counter import row_numbers
from abbild.tables.encoded import Levels

__all__ = ["Draw", "Presence"]


@dataclass(frozen=True, slots=True, eq=False)
class Draw:
    """Rows to be made, by absolute number, under a seed.

    Attributes
    ----------
    person : (n,) number of the person each row speaks of
    known : (n,) whether that person stands for a value that many rows repeat
    """

    rows: range
    seed: Seed
    person: NDArray[np.uint64]
    known: NDArray[np.bool_]

    @property
    def numbers(self) -> NDArray[np.uint64]:
        """(n,) absolute row numbers."""
        return row_numbers(self.rows)

    def key(self, *path: str) -> int:
        """Return the 64 bits of a stream of cells, the same for all rows."""
        seed = self.seed
        for name in path:
            seed = seed / name
        return seed.key()


@dataclass(frozen=True, slots=True, eq=False)
class Presence:
    """What an engine learns of a column whose values it never sees: where there is one.

    Attributes
    ----------
    repeated : (r,) uint64 hashes of values that at least k units share, such as the phone of a
        company; each has a code of its own and is replaced by one constant fake
    fresh : whether one code stands for all other values
    missing : whether the last code stands for a missing value
    """

    name: str
    repeated: NDArray[np.uint64]
    fresh: bool
    missing: bool

    def check(self) -> None:
        """Refuse values that do not fit together; called when a model is loaded."""
        if self.repeated.ndim != 1 or self.size < 1:
            raise ShapeError(f"column {self.name!r} has neither values nor missing ones")

    @property
    def size(self) -> int:
        """Number of codes."""
        return len(self.repeated) + int(self.fresh) + int(self.missing)

    def encode(self, values: pa.Array) -> Levels | None:
        """Return codes, or None where there is nothing to learn."""
        if self.size < 2:
            return None
        other = len(self.repeated) if self.fresh else -1
        codes = np.full(len(values), other, np.int32)
        if len(self.repeated):
            order = np.argsort(self.repeated)
            hashes = hash_units(values)
            at = np.searchsorted(self.repeated[order], hashes)
            code = order[np.minimum(at, len(order) - 1)]
            codes = np.where(self.repeated[code] == hashes, code, codes).astype(np.int32)
        codes[values.is_null().to_numpy(zero_copy_only=False)] = (
            self.size - 1 if self.missing else -1
        )
        return Levels(self.name, codes, self.size, False)

    def codes(self, column: Levels | None, n: int) -> NDArray[np.int64]:
        """Return (n,) codes of an encoded column that may have had nothing to learn."""
        return np.zeros(n, np.int64) if column is None else column.codes.astype(np.int64)

    def absent(self, codes: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return (n,) whether the cell is missing."""
        return np.asarray((codes == self.size - 1) & self.missing)

    def repeats(self, codes: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return (n,) whether the cell stands for a repeated value, whose number is its code."""
        return np.asarray(codes < len(self.repeated))
