"""The contracts every spoke meets. Optional abilities are further protocols, never flags."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar, runtime_checkable

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from abbild.core.dataset import Batch, Dataset
from abbild.core.schema import Schema
from abbild.core.score import Score
from abbild.core.seed import Seed

A = TypeVar("A")
B = TypeVar("B")


@runtime_checkable
class Sampler(Protocol):
    """A source of synthetic rows: a fitted model, a scene program or a prompted LLM."""

    @property
    def block(self) -> int:
        """Natural number of rows drawn together: 4,096 table rows, 8 images, 1 text."""
        ...

    def sample(self, rows: range, *, seed: Seed) -> Batch:
        """Draw the rows with these absolute numbers.

        Row 17 of one seed is the same row however the range around it is cut, so any sharding
        gives the same bytes, and a longer run starts with the shorter one.
        """
        ...


class Synthesizer(Protocol):
    """Hyper-parameters only. Fitting returns a new value, so nothing is ever half-fitted."""

    def fit(self, data: Dataset, *, seed: Seed) -> Sampler:
        """Learn from `data`; the result holds no row of it unless its class says so."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class ConditionedBatch:
    """Rows that satisfy a condition.

    Attributes
    ----------
    batch : the rows
    effective : effective sample size of the draw, in rows; equals the number of rows when the
        draw is exact
    exact : whether the rows follow the model's conditional distribution exactly
    """

    batch: Batch
    effective: float
    exact: bool


@runtime_checkable
class Conditional(Protocol):
    """A sampler that can be told part of the answer."""

    def sample_given(self, given: pa.Table, *, seed: Seed) -> ConditionedBatch:
        """Draw one row for each row of `given`, whose columns are kept as they are."""
        ...


@runtime_checkable
class Density(Protocol):
    """A sampler that knows how likely a row is."""

    def log_prob(self, data: Dataset) -> NDArray[np.float64]:
        """Return (n,) natural logarithms of the density of each row."""
        ...


@runtime_checkable
class Imputer(Protocol):
    """A sampler that fills in missing values."""

    def impute(self, data: Dataset, *, seed: Seed) -> Dataset:
        """Return `data` with every null drawn from the model given the rest of its row."""
        ...


@runtime_checkable
class Private(Protocol):
    """A sampler made under differential privacy."""

    @property
    def spent(self) -> tuple[float, float]:
        """(epsilon, delta) spent in all, every look at the data counted."""
        ...


class Metric(Protocol):
    """One question about synthetic data; a plain function is enough."""

    def __call__(
        self,
        train: pa.Table,
        holdout: pa.Table | None,
        synthetic: pa.Table,
        schema: Schema,
        *,
        seed: Seed,
    ) -> list[Score]:
        """Answer with scores; what cannot be computed is a `Score.not_computed` saying why."""
        ...


class Embedder(Protocol):
    """How a modality shows itself to the judges."""

    def __call__(self, table: pa.Table) -> NDArray[np.float64]:
        """Return (n, d) features on comparable scales."""
        ...


class Model(Protocol):
    """A trained target model."""

    def predict(self, table: pa.Table) -> pa.Table:
        """Return one row of predictions for each row of `table`."""
        ...


class Target(Protocol):
    """A kind of model a user trains on the data; its gain is what Abbild is for."""

    def train(self, dataset: Dataset, *, seed: Seed) -> Model:
        """Train on `dataset`."""
        ...


class Executor(Protocol):
    """Where work runs: here, in processes, on a cluster. Always an ordered map."""

    def map(
        self, fn: Callable[..., B], items: Iterable[A], *, shared: Mapping[str, Any] | None = None
    ) -> Iterator[B]:
        """Yield ``fn(item, **shared)`` in the order of `items`, with a bounded number in flight.

        `shared` is sent once to each worker, not once for each item.
        """
        ...
