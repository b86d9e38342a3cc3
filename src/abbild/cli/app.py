"""Commands and their flags; each one parses, calls `abbild`, and prints what came of it."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Annotated, Any, cast

import typer

import abbild
from abbild.cli.shell import Shell, run_command

__all__ = ["app", "main"]

app = typer.Typer(
    name="abbild",
    help="Synthetic data, and the proof of what it is worth.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

Seed = Annotated[int, typer.Option(help="Same seed, same bytes.", min=0)]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors.")]
Json = Annotated[bool, typer.Option("--json", help="Last line of stdout is one JSON object.")]
Force = Annotated[bool, typer.Option("--force", help="Replace another run in the folder.")]
Out = Annotated[Path, typer.Option("--out", "-o", help="Run folder; made if missing.")]
Target = Annotated[str | None, typer.Option(help="Column to be predicted; learned best.")]
SchemaFile = Annotated[
    Path | None, typer.Option("--schema", help="Kinds and roles of the columns (YAML).")
]


@app.callback(invoke_without_command=True)
def _root(
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    if version:
        typer.echo(f"abbild {abbild.__version__}")
        raise typer.Exit


@app.command(epilog="Example: abbild proxy customers.csv --target churned -o out")
def proxy(
    source: Annotated[str, typer.Argument(help="Table file: CSV, Parquet, Excel, JSON lines ...")],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Run folder; made if missing.")
    ] = None,
    n: Annotated[
        int | None, typer.Option("-n", min=1, help="Rows to draw. [as many as were learned from]")
    ] = None,
    engine: Annotated[str, typer.Option(help="Name from `abbild list`; a,b,c compares.")] = "trees",
    preset: Annotated[str, typer.Option(help="conservative, default or quality.")] = "default",
    target: Target = None,
    unit: Annotated[
        str | None, typer.Option(help="Column naming the person a row belongs to, or none.")
    ] = None,
    holdout: Annotated[
        str, typer.Option(help="Share kept from the model as control, a FILE, or none.")
    ] = "0.2",
    schema: SchemaFile = None,
    write_schema: Annotated[
        bool, typer.Option("--write-schema", help="Only guess the kinds and write schema.yaml.")
    ] = False,
    rows_per_unit: Annotated[
        str, typer.Option(help="one; many treats a person's rows as strangers (and says so).")
    ] = "one",
    seed: Seed = 0,
    force: Force = False,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Make an anonymous proxy of a table, and a report on what it is worth."""

    def call(shell: Shell) -> dict[str, Any]:
        if write_schema:
            return shell.schema(source, out, schema=schema, unit=unit, target=target)
        run = abbild.proxy(
            source,
            out=shell.needs_out(out),
            n=n,
            engine=engine,
            preset=cast(Any, preset),  # checked by abbild.proxy
            target=target,
            unit=unit,
            holdout=holdout,
            schema=schema,
            rows_per_unit=cast(Any, rows_per_unit),
            seed=seed,
            force=force,
        )
        return shell.verdicts(run)

    run_command(call, quiet=quiet, json=json, out=out)


