"""Recipes: scenes that ship, and scenes of the user's own from YAML or JSON."""

from abbild.images.recipes.loading import load_recipe

__all__ = ["load_recipe"]
