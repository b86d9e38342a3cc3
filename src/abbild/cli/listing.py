"""What is installed, one line each, without importing any of it."""

from __future__ import annotations

import ast
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from abbild.source import FORMATS

if TYPE_CHECKING:
    from abbild.cli.shell import Shell

__all__ = ["say_list"]

_KINDS = {"synthesizers": "engines", "metrics": "metrics", "targets": "target models"}


def say_list(shell: Shell) -> dict[str, Any]:
    """Print engines, metrics, target models and file formats with one line each."""
    found: dict[str, dict[str, str]] = {}
    for group in sorted(g for g in entry_points().groups if g.startswith("abbild.")):
        kind = group.removeprefix("abbild.")
        points = sorted(entry_points(group=group), key=lambda p: p.name)
        found[_KINDS.get(kind, kind)] = {p.name: _first_line(p) for p in points}
    found["formats"] = dict(FORMATS)
    for kind, entries in found.items():
        shell.say(f"{kind}")
        width = max(map(len, entries), default=0)
        for name, line in entries.items():
            shell.say(f"  {name:<{width}}  {line}")
        shell.say()
    return found


def _first_line(point: EntryPoint) -> str:
    """Return the first line of the docstring, read from the source so that nothing is run."""
    spec = find_spec(point.module)
    if spec is None or spec.origin is None:
        return "(not found: reinstall its package)"
    tree = ast.parse(Path(spec.origin).read_text(encoding="utf-8"))
    for node in tree.body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and node.name == point.attr:
            return (ast.get_docstring(node) or "").split("\n")[0]
    return ""
