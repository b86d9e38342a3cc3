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
    failures,
    from_table,
    read_labels,
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
    "failures",
    "from_table",
    "read_examples",
    "read_labels",
    "to_table",
    "write_examples",
    "write_labels",
]
