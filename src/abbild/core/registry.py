"""Names to objects. Our own parts register as a stranger's would: by entry point."""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import Any

from abbild.core.errors import DuplicateNameError, MissingExtraError, unknown_name


def names(kind: str) -> list[str]:
    """List what is installed for `kind`; imports none of it."""
    return sorted({point.name for point in entry_points(group=f"abbild.{kind}")})


def resolve(kind: str, name: str) -> Any:
    """Import and return the object registered as `name`.

    Raises
    ------
    UnknownNameError
        If no installed package registers `name` under ``abbild.<kind>``.
    DuplicateNameError
        If two do: which one wins would depend on the install order.
    MissingExtraError
        If its optional packages are not installed.
    """
    found = entry_points(group=f"abbild.{kind}", name=name)
    if not found:
        raise unknown_name(kind.removesuffix("s"), name, names(kind))
    if len(targets := {point.value for point in found}) > 1:
        raise DuplicateNameError(
            f"{name!r} is registered by {' and '.join(sorted(targets))}",
            hint="uninstall one of them",
        )
    point = next(iter(found))
    try:
        return point.load()
    except ModuleNotFoundError as error:
        package = f"'abbild[{point.extras[0]}]'" if point.extras else error.name
        raise MissingExtraError(
            f"{name!r} needs the package {error.name}, which is not installed",
            hint=f"pip install {package}",
        ) from error
