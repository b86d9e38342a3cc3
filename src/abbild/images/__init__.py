"""Labelled images from scenes that are data: exact labels, two renderers, randomised domains."""
