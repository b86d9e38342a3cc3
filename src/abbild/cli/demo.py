"""The whole story on data that ships with the package; every later part adds itself here."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import abbild
from abbild.cli.words import say_verdicts
from abbild.data import adult_path

if TYPE_CHECKING:
    from abbild.cli.shell import Shell

__all__ = ["run_demo"]


def run_demo(shell: Shell, out: Path, *, seed: int, force: bool) -> dict[str, Any]:
    """Make and judge a proxy of the Adult census data (48,842 people, 15 columns)."""
    shell.say("A proxy of the Adult census data: rows that belong to nobody, and their worth.\n")
    run = abbild.proxy(adult_path(), out=out / "proxy", target="income", seed=seed, force=force)
    return {"parts": {"proxy": say_verdicts(shell, run)}}
