"""Warm processes on this machine as an ordered map."""

from __future__ import annotations

import os
import pickle
import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import lru_cache
from itertools import islice
from multiprocessing import get_context, parent_process
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread
from typing import Any, TypeVar

from abbild.core import WorkerLostError

__all__ = ["Processes"]

A = TypeVar("A")
B = TypeVar("B")

AHEAD = 2  # items in flight for each worker: one running, one waiting, so that none idles


class Processes:
    """Run items in `workers` processes that start once and stay warm between maps.

    Processes are spawned, never forked, so a run is the same on every platform; a script that
    uses them needs the usual ``if __name__ == "__main__":``. A context manager; `close` ends
    the processes.

    Parameters
    ----------
    workers : number of processes, >= 1

    Notes
    -----
    The function and what is shared travel once for each worker, through a file in a private
    temporary folder: a large model is neither copied through a pipe for each item nor held
    twice by the parent. It is a pickle, which only these workers ever read.
    """

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self._pool: ProcessPoolExecutor | None = None

    def map(
        self, fn: Callable[..., B], items: Iterable[A], *, shared: Mapping[str, Any] | None = None
    ) -> Iterator[B]:
        """Yield ``fn(item, **shared)`` in the order of `items`, with a bounded number in flight.

        Giving up the iterator cancels what has not started.

        Raises
        ------
        WorkerLostError
            If a process was killed, most often by the system for want of memory.
        """
        with TemporaryDirectory(prefix="abbild-", ignore_cleanup_errors=True) as folder:
            task = Path(folder) / "task.pickle"
            with task.open("wb") as file:
                pickle.dump((fn, dict(shared or {})), file, protocol=5)
            try:
                yield from self._ordered(str(task), iter(items))
            except BrokenProcessPool as error:
                self._pool = None  # the next map starts afresh
                raise WorkerLostError(
                    f"one of {self.workers} worker processes was killed or could not start",
                    hint="if memory ran out, use fewer workers; a script needs "
                    "if __name__ == '__main__': around its calls",
                ) from error

    def _ordered(self, task: str, todo: Iterator[A]) -> Iterator[B]:
        pool = self._started()
        pending: deque[Future[B]] = deque()
        try:
            for item in islice(todo, AHEAD * self.workers):
                pending.append(pool.submit(_run, task, item))
            while pending:
                yield pending.popleft().result()
                for item in islice(todo, 1):
                    pending.append(pool.submit(_run, task, item))
        finally:
            for future in pending:
                future.cancel()

    def _started(self) -> ProcessPoolExecutor:
        if self._pool is None:
            self._pool = ProcessPoolExecutor(
                self.workers, mp_context=get_context("spawn"), initializer=_settle
            )
        return self._pool

    def close(self) -> None:
        """Cancel what has not started and end the processes."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
            self._pool = None

    def __enter__(self) -> Processes:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _settle() -> None:
    """Prepare a new worker: the parent alone hears Ctrl-C, and nobody outlives the parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Thread(target=_leave_with_parent, daemon=True).start()


def _leave_with_parent() -> None:
    # A worker waits for work on a pipe it holds open itself, so it would never see its end.
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _run(task: str, item: Any) -> Any:
    fn, shared = _task(task)
    return fn(item, **shared)


@lru_cache(maxsize=1)
def _task(path: str) -> tuple[Callable[..., Any], dict[str, Any]]:
    with Path(path).open("rb") as file:
        loaded: tuple[Callable[..., Any], dict[str, Any]] = pickle.load(file)
    return loaded
