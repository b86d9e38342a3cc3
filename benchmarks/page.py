"""The page of results: a marked table for each data set, null rows, peers and machine included."""

from __future__ import annotations

import datetime
import os
import platform
import re
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from arms import kind_of, title
from cases import CASES, REPOSITORY
from scipy.stats import t

from abbild.core import atomically

Line = dict[str, Any]

COLUMNS = (  # score, head, factor, decimals
    ("detection_holdout", "detection, **holdout**", 1, 3),
    ("detection_train", "detection, train", 1, 3),
    ("wnmi", "wNMI", 1, 3),
    ("trivariate", "trivariate", 1, 3),
    ("usefulness", "usefulness", 1, 3),
    ("usefulness_gap", "gap to real", 1, 3),
    ("near_copies", "near copies, %", 100, 2),
    ("copies", "copies, %", 100, 2),
    ("membership_auc", "membership AUC", 1, 3),
    ("membership_tpr", "hits at 1 %, %", 100, 2),
)
PUBLISHED = {  # method, detection against train, wNMI, usefulness, near copies in %, GPU seconds
    "adult": (
        ("TabPC", 0.855, 0.993, 0.916, 1.90, 272),
        ("TabDiff", 0.841, 0.989, 0.913, 1.87, 11_605),
        ("TabSyn", 0.794, 0.986, 0.910, 1.68, 3_082),
        ("STaSy", 0.343, 0.974, 0.906, 0.98, 6_526),
        ("CTGAN", 0.000, 0.842, 0.862, 0.09, 3_798),
        ("TVAE", 0.000, 0.913, 0.871, 5.78, 1_310),
        ("independent columns", 0.016, 0.719, 0.516, 0.04, 1),
    )
}
SOURCE = (
    "Published, converged figures, not measured here: means of five models of the authors of TabPC "
    "(arXiv 2603.23016, result files in april-tools/tabpc), one GPU, 90 % of the rows to train and "
    "their own splits; against *train*, no holdout figure exists. The released outputs of "
    "TabularARGN and TabSyn, scored against rows whose part in training is unknown, reached 0.705 "
    "and 0.784."
)
HEAD = """# Benchmarks

Tables first, then images: renderers, real signs, real blood cells. How to read the tables and what
each number means: benchmarks/README.md. In those of table engines each cell is the mean over
seeds with the half-width of its 95 % interval (Student's t). Detection: 1 is indistinguishable from
real; it can be gamed against the training rows (see the row of copies), so the *holdout* leads.
Usefulness: a model trained on synthetic rows, tested on real ones; AUC, or R squared where the
target is a number. Near copies: ideal is 2 %. Membership: chance is 0.5; as the worst of six
attacks is shown, the row of the real holdout says where chance lies. Null rows are in italics.
"""


def update(
    path: Path, lines: Sequence[Line], data: Sequence[str], arms: Sequence[str], *, command: str
) -> None:
    """Replace the table of each data set in the page at `path`, or append it."""
    by_name = {name: [line for line in lines if line["key"][0] == name] for name in data}
    replace(path, [block(n, section(n, own, arms, command)) for n, own in by_name.items() if own])


def block(name: str, lines: Iterable[str]) -> tuple[str, str, str]:
    """Return the first mark, the text and the last mark of the part called `name`."""
    marks = [f"<!-- benchmark {name}: {place} -->" for place in ("begin", "end")]
    return marks[0], "\n".join(lines), marks[1]


def replace(path: Path, blocks: Iterable[tuple[str, str, str]]) -> None:
    """Put each block between its marks in the page at `path`; append those without marks."""
    text = path.read_text(encoding="utf-8") if path.exists() else HEAD
    for begin, body, end in blocks:
        new = f"{begin}\n{body}\n{end}"
        before, found, rest = text.partition(begin)
        if found:
            text = before + new + rest.partition(end)[2]
        else:
            text = text.rstrip("\n") + "\n\n" + new + "\n"
    with atomically(path) as part:
        part.write_text(text, encoding="utf-8", newline="\n")


