"""cli spoke."""
