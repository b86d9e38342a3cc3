"""Files and data frames in, with a meaning for every column; the same formats out again."""

from abbild.source.formats import FORMATS, FileFormat, format_for
from abbild.source.infer import infer
from abbild.source.objects import read_object, to_object
from abbild.source.reader import Loaded, read
from abbild.source.schema_file import read_schema, write_schema
from abbild.source.split import check_units, share, split, suspect_units
from abbild.source.writer import mark, write

__all__ = [
    "FORMATS",
    "FileFormat",
    "Loaded",
    "check_units",
    "format_for",
    "infer",
    "mark",
    "read",
    "read_object",
    "read_schema",
    "share",
    "split",
    "suspect_units",
    "to_object",
    "write",
    "write_schema",
]
