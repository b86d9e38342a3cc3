"""Plant bugs one at a time; every one must fail a test. Not collected by pytest: run it by hand.

    .venv/bin/python tests/mutate.py            # all
    .venv/bin/python tests/mutate.py core       # those whose file starts with this

A survivor is a hole in the tests, not in the code: sharpen the test, then run it again.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
ALWAYS = ["tests/test_contracts.py", "tests/test_architecture.py"]


@dataclass(frozen=True)
class Bug:
    """`old` becomes `new` once in `file`, which lies under ``src/abbild``."""

    file: str
    old: str
    new: str


BUGS = [
    Bug("core/seed.py", "repr(self.path).encode()", 'b""'),
    Bug("core/seed.py", "repr((self.root, *self.path))", "repr(self.path)"),
    Bug("core/seed.py", "repr(self.path).encode()", '"".join(self.path).encode()'),
    Bug("core/errors.py", "super().__init__(message)", "super().__init__(message, hint)"),
    Bug("core/score.py", "self.low <= self.baseline <=", "self.low < self.baseline <"),
    Bug("core/schema.py", "elif v != f.default:", "elif v:"),
    Bug("core/schema.py", 'str(data["name"])', 'data["name"]'),
    Bug("core/schema.py", "if len(set(names)) != len(names):", "if False:"),
    Bug(
        "core/schema.py",
        "_LEVELS = frozenset({Kind.BOOLEAN",
        "_LEVELS = frozenset({Kind.TEXT, Kind.BOOLEAN",
    ),
    Bug("core/dataset.py", "rows.start // block * block", "rows.start"),
    Bug("core/dataset.py", "(want := described.names)", "(want := have)"),
    Bug("core/discretizer.py", 'side="right"', 'side="left"'),
    Bug(
        "core/discretizer.py",
        "len(self.levels) + 1, len(self.levels))",
        "len(self.levels), len(self.levels))",
    ),
    Bug(
        "core/discretizer.py",
        "(-count[i].as_py(), str(names[i]))",
        "(count[i].as_py(), str(names[i]))",
    ),
    Bug("core/discretizer.py", "np.where(np.isnan(x), len(self.edges) + 1, codes)", "codes"),
    Bug("core/artifact.py", "allow_pickle=False", "allow_pickle=True"),
    Bug(
        "core/artifact.py",
        "own = isinstance(kind, type) and kind.__module__ == module",
        "own = True",
    ),
    Bug("core/artifact.py", 'if module.split(".")[0] in trusted and', "if"),
    Bug("core/artifact.py", "value.hex()", 'f"{value:.6g}"'),
    Bug("core/artifact.py", "BadZipFile, zlib.error", "zlib.error"),
    Bug("core/table.py", 'path.with_name(path.name + ".part")', "path"),
    Bug("core/table.py", ".replace_schema_metadata(None)\n\n\n@context", "\n\n\n@context"),
    Bug("core/table.py", "(OutputError, ConnectionError, TimeoutError)", "(OutputError,)"),
    Bug("core/table.py", "if isinstance(value, float) and not math.isfinite(value)", "if False"),
    Bug("core/registry.py", "names(kind))", "[])"),
    Bug(
        "core/registry.py", "if len(targets := {point.value for point in found}) > 1:", "if False:"
    ),
    Bug("core/track.py", "now - last >= 0.5", "True"),
    Bug("runs.py", "sort_keys=True", "sort_keys=False"),
    Bug("runs.py", "fcntl.LOCK_EX | fcntl.LOCK_NB", "fcntl.LOCK_SH | fcntl.LOCK_NB"),
    Bug("runs.py", "elif strange := _parts(path):", "elif strange := []:"),
    Bug("core/seed.py", "import numpy as np\n", "import numpy as np\nimport scipy\n"),
    Bug("execute/serial.py", "**keywords)", ")"),
    Bug("execute/blocks.py", "rows.start // step * step", "rows.start"),
    Bug("execute/blocks.py", "-(-LEAST // block)", "1"),
    Bug("execute/blocks.py", "return [rows]", "return []"),
    Bug("execute/processes.py", "pending.popleft()", "pending.pop()"),
    Bug("execute/processes.py", "AHEAD = 2 ", "AHEAD = 200 "),
    Bug("execute/processes.py", "self._pool = None  # the next", "pass  # the next"),
    Bug("execute/processes.py", "parent.join()\n        os._exit(1)", "parent.join()"),
    Bug("execute/processes.py", "@lru_cache(maxsize=1)\n", ""),
    Bug("core/artifact.py", 'getattr(whole, "check", lambda: None)()', "pass"),
    Bug("core/artifact.py", " and value.dtype.isnative", ""),
    Bug("core/artifact.py", "and not isinstance(value, bool)", ""),
    Bug("tables/tree_checks.py", "(child > inner) & ", "(child >= inner) & "),
    Bug("tables/tree_checks.py", "child + 1 < len", "child < len"),
    Bug("tables/tree_checks.py", "index.max() < size", "index.max() <= size"),
    Bug("tables/tree_checks.py", "(at[1:] >= at[:-1]).all()", "True"),
    Bug("tables/tree_checks.py", "and _counts(forest)", ""),
    Bug("tables/tree_checks.py", "drawn[forest.predictors].all()", "True"),
    Bug("tables/tree_checks.py", "and inner & (inner + 1) == 0", ""),
    Bug("tables/codecs/knots.py", "target = max(self.k,", "target = max(1,"),
    Bug("tables/codecs/knots.py", "if alone and distinct[at] == own:", "if False:"),
    Bug("tables/codecs/level.py", "stats.units >= k", "stats.units >= k - 1"),
    Bug(
        "tables/codecs/level.py", "codes[there], units[there]", "codes[there], units[:there.sum()]"
    ),
    Bug("tables/codecs/quantity.py", "np.clip(index, codec.knots[0], codec.knots[-1])", "index"),
    Bug("tables/codecs/key.py", "range(codec.digits, 19)", "range(codec.digits - 1, 19)"),
    Bug("tables/codecs/personal.py", "np.uint64(2**63) + codes", "np.uint64(0) + codes"),
    Bug("tables/codecs/text.py", "who[parents]", "np.arange(len(parents), dtype=np.uint64)"),
    Bug("tables/forest.py", "n, -1) for p, n", "n, p[2]) for p, n"),
    Bug("tables/forest_draw.py", "nodes.sums[j] <= x", "nodes.sums[j] < x"),
    Bug("tables/forest_draw.py", "(b > nodes.cut[v])", "(b >= nodes.cut[v])"),
    Bug(
        "source/split.py",
        "len(encoded.dictionary) + np.arange",
        "len(encoded.dictionary) + 0 * np.arange",
    ),
    Bug(
        "source/split.py",
        "held = pa.array(rank[groups] < aside)",
        "held = pa.array(rank[groups] <= aside)",
    ),
    Bug("source/canonical.py", "closed or column.public", "closed"),
    Bug("source/canonical.py", "safe=not coarser", "safe=True"),
    Bug("source/infer.py", "kind.tz is None and _at_midnight", "_at_midnight"),
    Bug("source/infer.py", "np.abs(finite).max() < 2.0**53", "True"),
    Bug("evaluate/marginals.py", "0 < self.count < LEAST", "0 < self.count < LEAST - 1"),
    Bug("evaluate/marginals.py", "[0.02, 0.98]", "[0.0, 1.0]"),
    Bug("tables/forest_leaves.py", "zs[:k].sort()", "pass"),
]


def copied(folder: Path) -> None:
    """Copy what the tests need to `folder`."""
    shutil.rmtree(folder, ignore_errors=True)
    for name in ("src", "tests", "docs"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, folder / name, ignore=ignored)
    for file in ROOT.glob("*.*"):
        if file.is_file():
            shutil.copy(file, folder)


def planted(bug: Bug, folder: Path) -> None:
    """Make `folder` a copy with the bug in it."""
    copied(folder)
    path = folder / "src" / "abbild" / bug.file
    text = path.read_text(encoding="utf-8")
    if bug.old not in text:
        raise SystemExit(f"{bug.file} no longer has {bug.old!r}: mend this list")
    path.write_text(text.replace(bug.old, bug.new, 1), encoding="utf-8")


def near(bug: Bug) -> str:
    """Return the folder, or for a module of the rim the file, of the tests that should catch it."""
    part = Path(bug.file).parts[0]
    return f"tests/test_{part}" if part.endswith(".py") else f"tests/{part}"


def refuse_red(chosen: list[Bug], folder: Path) -> None:
    """Stop if a test fails without a bug: it would seem to catch every one."""
    copied(folder)
    for tests in sorted({near(bug) for bug in chosen}):
        if red := failure(tests, folder):
            raise SystemExit(f"red before any bug was planted: {red}")


def caught(bug: Bug, folder: Path) -> str:
    """Return the name of the test that failed, empty if none did."""
    nearest = near(bug)
    first = failure(nearest, folder) if (folder / nearest).exists() else ""
    return first or next(filter(None, (failure(tests, folder) for tests in ALWAYS)), "")


def failure(tests: str, folder: Path) -> str:
    """Return the first failure of `tests` in `folder`, empty if there is none."""
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", tests],
        cwd=folder,
        env={
            **os.environ,
            "PYTHONPATH": str(folder / "src"),
            "NUMBA_CACHE_DIR": str(folder.parent / "kernels"),  # compiled once, not for each bug
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
    )
    failed = [x for x in run.stdout.splitlines() if x.startswith(("FAILED", "ERROR"))]
    return (failed or ["a crash"])[0] if run.returncode else ""


def main() -> int:
    """Plant every bug and say which survive; the exit code is their number."""
    chosen = [b for b in BUGS if b.file.startswith(tuple(sys.argv[1:] or [""]))]
    survivors = 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "tree"
        refuse_red(chosen, folder)
        for bug in chosen:
            planted(bug, folder)
            by = caught(bug, folder)
            survivors += not by
            word = "caught  " if by else "SURVIVED"
            print(word, bug.file, "|", bug.old[:40], "->", bug.new[:40], "|", by[:90], flush=True)  # noqa: T201
    print(len(chosen) - survivors, "of", len(chosen), "caught")  # noqa: T201
    return survivors


if __name__ == "__main__":
    raise SystemExit(main())
