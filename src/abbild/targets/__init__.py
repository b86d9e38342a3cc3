"""targets spoke."""
