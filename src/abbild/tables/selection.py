"""Rows that satisfy a condition.

Of the parts of a condition that AND joins, those about one learned column become sets the engine
may draw from; the others, and all of it once more, by rejection. Where the engine can only weigh
what it drew, rows are chosen by their weights, and the effective sample size says what that
costs.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from abbild.core import ConditionedBatch, ConditionError, Seed
from abbild.tables.codecs import TableCodec
from abbild.tables.codecs import level as levels
from abbild.tables.codecs import quantity as quantities
from abbild.tables.codecs.level import LevelCodec
from abbild.tables.codecs.quantity import QuantityCodec
from abbild.tables.conditions import Condition, Node, column_of, parse, walk
from abbild.tables.encoded import Encoded, Levels, Scores
from abbild.tables.model import BLOCK, Allowed, Model, join, take

__all__ = ["allowed_sets", "select"]

POOL = 4  # candidates for each row that is chosen by its weight
TRIES = 60  # blocks drawn before making do with the rows found, or giving up if there are none
STEERED = 10  # the same where the engine is told what to draw, which is slower and wastes less

_PLAIN_OPERATORS = {
    "COMPARE_IN",
    "COMPARE_NOT_IN",
    "OPERATOR_NOT",
    "OPERATOR_IS_NULL",
    "OPERATOR_IS_NOT_NULL",
}


def allowed_sets(condition: Condition, codec: TableCodec) -> dict[str, Allowed]:
    """Return what the condition allows in each learned column it speaks of alone.

    Every set holds all that satisfies the condition; it may hold more.
    """
    found = dict(zip(codec.schema().names, codec.columns, strict=True))
    parts: dict[str, list[Node]] = {}
    for part in condition.parts:
        names = {column_of(n, codec.schema()) for n in walk(part) if n.get("class") == "COLUMN_REF"}
        if len(names) == 1:
            parts.setdefault(names.pop(), []).append(part)
    out: dict[str, Allowed] = {}
    for name, about in parts.items():
        column = found[name]
        field = codec.schema().field(name)
        if isinstance(column, LevelCodec):
            out[name] = _allowed_levels(condition, about, column, field)
        elif isinstance(column, QuantityCodec) and (plain := [p for p in about if _is_plain(p)]):
            out[name] = _allowed_scores(condition, plain, column, field)
    return out


def select(
    codec: TableCodec, model: Model, text: str, rows: range, *, seed: Seed
) -> ConditionedBatch:
    """Draw `rows` that satisfy the condition `text`.

    Where no row needs a weight, row 17 is the same row however `rows` is cut.

    Raises
    ------
    ConditionError
        See `parse`; also if none of the rows drawn satisfies the condition.

    Notes
    -----
    At most 60 blocks are drawn (10 where columns have `allowed_sets`), or 8 for each block of
    `rows` if that is more. If fewer rows
    than asked for satisfy the condition by then, they are drawn again by their weights (sampling
    importance resampling, Rubin 1988), which the effective sample size tells.
    """
    condition = parse(text, codec.schema())
    _refuse_never(condition, codec.schema())
    if not len(rows):
        return ConditionedBatch(codec.batch(codec.empty()), 0.0, True)
    within = allowed_sets(condition, codec)
    for name, allowed in within.items():
        if _is_empty(allowed):
            raise ConditionError(
                f"nothing satisfies {text!r}: no value of column {name!r} that may be shown does",
                hint="values of fewer people than the threshold are never shown; ask for more",
            )
    encoded, log = _pool(codec, model, condition, within, rows.stop, seed)
    exact = len(log) >= rows.stop and bool(np.ptp(log) < 1e-9)
    effective = float(len(rows))
    if exact:
        chosen = np.arange(rows.start, rows.stop)
    else:
        weights = np.exp(log - log.max())
        effective *= min(1.0, float(weights.sum() ** 2 / (weights**2).sum()) / rows.stop)
        rng = (seed / "choose").rng()
        if len(log) < rows.stop:
            best = rng.choice(len(log), rows.stop, p=weights / weights.sum())
        else:
            noise = rng.gumbel(size=len(log))
            best = np.argsort(-(log + noise), kind="stable")[: rows.stop]
        chosen = np.sort(best)[rows.start : rows.stop]
    table = codec.decode(take(encoded, chosen), rows, seed=seed)
    if not condition.holds(table).all():
        raise ConditionError(
            f"{text!r} asks for values of a column that is never learned",
            hint="keys, texts and personal data are invented; ask about other columns",
        )
    return ConditionedBatch(codec.batch(table), effective, exact)


def _pool(
    codec: TableCodec,
    model: Model,
    condition: Condition,
    within: dict[str, Allowed],
    wanted: int,
    seed: Seed,
) -> tuple[Encoded, NDArray[np.float64]]:
    """Draw until enough rows satisfy the condition, or it is time to stop; with log weights."""
    parts: list[Encoded] = []
    logs: list[NDArray[np.float64]] = []
    found, low, high = 0, np.inf, -np.inf
    least = STEERED if within else TRIES
    tries = max(least, 2 * POOL * -(-wanted // BLOCK))
    only = condition.columns or codec.schema().names[:1]
    for number in range(tries):
        rows = range(number * BLOCK, (number + 1) * BLOCK)
        encoded, log = model.draw(rows, seed=seed / "where" / number, within=within or None)
        ok = condition.holds(codec.decode(encoded, rows, seed=seed, only=only)) & np.isfinite(log)
        if ok.any():
            parts.append(take(encoded, np.flatnonzero(ok)))
            logs.append(log[ok])
            found += int(ok.sum())
            low, high = min(low, logs[-1].min()), max(high, logs[-1].max())
        if found >= (wanted if high - low < 1e-9 else POOL * wanted):
            break
        if not found and number + 1 == least:
            break
    if not found:
        raise ConditionError(
            f"no row satisfies {condition.text!r}: of {least * BLOCK:,} rows drawn none did",
            hint="loosen the condition",
        )
    return join(parts), np.concatenate(logs)


def _refuse_never(condition: Condition, schema: pa.Schema) -> None:
    """Refuse a condition of which a part that names no column is not true."""
    row = pa.table([pa.nulls(1, field.type) for field in schema], schema=schema)
    for part in condition.parts:
        if not _mentions(part) and not condition.part_holds(part, row).all():
            raise ConditionError(
                f"nothing satisfies {condition.text!r}: a part of it is never true",
                hint="compare columns with values",
            )


def _is_plain(node: Node) -> bool:
    """Return whether a tree only compares the bare column with constants."""
    if not _mentions(node) or node["class"] == "COLUMN_REF":
        return True
    if node["class"] == "OPERATOR":
        plain = node["type"] in _PLAIN_OPERATORS
    else:
        plain = node["class"] in ("COMPARISON", "CONJUNCTION", "BETWEEN")
    return plain and all(_is_plain(child) for child in _children(node))


def _mentions(node: Node) -> bool:
    return any(n.get("class") == "COLUMN_REF" for n in walk(node))


def _children(node: Node) -> Iterator[Node]:
    for value in node.values():
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, dict) and "class" in child:
                yield child


def _constants(node: Node) -> Iterator[Node]:
    """Yield the largest trees without a column."""
    if not _mentions(node):
        yield node
    else:
        for child in _children(node):
            yield from _constants(child)


def _allowed_levels(
    condition: Condition, parts: list[Node], codec: LevelCodec, field: pa.Field
) -> Allowed:
    codes = np.arange(codec.size, dtype=np.int32)
    values = levels.decode(codec, Levels(field.name, codes, codec.size, codec.ordered), field.type)
    table = pa.table([values], names=[field.name])
    return Allowed(codes=np.all([condition.part_holds(p, table) for p in parts], axis=0))


def _allowed_scores(
    condition: Condition, parts: list[Node], codec: QuantityCodec, field: pa.Field
) -> Allowed:
    """Ask the condition at each breakpoint and between each two, and join what is allowed."""
    nodes = [node for part in parts for node in _constants(part)]
    breaks = np.zeros(0)
    if nodes:
        breaks = quantities.breakpoints(codec, condition.constants(nodes, field))
    ends = np.concatenate([[-np.inf], breaks, [np.inf]])
    probes = np.empty(2 * len(breaks) + 1)  # between, at, between, at, ..., between
    probes[1::2] = breaks
    finite = (
        np.concatenate([breaks[:1] - 1, breaks, breaks[-1:] + 1]) if len(breaks) else np.zeros(2)
    )
    probes[0::2] = (finite[:-1] + finite[1:]) / 2
    scores = Scores(field.name, np.append(probes, np.nan), codec.atoms)
    table = pa.table([quantities.decode(codec, scores, field.type)], names=[field.name])
    ok = np.all([condition.part_holds(p, table) for p in parts], axis=0)
    runs: list[list[float]] = []
    for i in np.flatnonzero(ok[:-1]).tolist():
        low, high = (ends[(i + 1) // 2], ends[i // 2 + 1]) if i % 2 == 0 else (probes[i],) * 2
        if runs and ok[i - 1]:
            runs[-1][1] = high
        else:
            runs.append([low if i % 2 or i == 0 else np.nextafter(low, np.inf), high])
        if i % 2 == 0 and not ok[i + 1] and np.isfinite(high):
            runs[-1][1] = np.nextafter(high, -np.inf)
    return Allowed(intervals=np.array(runs).reshape(-1, 2), missing=bool(ok[-1]) and codec.missing)


def _is_empty(allowed: Allowed) -> bool:
    if allowed.codes is not None:
        return not allowed.codes.any()
    return not allowed.missing and allowed.intervals is not None and not len(allowed.intervals)
