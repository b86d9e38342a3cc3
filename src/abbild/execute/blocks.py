"""Many rows from a sampler: natural blocks in, batches in order out."""

from __future__ import annotations

from collections.abc import Iterator

from abbild.core import Batch, Executor, Sampler, Seed, track
from abbild.execute.serial import Serial

__all__ = ["draw"]

LEAST = 64  # rows; blocks smaller than this (a text, eight images) share a task


def draw(
    sampler: Sampler, rows: range, *, seed: Seed, executor: Executor | None = None
) -> Iterator[Batch]:
    """Draw the rows with these absolute numbers, batch by batch, in order.

    Batches end at multiples of the sampler's block wherever `rows` begins, so no block is drawn
    twice, and neither rows nor batches depend on the executor. No rows are one empty batch, so
    that a writer learns the columns.

    Parameters
    ----------
    sampler : sent once to each worker
    rows : step 1, not negative
    executor : where to draw; here, one batch after another, unless said

    Raises
    ------
    ValueError
        If `rows` goes backwards, skips rows or starts below 0.
    """
    if rows.step != 1 or rows.start < 0:
        raise ValueError(f"row numbers must be consecutive and not negative, got {rows}")
    parts = _parts(rows, sampler.block)
    where = executor if executor is not None and len(parts) > 1 else Serial()
    batches = where.map(_sample, parts, shared={"sampler": sampler, "seed": seed})
    yield from track(batches, "sample", len(parts))


def _parts(rows: range, block: int) -> list[range]:
    """Cut `rows` at multiples of a few blocks."""
    if not rows:
        return [rows]
    step = block * -(-LEAST // block)  # rounded up
    first = rows.start // step * step
    starts = range(first, rows.stop, step)
    return [range(max(s, rows.start), min(s + step, rows.stop)) for s in starts]


def _sample(rows: range, *, sampler: Sampler, seed: Seed) -> Batch:
    return sampler.sample(rows, seed=seed)
