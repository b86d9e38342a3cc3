"""evaluate spoke."""