def section(name: str, lines: Sequence[Line], arms: Sequence[str], command: str) -> Iterator[str]:
    """Yield the lines of one data set: what it is, the table, failures, machine and command."""
    case, rows = CASES[name], lines[0]["key"][3]
    yield f"## {name}"
    yield ""
    part = f" A random part of {rows} rows only." if rows else ""
    yield f"{_sentence(case.note)} Target: {case.target}.{part} Half of the rows to train."
    yield ""
    heads = ["", *(head for _, head, _, _ in COLUMNS), "CPU s, fit", "sample", "seeds"]
    yield "| " + " | ".join(heads) + " |"
    yield "|---" * len(heads) + "|"
    failures = []
    for arm in arms:
        own = [line for line in lines if line["key"][1] == arm]
        whole = [line for line in own if line["scores"]]
        if whole:
            yield "| " + " | ".join(_row(arm, whole)) + " |"
        failed = sorted({line["facts"]["error"] for line in own if not line["scores"]})
        failures += [f"{title(arm)}: {reason}." for reason in failed]
    yield ""
    yield from _bars(name, [line for line in lines if line["key"][1] == "trees"])
    for failure in failures:
        yield f"- {failure}"
    if failures:
        yield ""
    yield from _published(name)
    yield from _stamp(lines, command)


def _row(arm: str, lines: Sequence[Line]) -> Iterator[str]:
    yield title(arm)
    for score, _, factor, decimals in COLUMNS:
        yield _cell([factor * line["scores"][score] for line in lines], decimals)
    for stage in ("fit_cpu", "sample_cpu"):
        seconds = [line["facts"][stage] for line in lines if stage in line["facts"]]
        yield _cell(seconds, 1) if seconds else "–"
    yield str(len(lines))


def _cell(values: Sequence[float], decimals: int) -> str:
    """Return the mean with the half-width of its 95 % interval, which needs two values."""
    mean = f"{np.mean(values):.{decimals}f}"
    if len(values) < 2:
        return mean
    half = t.ppf(0.975, len(values) - 1) * np.std(values, ddof=1) / len(values) ** 0.5
    return f"{mean} ± {half:.{decimals}f}"


def _bars(name: str, lines: Sequence[Line]) -> Iterator[str]:
    """Say what the default engine had to reach and whether it did."""
    whole = [line["scores"] for line in lines if line["scores"]]
    words = []
    for score, head, factor, decimals in COLUMNS:
        if not whole or score not in CASES[name].bars:
            continue
        bar, is_least = CASES[name].bars[score], score == "detection_holdout"
        mean = float(np.mean([scores[score] for scores in whole]))
        met = "reached" if (mean >= bar if is_least else mean <= bar) else "missed"
        sign = ">=" if is_least else "<="
        words.append(f"{head} {sign} {factor * bar:g} ({factor * mean:.{decimals + 1}f}, {met})")
    if words:
        yield f"Bars of the default `trees`: {'; '.join(words)}."
        yield ""


def _published(name: str) -> Iterator[str]:
    if name not in PUBLISHED:
        return
    yield SOURCE
    yield ""
    yield "| published | detection, train | wNMI | usefulness | near copies, % | GPU s, fit |"
    yield "|---|---|---|---|---|---|"
    for method, detection, wnmi, useful, near, seconds in PUBLISHED[name]:
        yield (
            f"| {method} | {detection:.3f} | {wnmi:.3f} | {useful:.3f} | {near:.2f} | {seconds:,} |"
        )
    yield ""


def _stamp(lines: Sequence[Line], command: str) -> Iterator[str]:
    versions = {n: version(n) for n in ("numpy", "scikit-learn", "xgboost-cpu", "numba")}
    for line in lines:
        versions.update(line["facts"].get("versions", {}) if _is_peer(line) else {})
    shown = ", ".join(f"{package} {v}" for package, v in sorted(versions.items()))
    yield f"{measured()}, one thread a fit; {shown}."
    yield ""
    yield "```sh"
    yield command
    yield "```"


def _is_peer(line: Line) -> bool:
    return kind_of(line["key"][1]) == "peer"


def _commit() -> str:
    done = subprocess.run(
        ["git", "describe", "--always", "--dirty"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    return f" ({done.stdout.strip()})" if done.returncode == 0 else ""


def measured() -> str:
    """Say when, with which version and where something was measured."""
    today = datetime.datetime.now(datetime.UTC).date()
    return f"Measured {today} with abbild {version('abbild')}{_commit()} on {machine()}"


def machine() -> str:
    """Return processor, cores, system and Python in words."""
    return (
        f"{_processor()}, {os.cpu_count()} cores, {platform.system()} {platform.machine()}, "
        f"Python {platform.python_version()}"
    )


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        found = re.search(r"model name\s*:\s*(.+)", cpuinfo.read_text(encoding="utf-8"))
        if found:
            return found[1].strip()
    return platform.processor() or "unknown processor"


def _sentence(words: str) -> str:
    return words[0].upper() + words[1:] + "."
