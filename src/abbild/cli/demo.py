"""The whole story on data that ships with the package; every later part adds itself here."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import abbild
from abbild.cli.words import say_pictures, say_verdicts
from abbild.data import adult_path

if TYPE_CHECKING:
    from abbild.cli.shell import Shell

__all__ = ["run_demo"]


def run_demo(shell: Shell, out: Path, *, seed: int, force: bool) -> dict[str, Any]:
    """Make and judge a proxy of the Adult census data; then render labelled road signs."""
    shell.say("A proxy of the Adult census data: rows that belong to nobody, and their worth.\n")
    run = abbild.proxy(adult_path(), out=out / "proxy", target="income", seed=seed, force=force)
    parts = {"proxy": say_verdicts(shell, run)}
    shell.say("\nLabelled images of German road signs, made from a scene that is data.\n")
    made = abbild.render("road-signs", 86, out / "images", format="folders", seed=seed, force=force)
    return {"parts": {**parts, "images": say_pictures(shell, made)}}
