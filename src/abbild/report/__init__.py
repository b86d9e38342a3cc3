"""Scores and provenance in, one self-contained page and two JSON files out."""

from abbild.report.page import render
from abbild.report.record import Report, write_report

__all__ = ["Report", "render", "write_report"]
