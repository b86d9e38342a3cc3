"""Results as words on a terminal: the guessed schema, the verdicts."""

from __future__ import annotations

import shutil
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from abbild.core import AbbildError
from abbild.pipeline import Run, draw_more
from abbild.source import format_for, mark, read, read_schema, write, write_schema

if TYPE_CHECKING:
    from abbild.cli.shell import Shell

__all__ = ["say_pictures", "say_verdicts", "write_guessed_schema", "write_more"]


def write_guessed_schema(
    shell: Shell,
    source: str,
    out: Path | None,
    *,
    schema: Path | None,
    unit: str | None,
    target: str | None,
) -> dict[str, Any]:
    """Show the kinds of `source` with their reasons and write them to a YAML file."""
    given = read_schema(schema) if schema else None
    loaded = read(Path(source), schema=given, unit=unit, target=target)
    table = Table("column", "kind", "reason", box=None, pad_edge=False, header_style="bold")
    for column in loaded.dataset.schema.table.columns:
        table.add_row(column.name, str(column.kind), column.reason)
    if not (shell.quiet or shell.json):
        Console().print(table)
    path = out if out is not None and out.suffix in {".yaml", ".yml"} else None
    path = path or (out / "schema.yaml" if out is not None else Path("schema.yaml"))
    if path.exists():
        raise AbbildError(f"{path} exists and is not overwritten", hint="name another file with -o")
    write_schema(loaded.dataset.schema, path)
    shell.say(f"\nwrote {path}: edit it and pass it with --schema {path}")
    return {"schema": str(path)}


def say_verdicts(shell: Shell, run: Run) -> dict[str, Any]:
    """Print each verdict in one sentence and where the evidence lies."""
    verdicts = run.report.content["verdicts"]
    for verdict in verdicts.values():
        shell.say(f"{verdict['question']} {verdict['level'].capitalize()}.")
        shell.say(_indented(verdict["sentence"]))
    for note in run.report.content.get("notes", []):
        if not note.startswith("The arm "):  # explained where the arms are shown
            shell.say(_indented(f"Note: {note}"))
    result: dict[str, Any] = {"verdicts": verdicts}
    if run.folder is not None:
        shell.say(f"Report: {run.folder / 'report.html'}")
        result |= {"folder": str(run.folder), "report": str(run.folder / "report.html")}
    return result


def say_pictures(shell: Shell, made: Any) -> dict[str, Any]:
    """Print what the survey of a data set of images says first, and where everything lies."""
    for finding in made.report["survey"]["findings"]:
        shell.say(_indented(finding["sentence"]).rstrip("\n"))
    shell.say(f"Images: {made.folder / 'images'}")
    shell.say(f"Labels: {made.folder / 'labels.parquet'}")
    shell.say(f"Report: {made.folder / 'report.html'}")
    return {
        "folder": str(made.folder),
        "images": made.images,
        "failed": made.failed,
        "report": str(made.folder / "report.html"),
    }


def _indented(text: str) -> str:
    """Wrap a sentence to the terminal, set in by two spaces."""
    width = min(shutil.get_terminal_size((100, 20)).columns, 100)
    return textwrap.fill(text, width, initial_indent="  ", subsequent_indent="  ") + "\n"


def write_more(shell: Shell, model: Path, out: Path, **how: Any) -> dict[str, Any]:
    """Draw more rows from `model` into the file `out`, whose ending chooses the format."""
    form = format_for(out)
    more = draw_more(model, **how)
    rows = write(more.tables, out, form, more.schema)
    mark(out)
    shell.say(f"{rows:,} rows -> {out}")
    if not more.exact:
        shell.say(
            f"They are importance-resampled: worth about {more.effective:,.0f} independent rows."
        )
    return {
        "file": str(out), "rows": rows, "exact": more.exact, "effective": more.effective
    }  # fmt: skip
