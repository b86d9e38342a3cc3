"""source spoke."""
