"""Meshes of the user's own, from files."""

from abbild.images.asset_files.loading import MAX_FACES, UNITS, MeshFile, load_parts
from abbild.images.asset_files.provenance import licence_of, split_assets
from abbild.images.asset_files.sources import files_beside

__all__ = [
    "MAX_FACES",
    "UNITS",
    "MeshFile",
    "files_beside",
    "licence_of",
    "load_parts",
    "split_assets",
]
