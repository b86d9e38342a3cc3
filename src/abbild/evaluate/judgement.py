"""What judging returns, and how much it may cost."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeVar

from abbild.core import Score

__all__ = ["Effort", "Findings", "Judgement", "Profile", "Verdict"]

T = TypeVar("T")
Profile = Literal["quick", "release", "audit"]


class Findings(list[Score]):
    """Scores of a metric, and the evidence behind them for the report.

    A metric may return a plain list of scores; one that has pictures to show returns this.

    Attributes
    ----------
    evidence : plain lists, dicts, numbers and strings, one entry per section of the report
    notes : what the reader must know about how it was measured, one sentence each
    """

    def __init__(
        self,
        scores: Iterable[Score],
        evidence: Mapping[str, Any] | None = None,
        notes: Iterable[str] = (),
    ) -> None:
        super().__init__(scores)
        self.evidence: dict[str, Any] = dict(evidence or {})
        self.notes: list[str] = list(notes)


@dataclass(frozen=True, slots=True, eq=False)
class Effort:
    """How much a judgement may cost. A metric that takes ``effort`` is told.

    Attributes
    ----------
    rows : most rows of each table that are looked at; more are thinned at random
    targets : most targets models are trained for
    repeats : training seeds of each model
    candidates : most people on either side of a membership attack
    detected : most rows a side the detection test is trained on
    triples : most column triples compared
    once : results that depend on real data alone, so that the arms of one judgement share them
    """

    rows: int = 20_000
    targets: int = 3
    repeats: int = 2
    candidates: int = 3_000
    detected: int = 20_000
    triples: int = 1_000
    once: dict[str, Any] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, profile: Profile) -> Effort:
        """Return the effort of a named profile."""
        if profile == "quick":
            return cls()
        if profile == "release":
            return cls(rows=100_000, targets=8, repeats=3, candidates=5_000, detected=100_000)
        return cls(rows=200_000, targets=20, repeats=5, candidates=10_000, detected=200_000)

    def lighter(self) -> Effort:
        """Return the effort for a null arm, whose answer is known: fewer repeats, wider intervals.

        Results that depend on real data alone are still shared.
        """
        return replace(
            self,
            targets=max(1, self.targets // 2),
            repeats=1,
            candidates=self.candidates // 2,
            detected=self.detected // 4,
        )

    def shared(self, key: str, make: Callable[[], T]) -> T:
        """Return what `make` made the first time `key` was asked for."""
        if key not in self.once:
            self.once[key] = make()
        found: T = self.once[key]
        return found


@dataclass(frozen=True, slots=True)
class Verdict:
    """An answer in plain words.

    Attributes
    ----------
    question : what a user asks
    level : the answer in one or a few words, from a fixed set for each question
    sentence : the answer with its interval, one sentence
    scores : the scores it rests on
    """

    question: str
    level: str
    sentence: str
    scores: tuple[Score, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Judgement:
    """Everything measured about one synthetic table.

    Attributes
    ----------
    arms : scores of the synthetic table and of the null arms, by arm
    evidence : what stands behind the scores of the synthetic table, see docs/report-format.md
    verdicts : answers by question: "useful", "privacy", "overfit", "faithful"
    notes : what the reader must know about how it was measured, one sentence each
    """

    arms: dict[str, list[Score]]
    evidence: dict[str, Any]
    verdicts: dict[str, Verdict]
    notes: list[str]
