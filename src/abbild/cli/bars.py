"""Progress bars, drawn from the log records of `abbild.core.track`."""

from __future__ import annotations

import logging
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

__all__ = ["Bars"]


class Bars(logging.Handler):
    """A logging handler that shows one bar per stage on stderr."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self._bars = Progress(
            TextColumn("{task.description:<28}"),
            BarColumn(bar_width=32),
            TextColumn("{task.percentage:>3.0f} %"),
            TimeElapsedColumn(),
            console=Console(stderr=True),
        )
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> Bars:
        self._bars.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bars.stop()

    def emit(self, record: logging.LogRecord) -> None:  # noqa: D102 - see logging.Handler
        stage = getattr(record, "stage", None)
        if stage is None:
            return
        done, total = record.done, record.total  # type: ignore[attr-defined]
        if stage not in self._tasks:
            self._tasks[stage] = self._bars.add_task(stage, total=max(total, 1))
        self._bars.update(self._tasks[stage], completed=done if total else 1)
