"""Every column drawn from its own distribution: the null that all engines must beat."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from abbild.core import Dataset, Seed, ShapeError
from abbild.tables.codecs import fit_codec
from abbild.tables.encoded import Encoded
from abbild.tables.latent import Dimension, assemble, dimensions, evidence, freed, truncated
from abbild.tables.marginals import LevelMarginal, ScoreMarginal, fit_marginals
from abbild.tables.model import Given, Within
from abbild.tables.sampler import TableSampler

__all__ = ["Independent", "IndependentModel"]


@dataclass(frozen=True, slots=True)
class Independent:
    """Independent columns; no relation between two columns survives.

    Attributes
    ----------
    k : least number of people behind any value that is kept
    """

    k: int = 5

    def fit(self, data: Dataset, *, seed: Seed) -> TableSampler:
        """Learn the distribution of each column of the single table of `data`."""
        codec = fit_codec(data, k=self.k, seed=seed / "codec", related=False)
        encoded = codec.encode(data.table)
        model = IndependentModel(fit_marginals(encoded), encoded.target)
        return TableSampler(codec, model, "independent")


@dataclass(frozen=True, slots=True, eq=False)
class IndependentModel:
    """The distributions of the columns."""

    marginals: tuple[LevelMarginal | ScoreMarginal, ...]
    target: str | None

    def check(self) -> None:
        """Refuse columns of one name and an unknown target; called when a model is loaded."""
        known = {marginal.name for marginal in self.marginals}
        if len(known) != len(self.marginals) or self.target not in (None, *known):
            raise ShapeError("a column occurs twice, or the target is none of the columns")

    def draw(
        self,
        rows: range,
        *,
        seed: Seed,
        given: Given | None = None,
        within: Within | None = None,
    ) -> tuple[Encoded, NDArray[np.float64]]:
        """Draw rows; always exact, for the columns do not depend on each other."""
        n = len(rows)
        known = evidence(self.marginals, n, given, within)
        u: dict[Dimension, NDArray[np.float64]] = {}
        log = np.zeros(n)
        for dimension in dimensions(self.marginals):
            name = self.marginals[dimension.column].name
            v = (seed / name / str(dimension.missing)).rng().random(n)
            if dimension not in known:
                u[dimension] = v
                continue
            spans = freed(known[dimension], self.marginals, dimension, u)
            z, more = truncated(spans, np.zeros(n), 1.0, v)
            u[dimension] = ndtr(z)
            log += more
        return assemble(self.marginals, u, n, self.target), log
