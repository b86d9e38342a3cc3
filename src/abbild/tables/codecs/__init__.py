"""Codecs: the one door through which engines see data, and which keeps people behind it.

Each family of kinds is a module of pure functions: `analyze` a block into statistics, `merge`
statistics (associative, so a file larger than memory is a reduce), `fit` them into a codec,
`encode` values and `decode` what an engine drew.
"""

from abbild.tables.codecs.table import TableCodec, fit_codec

__all__ = ["TableCodec", "fit_codec"]
