"""Honest figures in a notebook.

A figure here is a median of interleaved trials with an interval, says on what it was measured, shows
its outliers, and may answer "too noisy to tell". Reading order: `trials`, `statistics`, `plot`.
"""

from cutaway.measure.statistics import Interval, Ratio
from cutaway.measure.trials import Conditions, Measurement, WrongResult, compare, load

__all__ = ["Conditions", "Interval", "Measurement", "Ratio", "WrongResult", "compare", "load"]
