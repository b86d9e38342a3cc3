"""report spoke."""
