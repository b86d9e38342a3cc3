"""Everything raised on purpose.

AbbildError                 the user's mistake, exit code 2
├── UnknownNameError        a plugin, column or metric that does not exist
├── DuplicateNameError      one name, two packages
├── MissingExtraError       a plugin whose optional packages are not installed
├── FileFormatError         a file that is not what its name says
├── SchemaError             a schema that contradicts itself or the data
├── ColumnTypeError         a column of a kind this model cannot see
├── ShapeError              arrays or tables that do not fit together
├── NotEnoughDataError      too few rows for the answer to mean anything
├── RepeatedUnitError       several rows per person where one is assumed
├── ConditionError          a condition nothing satisfies, or that is no condition
├── OutputError             a place results cannot be written to
├── WorkerLostError         a worker process that was killed, most often for want of memory
└── InconclusiveError       an honest "no": exit code 3, what exists is kept
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class AbbildError(Exception):
    """Root of our errors. The message says what is wrong, `hint` what to do about it."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)  # one positional argument: survives pickling between workers
        self.hint = hint

    def __str__(self) -> str:
        message = super().__str__()
        return f"{message}\n  hint: {self.hint}" if self.hint else message


class UnknownNameError(AbbildError, LookupError):
    """A plugin, column or metric that does not exist."""


class DuplicateNameError(AbbildError, LookupError):
    """One name, two packages."""


class MissingExtraError(AbbildError, ImportError):
    """A plugin whose optional packages are not installed."""


class FileFormatError(AbbildError, ValueError):
    """A file that is not what its name says."""


class SchemaError(AbbildError, ValueError):
    """A schema that contradicts itself or the data."""


class ColumnTypeError(AbbildError, TypeError):
    """A column of a kind this model cannot see."""


class ShapeError(AbbildError, ValueError):
    """Arrays or tables that do not fit together."""


class NotEnoughDataError(AbbildError, ValueError):
    """Too few rows for the answer to mean anything."""


class RepeatedUnitError(AbbildError, ValueError):
    """Several rows per person where one is assumed."""


class ConditionError(AbbildError, ValueError):
    """A condition nothing satisfies, or that is no condition."""


class OutputError(AbbildError, OSError):
    """A place results cannot be written to."""


class WorkerLostError(AbbildError, RuntimeError):
    """A worker process that was killed, most often for want of memory."""


class InconclusiveError(AbbildError):
    """An honest "no": exit code 3, what exists is kept."""


def unknown_name(kind: str, name: str, known: Iterable[str]) -> UnknownNameError:
    """Build the error for a misspelt `name`, offering the nearest of `known`."""
    known = sorted(map(str, known))
    close = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {close[0]!r}?" if close else f"known: {', '.join(known) or 'none'}"
    return UnknownNameError(f"no {kind} named {name!r}", hint=hint)
