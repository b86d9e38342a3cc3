"""Progress as log records: the library says what it did, the rim decides who hears it."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")
_log = logging.getLogger("abbild.progress")


def progress(stage: str, done: int, total: int, seconds: float) -> None:
    """Say that `done` of `total` parts of `stage` took `seconds` so far."""
    _log.info(
        "%s %d/%d",
        stage,
        done,
        total,
        extra={"stage": stage, "done": done, "total": total, "seconds": seconds},
    )


def track(items: Iterable[T], stage: str, total: int | None = None) -> Iterator[T]:
    """Yield `items` and report progress at most twice a second, and once at the end."""
    count = total if total is not None else len(items)  # type: ignore[arg-type]
    start = last = time.monotonic()
    done = 0
    progress(stage, 0, count, 0.0)
    for item in items:
        yield item
        done += 1
        now = time.monotonic()
        if now - last >= 0.5 and done < count:
            progress(stage, done, count, now - start)
            last = now
    progress(stage, done, count, time.monotonic() - start)