@app.command(epilog='Example: abbild sample out/model -n 1000 --where "age > 60" -o more.csv')
def sample(
    model: Annotated[Path, typer.Argument(help="Model folder of a run, such as out/model.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="File: .parquet, .csv, .jsonl ...")],
    n: Annotated[int | None, typer.Option("-n", min=1, help="Rows to draw.")] = None,
    where: Annotated[
        str | None, typer.Option(help="SQL condition that every row satisfies.")
    ] = None,
    given: Annotated[
        Path | None, typer.Option(help="File with columns to keep; the rest is drawn.")
    ] = None,
    seed: Seed = 0,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Draw more rows from a model, also under conditions (what if?)."""

    def call(shell: Shell) -> dict[str, Any]:
        return shell.more(model, out, n=n, where=where, given=given, seed=seed)

    run_command(call, quiet=quiet, json=json)


@app.command(
    epilog="Example: abbild audit synthetic.csv --train real.csv --holdout held.csv -o out"
)
def audit(
    synthetic: Annotated[Path, typer.Argument(help="Synthetic table, whoever made it.")],
    train: Annotated[Path, typer.Option(help="Rows it was made from.")],
    out: Out,
    holdout: Annotated[
        Path | None, typer.Option(help="Rows its maker never saw: the control of every attack.")
    ] = None,
    target: Target = None,
    schema: SchemaFile = None,
    profile: Annotated[str, typer.Option(help="quick, release or audit.")] = "quick",
    seed: Seed = 0,
    force: Force = False,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Judge synthetic data from anywhere with the same report."""

    def call(shell: Shell) -> dict[str, Any]:
        run = abbild.audit(
            synthetic, train=train, holdout=holdout, target=target, schema=schema,
            profile=cast(Any, profile), out=out, seed=seed, force=force,
        )  # fmt: skip
        return shell.verdicts(run)

    run_command(call, quiet=quiet, json=json, out=out)


Recipe = Annotated[str, typer.Argument(help="Name from `abbild list`, or a .yaml or .json file.")]
Size = Annotated[str | None, typer.Option(help="Pixels, such as 640x480. [as the recipe says]")]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", help="path=value, such as '/sky/clouds=uniform(0, 1)'; repeatable."),
]


@app.command(epilog="Example: abbild render road-signs -n 1000 --format folders -o signs")
def render(
    recipe: Recipe,
    out: Out,
    n: Annotated[int, typer.Option("-n", min=1, help="Scenes to draw.")],
    renderer: Annotated[str, typer.Option(help="quality or fast.")] = "quality",
    format: Annotated[
        str, typer.Option(help="Also write: folders,coco,yolo,... see `abbild list`.")
    ] = "",
    size: Size = None,
    set: Set = None,
    layers: Annotated[
        str, typer.Option(help="Keep as npz: instance,z,distance,normal,uv,...")
    ] = "",
    workers: Annotated[int, typer.Option(min=1, help="Processes; same bytes with any.")] = 1,
    seed: Seed = 0,
    force: Force = False,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Make labelled images of a scene."""

    def call(shell: Shell) -> dict[str, Any]:
        made = abbild.render(
            recipe, n, out, renderer=renderer, format=format, size=size, set=set or (),
            layers=layers, workers=workers, seed=seed, force=force,
        )  # fmt: skip
        return shell.pictures(made)

    run_command(call, quiet=quiet, json=json, out=out)


@app.command(epilog="Example: abbild preview road-signs -o signs.png")
def preview(
    recipe: Recipe,
    out: Annotated[Path, typer.Option("--out", "-o", help="PNG file.")],
    n: Annotated[int, typer.Option("-n", min=1, help="Scenes to draw.")] = 12,
    renderer: Annotated[str, typer.Option(help="quality or fast.")] = "fast",
    size: Size = None,
    set: Set = None,
    seed: Seed = 0,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Show a few images of a scene on one sheet, with their labels drawn."""

    def call(shell: Shell) -> dict[str, Any]:
        sheet = abbild.preview(
            recipe, out, n=n, renderer=renderer, size=size, set=set or (), seed=seed
        )
        return shell.sheet(sheet)

    run_command(call, quiet=quiet, json=json)


@app.command(epilog="Example: abbild demo -o demo")
def demo(
    out: Out = Path("abbild-demo"),
    seed: Seed = 0,
    force: Force = False,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Show the whole story on data that ships with the package."""

    def call(shell: Shell) -> dict[str, Any]:
        return shell.demo(out, seed=seed, force=force)

    run_command(call, quiet=quiet, json=json, out=out)


@app.command("list", epilog="Example: abbild list")
def list_(quiet: Quiet = False, json: Json = False, seed: Seed = 0) -> None:
    """Show every engine, metric, target and format installed, one line each."""
    run_command(lambda shell: shell.list(), quiet=quiet, json=json)


@app.command(epilog="Example: abbild doctor")
def doctor(quiet: Quiet = False, json: Json = False, seed: Seed = 0) -> None:
    """Say what works here, and the command that fixes the rest."""
    run_command(lambda shell: shell.doctor(), quiet=quiet, json=json)


def main() -> None:
    """Run the command line and leave with its exit code."""
    try:
        code = app(standalone_mode=False) or 0
    except Exception as mistake:  # typer brings a click of its own or not, by its version
        if not hasattr(mistake, "format_message"):
            raise
        code = _say_mistake(mistake)
    sys.stdout.flush()
    sys.stderr.flush()
    # Without the interpreter's own clean-up: at exit, worker threads of Arrow that are just being
    # started abort the process now and then, and a good run would end with the wrong code.
    os._exit(int(code))


def _say_mistake(mistake: Any) -> int:
    """Say what is wrong with the command line in one sentence, as JSON too if that was asked."""
    context = getattr(mistake, "ctx", None)
    hint = f"see {context.command_path} --help" if context is not None else "see abbild --help"
    message = mistake.format_message()
    typer.echo(f"error: {message}\n  hint: {hint}", err=True)
    if "--json" in sys.argv:
        typer.echo(json.dumps({"exit_code": 2, "error": message, "hint": hint}))
    return 2
