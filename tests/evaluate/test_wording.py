"""Sentences tell how much, in words anyone can picture and any terminal can print."""

import pytest

from abbild.core import Seed
from abbild.evaluate import judge
from abbild.evaluate.wording import odds, share, signed, things

from .population import SCHEMA, people, shuffled

TRAIN, HOLDOUT = people(400, "train"), people(200, "holdout")


@pytest.mark.parametrize(
    ("chance", "words"),
    [
        (0.517, ("52 times in 100", "50")),
        (0.8, ("80 times in 100", "50")),
        (0.5, ("50 times in 100", "50")),
        (0.5042, ("504 times in 1,000", "500")),
    ],
)
def test_a_chance_that_is_not_one_half_is_not_written_as_one_half(chance, words):
    assert odds(chance) == words


def test_numbers_in_sentences():
    assert [signed(v) for v in (-0.0131, 0.0004, -0.0004, 0.25)] == [
        "-0.013", "0.000", "0.000", "+0.250",
    ]  # fmt: skip
    assert [share(v) for v in (0.103, 0.0092, 0.0, 1.0)] == ["10.3 %", "0.92 %", "0.0 %", "100.0 %"]
    assert [things(n, "row") for n in (0, 1, 2000)] == ["0 rows", "1 row", "2,000 rows"]


@pytest.mark.parametrize("rows", [TRAIN, shuffled(TRAIN, "columns")], ids=["copy", "shuffled"])
def test_every_terminal_can_print_the_verdicts(rows):
    found = judge(TRAIN, HOLDOUT, rows, SCHEMA, seed=Seed(0), arms=False)
    for said in [v.sentence for v in found.verdicts.values()] + found.notes:
        assert said.encode("ascii")


def test_a_leak_is_told_with_its_size():
    found = judge(TRAIN, HOLDOUT, TRAIN, SCHEMA, seed=Seed(0), arms=False).verdicts["privacy"]
    assert found.level == "leak found"
    assert found.sentence.startswith("Leak found, large: of two people, one of whom was in the")
    assert "picks the right one 100 times in 100, a guess 50 (AUC 1.000" in found.sentence
