"""Data sets of labelled images on disk: what others read, and reading what others wrote."""

from abbild.images.formats.catalog import (
    FORMATS,
    Format,
    Images,
    detect_format,
    read_examples,
    write_examples,
)
from abbild.images.formats.table import (
    SCHEMA,
    Failed,
    examples_of,
    failures,
    from_table,
    labels_of,
    read_labels,
    status_of,
    to_table,
    write_labels,
)

__all__ = [
    "FORMATS",
    "SCHEMA",
    "Failed",
    "Format",
    "Images",
    "detect_format",
    "examples_of",
    "failures",
    "from_table",
    "labels_of",
    "read_examples",
    "read_labels",
    "status_of",
    "to_table",
    "write_examples",
    "write_labels",
]
