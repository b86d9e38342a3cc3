"""The hub: contracts and plain values. Imports numpy and pyarrow, nothing else."""

from abbild.core.artifact import load_model, save_model
from abbild.core.contracts import (
    Conditional,
    ConditionedBatch,
    Density,
    Embedder,
    Executor,
    Imputer,
    Metric,
    Model,
    Private,
    Sampler,
    Synthesizer,
    Target,
)
from abbild.core.dataset import Batch, Dataset, Rejected, in_blocks
from abbild.core.discretizer import Discretizer, as_floats
from abbild.core.errors import (
    AbbildError,
    ColumnTypeError,
    ConditionError,
    DuplicateNameError,
    FileFormatError,
    InconclusiveError,
    MissingExtraError,
    NotEnoughDataError,
    OutputError,
    RepeatedUnitError,
    SchemaError,
    ShapeError,
    UnknownNameError,
    WorkerLostError,
    unknown_name,
)
from abbild.core.registry import names, resolve
from abbild.core.runs import RunFolder, stamp
from abbild.core.schema import Column, Kind, Relation, Schema, TableSchema
from abbild.core.score import Score
from abbild.core.seed import Seed
from abbild.core.table import as_table, atomically, read_parquet, write_json, write_parquet
from abbild.core.track import progress, track

__all__ = [
    "AbbildError",
    "Batch",
    "Column",
    "ColumnTypeError",
    "ConditionError",
    "Conditional",
    "ConditionedBatch",
    "Dataset",
    "Density",
    "Discretizer",
    "DuplicateNameError",
    "Embedder",
    "Executor",
    "FileFormatError",
    "Imputer",
    "InconclusiveError",
    "Kind",
    "Metric",
    "MissingExtraError",
    "Model",
    "NotEnoughDataError",
    "OutputError",
    "Private",
    "Rejected",
    "Relation",
    "RepeatedUnitError",
    "RunFolder",
    "Sampler",
    "Schema",
    "SchemaError",
    "Score",
    "Seed",
    "ShapeError",
    "Synthesizer",
    "TableSchema",
    "Target",
    "UnknownNameError",
    "WorkerLostError",
    "as_floats",
    "as_table",
    "atomically",
    "in_blocks",
    "load_model",
    "names",
    "progress",
    "read_parquet",
    "resolve",
    "save_model",
    "stamp",
    "track",
    "unknown_name",
    "write_json",
    "write_parquet",
]
