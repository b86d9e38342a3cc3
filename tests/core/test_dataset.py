"""What crosses the borders fits its schema."""

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from abbild.core import (
    Batch,
    Column,
    Dataset,
    Kind,
    Rejected,
    Schema,
    SchemaError,
    ShapeError,
    TableSchema,
    in_blocks,
)

SCHEMA = Schema.of([Column("a", Kind.INTEGER), Column("b", Kind.TEXT)], name="people")
TABLE = pa.table({"a": [1, 2], "b": ["x", None]})


def test_a_single_table_is_a_data_set_of_one():
    data = Dataset.of(TABLE, SCHEMA)
    assert list(data.tables) == ["people"]
    assert data.table is TABLE
    assert data.with_table(TABLE.slice(1)).table.num_rows == 1


@pytest.mark.parametrize("table", [TABLE.select(["b", "a"]), TABLE.select(["a"])])
def test_columns_are_those_of_the_schema_in_its_order(table):
    with pytest.raises(ShapeError, match=r"the schema says \['a', 'b'\]"):
        Dataset.of(table, SCHEMA)


def test_a_described_table_must_be_there():
    with pytest.raises(ShapeError, match="'people', which is not in the data"):
        Dataset({"peple": TABLE}, SCHEMA)


def test_several_tables_have_no_only_one():
    described = {name: TableSchema(SCHEMA.table.columns) for name in "xy"}
    data = Dataset({"x": TABLE, "y": TABLE}, Schema(described))
    with pytest.raises(SchemaError, match="one table is needed here"):
        _ = data.table


def test_batches_join_in_order_with_their_rejects():
    first = Batch({"people": TABLE}, (Rejected(2, "too old"),))
    second = Batch({"people": TABLE.slice(1)}, (Rejected(4, "too young"),))
    joined = Batch.join(iter([first, second]))
    assert joined.table["a"].to_pylist() == [1, 2, 2]
    assert [r.row for r in joined.rejected] == [2, 4]


@given(st.integers(0, 500), st.integers(0, 500), st.integers(1, 90))
def test_blocks_cover_the_rows_at_places_that_do_not_depend_on_them(start, n, block):
    rows = range(start, start + n)
    blocks = list(in_blocks(rows, block))
    assert all(len(b) == block and b.start % block == 0 for b in blocks)
    assert all(any(row in b for row in rows) for b in blocks)
    assert [row for b in blocks for row in b if row in rows] == list(rows)
