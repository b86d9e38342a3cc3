"""The executor that is a loop, and the choice between it and processes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeVar

from abbild.execute.processes import Processes

__all__ = ["Serial", "executor"]

A = TypeVar("A")
B = TypeVar("B")


class Serial:
    """Run everything here, one item after another, as the results are asked for."""

    def map(
        self, fn: Callable[..., B], items: Iterable[A], *, shared: Mapping[str, Any] | None = None
    ) -> Iterator[B]:
        """Yield ``fn(item, **shared)`` in the order of `items`."""
        keywords = dict(shared or {})
        for item in items:
            yield fn(item, **keywords)

    def close(self) -> None:
        """Do nothing: there is nothing to give back."""

    def __enter__(self) -> Serial:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def executor(workers: int) -> Serial | Processes:
    """Return the executor for this many workers; one worker needs no second process.

    Parameters
    ----------
    workers : number of processes, >= 1

    Raises
    ------
    ValueError
        If `workers` is below 1.
    """
    if workers < 1:
        raise ValueError(f"at least one worker is needed, got {workers}")
    return Serial() if workers == 1 else Processes(workers)
