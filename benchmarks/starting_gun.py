"""Processes that get ready, wait for each other, and begin together.

Ours and the peer's are started, told to go and stopped in the same way. This module runs in every
environment and needs nothing but Python.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

Facts = dict[str, Any]

READY, FACTS = "@ready", "@facts "  # engines write lines of their own before these


def race(warm: Callable[[], object], work: Callable[[], Facts]) -> None:
    """Do `warm`, say so, wait for a line of input, do `work` and hand back what it returns.

    Whatever else writes to standard output is silenced.
    """
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    warm()
    print(READY, file=answers, flush=True)
    sys.stdin.readline()
    print(FACTS + json.dumps(work()), file=answers, flush=True)


def together(commands: Sequence[Sequence[str]]) -> list[Facts]:
    """Start the commands, let all of them go when all are ready, and return their facts."""
    runners = [
        subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=_environment()
        )
        for command in commands
    ]
    try:
        for runner in runners:
            _said(runner, READY)
        for runner in runners:
            assert runner.stdin is not None
            runner.stdin.write("go\n")
            runner.stdin.flush()
        return [json.loads(_said(runner, FACTS)) for runner in runners]
    finally:
        for runner in runners:
            runner.kill()
            runner.wait()


def _said(runner: subprocess.Popen[str], mark: str) -> str:
    """Return what follows `mark` in the line that begins with it."""
    assert runner.stdout is not None
    for line in runner.stdout:
        if line.startswith(mark):
            return line.removeprefix(mark)
    raise RuntimeError(f"a worker ended without a word: {runner.args!r}")


def _environment() -> dict[str, str]:
    """Leave threads to the settings of each renderer, so that none takes more than its share."""
    single = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    return {**os.environ, **single}


class Clock:
    """Seconds of the clock and of this process's processors between its making and a call."""

    def __init__(self) -> None:
        self._wall, self._cpu = time.perf_counter(), time.process_time()

    def __call__(self) -> tuple[float, float]:
        return time.perf_counter() - self._wall, time.process_time() - self._cpu
