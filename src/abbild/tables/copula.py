"""Gaussian copula: each column keeps its distribution, pairs keep their correlation.

Every column has a hidden standard normal number: a score its own, a level or an atom an
interval of it. The correlation of two hidden numbers is the one that explains the covariance of
what can be seen of them (their conditional means given the cell), by Mehler's expansion.

References
----------
Olsson (1979), "Maximum likelihood estimation of the polychoric correlation coefficient";
Genz & Bretz (2009), "Computation of multivariate normal and t probabilities", section 4.2
(separation of variables, the conditional sampler here).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from abbild.core import Dataset, Seed, ShapeError
from abbild.tables.codecs import fit_codec
from abbild.tables.encoded import Encoded, Levels
from abbild.tables.latent import Dimension, assemble, dimensions, evidence, freed, truncated
from abbild.tables.marginals import LevelMarginal, ScoreMarginal, fit_marginals
from abbild.tables.model import Given, Within
from abbild.tables.sampler import TableSampler

__all__ = ["Copula", "CopulaModel"]

TERMS = 8  # of Mehler's expansion
_LIMIT = 0.999  # of a correlation

Floats = NDArray[np.float64]
Marginals = tuple[LevelMarginal | ScoreMarginal, ...]


@dataclass(frozen=True, slots=True)
class Copula:
    """Gaussian copula with latent thresholds for levels.

    Attributes
    ----------
    k : least number of people behind any value that is kept
    shrink : weight of the identity in the correlation matrix is ``shrink * d / (n + d)`` for d
        dimensions and n rows
    cells : at most so many cells (rows by columns) are used for the correlations
    """

    k: int = 5
    shrink: float = 1.0
    cells: int = 10_000_000

    def fit(self, data: Dataset, *, seed: Seed) -> TableSampler:
        """Learn distributions and correlations of the single table of `data`.

        Notes
        -----
        Cost is O(n d^2 + d^3) for n rows and d columns.
        """
        codec = fit_codec(data, k=self.k, seed=seed / "codec")
        encoded = codec.encode(data.table)
        most = max(self.cells // max(len(encoded.columns), 1), 1_000)
        if encoded.n > most:
            rows = np.sort((seed / "rows").rng().choice(encoded.n, most, replace=False))
            part = codec.encode(data.table.take(rows))
        else:
            part = encoded
        marginals = _arrange(fit_marginals(encoded), part)
        correlation = _correlation(marginals, part)
        d = max(len(correlation), 1)
        weight = min(1.0, self.shrink * d / (part.n + d))
        correlation = (1 - weight) * correlation + weight * np.eye(len(correlation))
        model = CopulaModel(marginals, _positive(correlation), encoded.target)
        return TableSampler(codec, model, "copula")


@dataclass(frozen=True, slots=True, eq=False)
class CopulaModel:
    """Distributions of the columns and the correlations of their hidden numbers.

    Attributes
    ----------
    correlation : (d, d) positive definite, of the hidden numbers in the order of `dimensions`
    """

    marginals: Marginals
    correlation: Floats
    target: str | None

    def check(self) -> None:
        """Refuse correlations there cannot be; called when a model is loaded. O(d^3)."""
        known, c = {marginal.name for marginal in self.marginals}, self.correlation
        d = len(dimensions(self.marginals))
        right = (
            len(known) == len(self.marginals)
            and self.target in (None, *known)
            and c.shape == (d, d)
            and np.allclose(c, c.T, rtol=0, atol=1e-9)
            and np.allclose(np.diag(c), 1.0, rtol=0, atol=1e-6)
        )
        if not right:
            raise ShapeError("the correlations do not fit the columns")
        np.linalg.cholesky(c)  # its error says that they are not positive definite

    def draw(
        self,
        rows: range,
        *,
        seed: Seed,
        given: Given | None = None,
        within: Within | None = None,
    ) -> tuple[Encoded, NDArray[np.float64]]:
        """Draw rows; exact without conditions, with given scores, and with one condition more.

        Hidden numbers that something is known of come first, each from its normal distribution
        given those before it, truncated to what is allowed; the probabilities of what is
        allowed multiply to the weight.
        """
        n = len(rows)
        every = dimensions(self.marginals)
        known = evidence(self.marginals, n, given, within)
        order = sorted(range(len(every)), key=lambda i: _rank(known.get(every[i])))
        factor = np.linalg.cholesky(self.correlation[np.ix_(order, order)])
        rng = seed.rng()
        noise = rng.standard_normal((len(order), n))
        v = rng.random((len(known), n))
        u: dict[Dimension, Floats] = {}
        log = np.zeros(n)
        for i in range(len(known)):
            dimension = every[order[i]]
            spans = freed(known[dimension], self.marginals, dimension, u)
            mean = factor[i, :i] @ noise[:i] if i else np.zeros(n)
            z, more = truncated(spans, mean, float(factor[i, i]), v[i])
            noise[i] = (z - mean) / factor[i, i]
            u[dimension] = ndtr(z)
            log += more
        z = factor @ noise
        for i in range(len(known), len(order)):
            u[every[order[i]]] = ndtr(z[i])
        return assemble(self.marginals, u, n, self.target), log


def _rank(spans: Floats | None) -> int:
    """Sort points first, then intervals, then what nothing is known of."""
    if spans is None:
        return 2
    return 0 if spans.shape[1] == 1 and bool((spans[:, 0, 0] == spans[:, 0, 1]).all()) else 1


def _arrange(marginals: Marginals, encoded: Encoded) -> Marginals:
    """Order the levels of nominal columns along the main direction of the other columns."""
    plain = [i for i, c in enumerate(encoded.columns) if not _nominal(c)]
    if not plain or len(plain) == len(encoded.columns):
        return marginals
    seen = np.column_stack([_visible(marginals[i], encoded, i) for i in plain])
    scale = seen.std(axis=0)
    seen = np.nan_to_num(seen) / np.where(scale > 0, scale, 1.0)
    _, vectors = np.linalg.eigh(seen.T @ seen)
    main = seen @ vectors[:, -1]
    out = list(marginals)
    for i, column in enumerate(encoded.columns):
        if isinstance(column, Levels) and _nominal(column):
            there = column.codes >= 0
            counts = np.bincount(column.codes[there], minlength=column.size)
            sums = np.bincount(column.codes[there], main[there], minlength=column.size)
            order = np.argsort(sums / (counts + 5), kind="stable")
            edges = np.diff(marginals[i].edges)[order]  # type: ignore[union-attr]
            edges = np.concatenate([[0.0], np.cumsum(edges)])
            edges[-1] = 1.0
            out[i] = LevelMarginal(column.name, column.size, column.ordered, order, edges)
    return tuple(out)


def _nominal(column: object) -> bool:
    return isinstance(column, Levels) and column.size > 2 and not column.ordered


def _visible(marginal: LevelMarginal | ScoreMarginal, encoded: Encoded, i: int) -> Floats:
    """Return the (n,) means of a hidden number given its cell; 0 where nothing is known."""
    column = encoded.columns[i]
    cells = column.codes if isinstance(column, Levels) else column.z
    low, high = marginal.spans(cells)  # type: ignore[arg-type]
    a, b = ndtri(low), ndtri(high)
    width = high - low
    mean = (_density(a) - _density(b)) / np.where(width > 0, width, 1.0)
    return np.where(width > 0, mean, np.where(np.isfinite(a), a, 0.0))


def _density(z: Floats) -> Floats:
    return np.asarray(np.exp(-0.5 * z**2) / np.sqrt(2 * np.pi))


def _correlation(marginals: Marginals, encoded: Encoded) -> Floats:
    """Return the (d, d) correlations of the hidden numbers."""
    every = dimensions(marginals)
    seen = np.zeros((encoded.n, len(every)))
    there = np.ones((encoded.n, len(every)))
    terms = np.zeros((len(every), TERMS))
    for d, dimension in enumerate(every):
        column, marginal = encoded.columns[dimension.column], marginals[dimension.column]
        known = column.codes >= 0 if isinstance(column, Levels) else ~np.isnan(column.z)
        if dimension.missing and isinstance(marginal, ScoreMarginal):
            share = np.array([0.0, marginal.missing, 1.0])
            marginal = LevelMarginal("", 2, False, np.arange(2), share)
            low, high = marginal.spans(known.astype(np.int32))
            seen[:, d] = (_density(ndtri(low)) - _density(ndtri(high))) / (high - low)
        else:
            seen[:, d] = np.where(known, _visible(marginal, encoded, dimension.column), 0.0)
            there[:, d] = known
        terms[d] = _terms(marginal)
    counts = there.T @ there
    sums = seen.T @ there  # (d, d): sum of i where j is there too
    covariance = (seen.T @ seen - sums * sums.T / np.maximum(counts, 1)) / np.maximum(counts, 1)
    out = _solve(covariance, terms)
    np.fill_diagonal(out, 1.0)
    return np.where(counts < 3, np.eye(len(out)), out)


def _terms(marginal: LevelMarginal | ScoreMarginal) -> Floats:
    """Return (TERMS,) coefficients of the visible mean in normalised Hermite polynomials.

    The m-th is ``E[s He_m(g)] / sqrt(m!)`` for the hidden g and its mean s given the cell; for a
    column without cells of any width, s = g and only the first is not zero.
    """
    if isinstance(marginal, LevelMarginal):
        low, high = marginal.edges[:-1], marginal.edges[1:]
    else:
        low, high = marginal.low, marginal.high
    low, high = low[high > low], high[high > low]
    a, b = ndtri(low), ndtri(high)
    mean = (_density(a) - _density(b)) / (high - low)
    out = np.zeros(TERMS)
    out[0] = 1.0 if isinstance(marginal, ScoreMarginal) else 0.0
    factorial = 1.0
    for m in range(1, TERMS + 1):
        factorial *= m
        inside = _integral(m, a, b)
        out[m - 1] += float(mean @ inside) / np.sqrt(factorial)
        if isinstance(marginal, ScoreMarginal):
            # outside the cells s = g: take out what lies inside, g He_m = He_{m+1} + m He_{m-1}
            own = _integral(m + 1, a, b) + m * _integral(m - 1, a, b)
            out[m - 1] -= float(own.sum()) / np.sqrt(factorial)
    return out


def _integral(m: int, a: Floats, b: Floats) -> Floats:
    """Return the integrals of He_m(g) times the normal density from `a` to `b`."""
    if m == 0:
        return np.asarray(ndtr(b) - ndtr(a))
    return _weighted_hermite(m - 1, a) - _weighted_hermite(m - 1, b)


def _weighted_hermite(m: int, x: Floats) -> Floats:
    """Return He_m(x) times the normal density, 0 at infinity."""
    finite = np.where(np.isfinite(x), x, 0.0)
    before, now = np.zeros_like(finite), np.ones_like(finite)
    for i in range(m):
        before, now = now, finite * now - i * before
    return np.where(np.isfinite(x), now * _density(finite), 0.0)


def _solve(covariance: Floats, terms: Floats) -> Floats:
    """Find for each pair the correlation r with ``sum(r**m a_m b_m) = covariance`` by bisection."""
    low = np.full(covariance.shape, -_LIMIT)
    high = np.full(covariance.shape, _LIMIT)
    for _ in range(30):
        r = (low + high) / 2
        value = np.zeros_like(r)
        for m in reversed(range(TERMS)):
            value = r * (value + np.outer(terms[:, m], terms[:, m]))
        below = value < covariance
        low, high = np.where(below, r, low), np.where(below, high, r)
    flat = np.outer(terms[:, 0], terms[:, 0]) < 1e-9
    out = np.where(flat, 0.0, (low + high) / 2)
    return (out + out.T) / 2


def _positive(correlation: Floats) -> Floats:
    """Return the nearest matrix with eigenvalues of at least 1e-6 and a unit diagonal, roughly."""
    if not len(correlation):
        return correlation
    values, vectors = np.linalg.eigh(correlation)
    if values[0] < 1e-6:
        correlation = (vectors * np.maximum(values, 1e-6)) @ vectors.T
    scale = np.sqrt(np.diag(correlation))
    return np.asarray(correlation / np.outer(scale, scale))
