"""Target models: what a user trains on data; their gain is what synthetic data is for."""

from abbild.targets.boosting import GradientBoosting
from abbild.targets.estimators import Forest, Linear, NaiveBayes, Nearest, Tree

__all__ = ["Forest", "GradientBoosting", "Linear", "NaiveBayes", "Nearest", "Tree"]
