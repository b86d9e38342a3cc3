"""From an engine on codes and scores to a sampler of tables."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from abbild.core import Batch, ConditionedBatch, ConditionError, Seed, in_blocks, unknown_name
from abbild.tables.codecs import TableCodec
from abbild.tables.encoded import Encoded, Levels
from abbild.tables.model import BLOCK, Allowed, Given, Model, Within, join, take
from abbild.tables.selection import select

__all__ = ["BLOCK", "Allowed", "Given", "Model", "TableSampler", "Within"]

CANDIDATES = 16  # draws for each given row where an engine can only weigh


@dataclass(frozen=True, slots=True, eq=False)
class TableSampler:
    """A fitted table engine.

    Attributes
    ----------
    codec : how columns become codes and scores, and back
    model : engine that draws codes and scores
    name : of the engine, as registered
    """

    codec: TableCodec
    model: Model
    name: str

    @property
    def block(self) -> int:
        """Rows drawn together."""
        return BLOCK

    def sample(self, rows: range, *, seed: Seed) -> Batch:
        """Draw the rows with these absolute numbers; any sharding gives the same rows."""
        parts = [self.codec.empty()]
        for block in in_blocks(rows, BLOCK):
            encoded, _ = self.model.draw(block, seed=seed / "draw" / (block.start // BLOCK))
            table = self.codec.decode(encoded, block, seed=seed)
            start, stop = max(rows.start, block.start), min(rows.stop, block.stop)
            parts.append(table.slice(start - block.start, stop - start))
        return self.codec.batch(pa.concat_tables(parts))

    def sample_given(self, given: pa.Table, *, seed: Seed) -> ConditionedBatch:
        """Draw one row for each row of `given`, whose columns are kept as they are.

        Where the engine can only weigh, each row is chosen among 16 candidates by its weight
        (sampling importance resampling, Rubin 1988).

        Raises
        ------
        ConditionError
            If a column of `given` is unknown or its values are of another type.
        """
        fixed = self.codec.completed(self._cast(given))
        self._refuse_misfit(seed)
        parts = [self.codec.empty()]
        effective, exact = 0.0, True
        for number, block in enumerate(_blocks(fixed.num_rows)):
            part = fixed.slice(block.start, len(block))
            encoded, share = self._choose(part, block, seed / "given" / number)
            effective += float(share.sum())
            exact &= bool((share == 1).all())
            parts.append(self.codec.decode(encoded, block, seed=seed, given=part))
        return ConditionedBatch(self.codec.batch(pa.concat_tables(parts)), effective, exact)

    def sample_where(self, condition: str, rows: range | int, *, seed: Seed) -> ConditionedBatch:
        """Draw rows that satisfy an SQL `condition` over the columns of the table.

        See `selection` for how, and `conditions` for what is refused.

        Parameters
        ----------
        condition : such as ``age > 60 AND job IN ('nurse', 'teacher')``
        rows : absolute numbers of the rows, or how many

        Raises
        ------
        ConditionError
            If it is no condition, names no column of the table, or is (next to) never met.
        """
        wanted = range(rows) if isinstance(rows, int) else rows
        self._refuse_misfit(seed)
        return select(self.codec, self.model, condition, wanted, seed=seed)

    def _refuse_misfit(self, seed: Seed) -> None:
        """Draw a row: a model of other columns must not be asked about codes it does not have."""
        encoded, _ = self.model.draw(range(1), seed=seed / "misfit")
        self.codec.decode(encoded, range(1), seed=seed)

    def _cast(self, given: pa.Table) -> pa.Table:
        """Return the columns of `given` in the types of this table."""
        known = {field.name: field.type for field in self.codec.schema()}
        for name in given.column_names:
            if name not in known:
                error = unknown_name("column", name, known)
                raise ConditionError(f"no column named {name!r}", hint=error.hint)
            try:
                column = given.column(name).cast(known[name])
            except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
                raise ConditionError(
                    f"column {name!r} holds values that are no {known[name]} ({error})",
                    hint="give values of the kind the model learned",
                ) from None
            given = given.set_column(given.column_names.index(name), name, column)
        return given

    def _choose(
        self, part: pa.Table, rows: range, seed: Seed
    ) -> tuple[Encoded, NDArray[np.float64]]:
        """Draw one row per row of `part`; also the effective share of its candidates."""
        evidence: dict[str, NDArray[np.int32] | NDArray[np.float64]] = {
            c.name: c.codes if isinstance(c, Levels) else c.z for c in self.codec.encode_some(part)
        }
        n = part.num_rows
        encoded, weights = self.model.draw(rows, seed=seed / 0, given=evidence)
        second, again = self.model.draw(rows, seed=seed / 1, given=evidence)
        if np.allclose(weights, again, equal_nan=True):
            return encoded, np.ones(n)
        drawn, logs = [encoded, second], [weights, again]
        for number in range(2, CANDIDATES):
            more, weights = self.model.draw(rows, seed=seed / number, given=evidence)
            drawn.append(more)
            logs.append(weights)
        log = np.nan_to_num(np.stack(logs), nan=-1e300, neginf=-1e300)  # (candidates, n)
        noise = (seed / "choose").rng().gumbel(size=log.shape)
        best = np.argmax(log + noise, axis=0)
        w = np.exp(log - log.max(axis=0))
        share = w.sum(axis=0) ** 2 / (w**2).sum(axis=0) / CANDIDATES
        picked = [take(d, np.flatnonzero(best == i)) for i, d in enumerate(drawn)]
        order = np.argsort(np.concatenate([np.flatnonzero(best == i) for i in range(len(drawn))]))
        return take(join(picked), order), share


def _blocks(n: int) -> Iterator[range]:
    """Yield the blocks of `n` rows, the last one as short as it is."""
    for start in range(0, n, BLOCK):
        yield range(start, min(start + BLOCK, n))
