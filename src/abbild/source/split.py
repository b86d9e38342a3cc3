"""Train and holdout, apart by person; and what a unit that repeats means."""

from __future__ import annotations

import hashlib
import re
from numbers import Real
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from abbild.core import (
    Dataset,
    Kind,
    NotEnoughDataError,
    RepeatedUnitError,
    SchemaError,
    Seed,
)
from abbild.source import naming
from abbild.source.counts import counted

_FEW = 10  # fewer different values than this are levels, not people
_PERSONAL = (Kind.EMAIL, Kind.IBAN, Kind.PHONE)
_SHARE = re.compile(r"([-+]?(?:\d+(?:[.,]\d*)?|[.,]\d+))\s*(%?)")


def share(holdout: Any) -> float | None:
    """Return the share that `holdout` says, as a number or as text, or None if it says none.

    Raises
    ------
    SchemaError
        If it is a number that is no share.

    Examples
    --------
    >>> share(0.2), share("0.2"), share("20 %"), share("people.csv"), share(None)
    (0.2, 0.2, 0.2, None, None)
    """
    if isinstance(holdout, str):
        found = _SHARE.fullmatch(holdout.strip())
        if found is None:
            return None
        part = float(found[1].replace(",", ".")) / (100 if found[2] else 1)
    elif isinstance(holdout, Real):
        part = float(holdout)
    else:
        return None
    if isinstance(holdout, bool) or not 0 < part < 1:
        raise SchemaError(
            f"the share of the holdout must lie between 0 and 1, got {holdout}",
            hint="0.2 keeps every fifth row aside; a file with other rows and none are possible",
        )
    return part


def split(dataset: Dataset, *, holdout: float | str, seed: Seed) -> tuple[Dataset, Dataset]:
    """Part `dataset` into train and holdout; all rows of a unit fall on one side.

    Parameters
    ----------
    holdout : share of the units (of the rows, where no unit is declared), in (0, 1); as a number
        or as text, see `share`

    Returns
    -------
    Train and holdout, each with its rows in their order.

    Raises
    ------
    SchemaError
        If `holdout` is no share.
    NotEnoughDataError
        If a side would be empty.

    Notes
    -----
    Units are ranked by a keyed hash of their value, so the part a person falls into depends on
    neither the order of the rows nor the other columns. Rows without units are ranked by a
    permutation of the row numbers. A missing unit is a unit of its own.
    """
    part = share(holdout)
    if part is None:
        raise SchemaError(
            f"the holdout of a split must be a share, got {holdout!r}",
            hint="0.2 keeps every fifth row aside",
        )
    table, unit = dataset.table, dataset.schema.table.unit
    groups = np.arange(table.num_rows) if unit is None else _groups(table[unit])
    n = int(groups.max(initial=-1)) + 1
    aside = round(n * part)
    if aside == 0 or aside == n:
        what = counted(n, "row") if unit is None else f"{counted(n, 'unit')} in column {unit!r}"
        raise NotEnoughDataError(
            f"{what} cannot be parted with a holdout of {part:g}: one side would be empty",
            hint="bring more rows, another share, or --holdout none",
        )
    rank = seed.rng().permutation(n) if unit is None else _ranks(table[unit], groups, seed)
    held = pa.array(rank[groups] < aside)
    return (
        dataset.with_table(table.filter(pc.invert(held))),
        dataset.with_table(table.filter(held)),
    )


def _groups(units: pa.ChunkedArray) -> NDArray[np.int64]:
    """Return (n,) numbers of the units, 0 to count - 1; each missing one is a unit of its own."""
    encoded = units.combine_chunks().dictionary_encode()
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.unify_dictionaries().combine_chunks()
    indices = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    codes: NDArray[np.int64] = indices.astype(np.int64)
    missing = codes < 0
    codes[missing] = len(encoded.dictionary) + np.arange(int(missing.sum()))
    return codes


def _ranks(units: pa.ChunkedArray, groups: NDArray[np.int64], seed: Seed) -> NDArray[np.int64]:
    """Return (units,) ranks by a keyed hash of the value of each unit."""
    first = np.full(int(groups.max()) + 1, -1, dtype=np.int64)
    first[groups[::-1]] = np.arange(len(groups))[::-1]
    key = seed.key().to_bytes(8, "little")
    texts = units.take(pa.array(first)).cast(pa.string()).to_pylist()
    names = [
        f"missing {row}" if t is None else f"unit {t}" for t, row in zip(texts, first, strict=True)
    ]
    hashes = [hashlib.blake2b(t.encode(), digest_size=8, key=key).digest() for t in names]
    order = np.argsort(np.frombuffer(b"".join(hashes), dtype="<u8"), kind="stable")
    ranks = np.empty(len(order), dtype=np.int64)
    ranks[order] = np.arange(len(order))
    return ranks


def check_units(dataset: Dataset, *, allow_repeats: bool) -> None:
    """Refuse several rows per declared unit, unless `allow_repeats`.

    Raises
    ------
    RepeatedUnitError
        Because rows of one person drawn independently would be nobody's history.
    """
    unit = dataset.schema.table.unit
    if unit is None or allow_repeats:
        return
    values = dataset.table[unit].drop_null()
    distinct = pc.count_distinct(values).as_py()
    if distinct < len(values):
        raise RepeatedUnitError(
            f"column {unit!r} names {counted(distinct, 'unit')} in {counted(len(values), 'row')}: "
            "several rows per unit, and a model of histories does not exist yet",
            hint="keep one row per unit, or say --rows-per-unit many to have rows drawn one by "
            "one (the report will say so)",
        )


def suspect_units(dataset: Dataset) -> str | None:
    """Return a sentence if no unit is declared but a column seems to name people who repeat.

    Notes
    -----
    A column counts if its name promises the key of a person (``patient_id``, ``kundennr``, a
    bare ``id``) or its values are e-mail addresses, IBANs or phone numbers, it has ten or more
    different values, and at least one row in twenty repeats one. Machines, shops and flights may
    repeat. Cost: O(n) per such column.
    """
    schema = dataset.schema.table
    if schema.unit is not None:
        return None
    for column in schema.columns:
        named = naming.is_person_id(column.name) and column.kind in (
            Kind.IDENTIFIER,
            Kind.INTEGER,
            Kind.CATEGORY,
            Kind.NAME,
        )
        if not named and column.kind not in _PERSONAL:
            continue
        values = dataset.table[column.name].drop_null()
        distinct = pc.count_distinct(values).as_py()
        often = 1.05 if named else 1.5
        if distinct >= _FEW and len(values) >= often * distinct and distinct > 0.01 * len(values):
            return (
                f"column {column.name!r} seems to name people and repeats: {distinct:,} different "
                f"values in {len(values):,} rows, but no unit is declared"
            )
    return None
