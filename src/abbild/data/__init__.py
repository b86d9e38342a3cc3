"""Data that ships with the package, so that a first run needs no network."""

from importlib.resources import files
from pathlib import Path

__all__ = ["adult_path"]


def adult_path() -> Path:
    """Return the place of the Adult census table: 48,842 people, 15 columns, Parquet.

    ``README.md`` beside it names source and licence.
    """
    return Path(str(files(__name__) / "adult.parquet"))
