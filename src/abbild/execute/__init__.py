"""execute spoke."""
