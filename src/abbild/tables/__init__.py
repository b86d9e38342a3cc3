"""tables spoke."""
