"""Scenes as data: nodes, distributions, paths, documents, drawing."""
