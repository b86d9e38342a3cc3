"""The quick renderer: compiled shading on the hits of the label engine."""

from abbild.images.fast.renderer import Fast

__all__ = ["Fast"]
