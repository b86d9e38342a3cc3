"""Judges: rows and features in, scores with intervals out. They never see a modality."""

from abbild.evaluate.judgement import Effort, Findings, Judgement, Profile, Verdict
from abbild.evaluate.judging import judge

__all__ = ["Effort", "Findings", "Judgement", "Profile", "Verdict", "judge"]
