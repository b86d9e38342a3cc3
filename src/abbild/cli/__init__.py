"""The command line: parse, call, print."""

from abbild.cli.app import app, main

__all__ = ["app", "main"]
