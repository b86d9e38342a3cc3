"""Abbild: synthetic data, and the proof of what it is worth."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from abbild.imaging import preview, render
    from abbild.pipeline import audit, proxy, sample

__all__ = ["audit", "preview", "proxy", "render", "sample"]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    if name in ("preview", "render"):
        from abbild import imaging  # noqa: PLC0415 - keeps `import abbild` light

        return getattr(imaging, name)
    if name in __all__:
        from abbild import pipeline  # noqa: PLC0415

        return getattr(pipeline, name)
    raise AttributeError(f"module 'abbild' has no attribute {name!r}")
