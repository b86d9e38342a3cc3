"""What happens around every command: errors to exit codes, progress to bars, results to words."""

from __future__ import annotations

import json as jsonlib
import logging
import os
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer

from abbild.core import AbbildError, InconclusiveError

__all__ = ["Shell", "run_command"]


@dataclass(frozen=True)
class Shell:
    """Words for the user; nothing is printed when quiet, and only JSON ends up on stdout last."""

    quiet: bool
    json: bool

    def say(self, text: str = "") -> None:
        """Print a line of result, unless the user wants quiet or JSON alone."""
        if not self.quiet and not self.json:
            typer.echo(text)

    def needs_out(self, out: Path | None) -> Path:
        """Return `out`, which this command cannot do without."""
        if out is None:
            raise AbbildError("no run folder was named", hint="pass -o FOLDER")
        return out

    def schema(self, source: str, out: Path | None, **options: Any) -> dict[str, Any]:
        """Guess the kinds of a table, show them and write them where the user can edit them."""
        from abbild.cli.words import write_guessed_schema  # noqa: PLC0415 - light `--help`

        return write_guessed_schema(self, source, out, **options)

    def verdicts(self, run: Any, **more: Any) -> dict[str, Any]:
        """Print the first screen of the report."""
        from abbild.cli.words import say_verdicts  # noqa: PLC0415

        return {**say_verdicts(self, run), **more}

    def more(self, model: Path, out: Path, **how: Any) -> dict[str, Any]:
        """Draw more rows, write them and say how much they weigh."""
        from abbild.cli.words import write_more  # noqa: PLC0415

        return write_more(self, model, out, **how)

    def pictures(self, made: Any) -> dict[str, Any]:
        """Print what became of a data set of images."""
        from abbild.cli.words import say_pictures  # noqa: PLC0415

        return say_pictures(self, made)

    def sheet(self, sheet: Any) -> dict[str, Any]:
        """Print how many pictures are on a contact sheet."""
        self.say(f"{sheet.images} image{'s' * (sheet.images != 1)} -> {sheet.file}")
        if sheet.failed:
            self.say(f"{sheet.failed} could not be made: {sheet.reason}")
        return {"file": str(sheet.file), "images": sheet.images, "failed": sheet.failed}

    def demo(self, out: Path, *, seed: int, force: bool) -> dict[str, Any]:
        """Run every part of the demonstration."""
        from abbild.cli.demo import run_demo  # noqa: PLC0415

        return run_demo(self, out, seed=seed, force=force)

    def list(self) -> dict[str, Any]:
        """Print what is installed."""
        from abbild.cli.listing import say_list  # noqa: PLC0415

        return say_list(self)

    def doctor(self) -> dict[str, Any]:
        """Print what works here."""
        from abbild.cli.doctor import say_doctor  # noqa: PLC0415

        return say_doctor(self)


def run_command(
    call: Callable[[Shell], dict[str, Any]],
    *,
    quiet: bool,
    json: bool,
    out: Path | None = None,
) -> None:
    """Run `call`; translate its outcome into words, JSON and an exit code."""
    shell = Shell(quiet, json)
    code, result = 0, {}
    try:
        with _progress(show=not quiet and sys.stderr.isatty()):
            result = call(shell)
    except AbbildError as error:
        code = 3 if isinstance(error, InconclusiveError) else 2
        result = {"error": error.args[0], "hint": error.hint}
        typer.echo(f"error: {error}", err=True)
    except BrokenPipeError:  # whoever read our output has seen enough, such as `head`
        sys.stdout = Path(os.devnull).open("w")  # noqa: SIM115 - to the process' end
    except KeyboardInterrupt:
        code, result = 130, {"error": "interrupted"}
        typer.echo("interrupted; the same command goes on where it stopped", err=True)
    except Exception as error:  # noqa: BLE001 - the one place where our own mistakes end up
        code, result = 1, {"error": f"{type(error).__name__}: {error}"}
        _report_own_mistake(error, out)
    if json:
        typer.echo(jsonlib.dumps({"exit_code": code, **result}, ensure_ascii=False, default=str))
    if code:
        raise typer.Exit(code)


def _report_own_mistake(error: Exception, out: Path | None) -> None:
    text = "".join(traceback.format_exception(error))
    typer.echo(text, err=True)
    log = out / "log.jsonl" if out is not None and out.is_dir() else None
    if log is not None:
        with log.open("a", encoding="utf-8") as file:
            file.write(jsonlib.dumps({"level": "error", "traceback": text}) + "\n")
    where = f"; the log is {log}" if log is not None else ""
    typer.echo(f"error: this is a mistake in Abbild, not yours{where}", err=True)


@contextmanager
def _progress(*, show: bool) -> Iterator[None]:
    """Draw a bar for each stage the library reports; silent when nobody looks."""
    if not show:
        yield
        return
    from abbild.cli.bars import Bars  # noqa: PLC0415 - rich is slow to import

    with Bars() as bars:
        log = logging.getLogger("abbild.progress")
        level = log.level
        log.addHandler(bars)
        log.setLevel(logging.INFO)
        try:
            yield
        finally:
            log.setLevel(level)
            log.removeHandler(bars)
