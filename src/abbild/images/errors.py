"""What can be wrong with a scene, an asset or a renderer."""

from __future__ import annotations

from abbild.core import AbbildError

__all__ = ["AssetError", "RejectedSceneError", "RendererError", "SceneError"]


class SceneError(AbbildError, ValueError):
    """A scene or recipe that cannot be drawn: an unknown path, a negative size, a NaN."""


class RejectedSceneError(SceneError):
    """A drawn scene that cannot be used as it is; another attempt may do better."""


class AssetError(AbbildError, ValueError):
    """A mesh, texture or environment that cannot be used."""


class RendererError(AbbildError, RuntimeError):
    """A renderer that does not work on this machine."""
