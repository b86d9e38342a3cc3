"""What the documentation shows is run; what it links to is there.

Snippets of one page run in order in one folder, which holds the small tables named in `TABLES`.
``python`` snippets share their names; of ``sh`` snippets the commands of Abbild are run.
A snippet below ``<!-- skip: reason -->`` is not run and shows up as a skipped test.
"""

import contextlib
import io
import os
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from abbild.data import adult_path

ROOT = Path(__file__).parents[1]
PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
]
TABLES = {  # rows of the Adult table: first, last
    "my.csv": (0, 800),
    "train.csv": (0, 600),
    "holdout.csv": (600, 1200),
    "synthetic.csv": (1200, 1800),
}
FENCE = re.compile(
    r"^(?:<!-- *skip: *(?P<skip>.+?) *-->\s*\n)?```(?P<language>\w+)[^\n]*\n(?P<code>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)[^)]*\)")


@dataclass(frozen=True)
class Snippet:
    page: Path
    line: int
    language: str
    code: str
    skip: str | None

    def __str__(self):
        return f"{self.page.relative_to(ROOT).as_posix()}:{self.line}"


def snippets(page):
    text = page.read_text(encoding="utf-8")
    for found in FENCE.finditer(text):
        if found["language"] in ("sh", "python"):
            line = text.count("\n", 0, found.start("code")) + 1
            yield Snippet(page, line, found["language"], found["code"], found["skip"])


EVERY = [s for page in PAGES for s in snippets(page)]


def commands(snippet):
    """Return the commands of Abbild in a shell snippet, continued lines joined."""
    lines = snippet.code.replace("\\\n", " ").splitlines()
    return [shlex.split(line, comments=True)[1:] for line in lines if line.startswith("abbild ")]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    adult = pq.read_table(adult_path())
    for name, (first, last) in TABLES.items():
        pyarrow.csv.write_csv(adult.slice(first, last - first), tmp_path / name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run_sh(snippet):
    for arguments in commands(snippet):
        run = subprocess.run(
            [sys.executable, "-m", "abbild", *arguments],
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
            env={**os.environ, "PYTHONWARNINGS": "error::DeprecationWarning:abbild"},
        )
        said = f"{snippet}: abbild {shlex.join(arguments)}\n{run.stdout}\n{run.stderr}"
        assert run.returncode == 0, said


def run_python(snippet, names):
    code = compile("\n" * (snippet.line - 1) + snippet.code, str(snippet.page), "exec")
    with contextlib.redirect_stdout(io.StringIO()):
        exec(code, names)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
@pytest.mark.usefixtures("folder")
def test_snippets_run(page):
    names = {"__name__": "__main__"}
    for snippet in snippets(page):
        if snippet.skip is None:
            run_sh(snippet) if snippet.language == "sh" else run_python(snippet, names)


@pytest.mark.parametrize("snippet", [s for s in EVERY if s.skip is not None], ids=str)
def test_snippets_not_run(snippet):
    assert len(snippet.skip) > 5
    pytest.skip(snippet.skip)


def anchors(page):
    headings = re.findall(r"^#+ +(.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page):
    for target in LINK.findall(page.read_text(encoding="utf-8")):
        if re.match(r"https?:|mailto:", target):
            continue
        path, _, anchor = target.partition("#")
        goal = (page.parent / path).resolve() if path else page
        assert goal.exists(), target
        assert goal.is_relative_to(ROOT), target
        if anchor and goal.suffix == ".md":
            assert anchor in anchors(goal), target


def test_the_readme_is_short():
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 150


DECISION = ("## Context", "## Decision", "## Consequence", "## How we would notice it was wrong")


@pytest.mark.parametrize(
    "page", sorted((ROOT / "docs" / "decisions").glob("*.md")), ids=lambda p: p.stem
)
def test_a_decision_says_how_we_would_notice_it_was_wrong(page):
    text = page.read_text(encoding="utf-8")
    assert re.match(r"\d{4}-[a-z0-9-]+\.md", page.name)
    assert [h for h in DECISION if h in text] == list(DECISION)
    assert len(text.splitlines()) <= 80


def test_the_rules_for_snippets_hold(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(
        "```sh\npip install abbild\nabbild list  # all\nabbild doctor \\\n  --json\n```\n\n"
        "<!-- skip: needs a network -->\n```python\n1 / 0\n```\n\n```text\nabbild no\n```\n"
    )
    first, second = snippets(page)
    assert commands(first) == [["list"], ["doctor", "--json"]]
    assert (first.line, first.skip, second.skip) == (2, None, "needs a network")
    with pytest.raises(ZeroDivisionError):
        run_python(second, {})
