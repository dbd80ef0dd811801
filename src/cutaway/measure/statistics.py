"""Medians with bootstrap intervals, outliers by Tukey's fences, and ratios that may be too noisy to tell.

Source: B. Efron and R. Tibshirani, An Introduction to the Bootstrap (1993), chapter 13 (percentile intervals);
J. W. Tukey, Exploratory Data Analysis (1977), chapter 2 (fences). The resampling is SciPy's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import bootstrap

CONFIDENCE = 0.95
RESAMPLES = 2_000
FENCE = 1.5  # quartile ranges beyond the quartiles: Tukey's inner fences


@dataclass(frozen=True)
class Interval:
    """A median and the ends of its 95% bootstrap interval, in the unit of what was measured."""

    low: float
    median: float
    high: float


@dataclass(frozen=True)
class Ratio:
    """How many times as long `subject` takes as `baseline`, or that this run cannot tell."""

    subject: str
    baseline: str
    interval: Interval

    @property
    def too_noisy(self) -> bool:
        """Whether the interval holds 1, so that either may be the faster."""
        return self.interval.low <= 1 <= self.interval.high

    def __str__(self) -> str:
        low, middle, high = (f"{value:.3g}" for value in (self.interval.low, self.interval.median, self.interval.high))
        if self.too_noisy:
            return f"{self.subject} against {self.baseline}: too noisy to tell ({low} to {high} times)"
        return f"{self.subject} takes {middle} times as long as {self.baseline} ({low} to {high})"

    __repr__ = __str__


def median(values: Sequence[float], seed: int = 0) -> Interval:
    """The median of `values`; the interval has no width when there is a single value or no spread."""
    return _interval((np.asarray(values),), np.median, seed)


def ratio_of_medians(values: Sequence[float], baseline: Sequence[float], seed: int = 0) -> Interval:
    """median(values) / median(baseline), resampled round by round: what disturbed a round disturbed both."""
    return _interval((np.asarray(values), np.asarray(baseline)), _median_ratio, seed)


def outliers(values: Sequence[float]) -> list[bool]:
    """Which of `values` lie beyond Tukey's fences. They are shown, never dropped."""
    lower, upper = np.percentile(values, [25, 75])
    reach = FENCE * (upper - lower)
    return [bool(value < lower - reach or value > upper + reach) for value in values]


def _median_ratio(values: np.ndarray, baseline: np.ndarray, axis: int = -1) -> np.ndarray:
    ratio: np.ndarray = np.median(values, axis=axis) / np.median(baseline, axis=axis)
    return ratio


def _interval(samples: tuple[np.ndarray, ...], statistic: object, seed: int) -> Interval:
    middle = float(statistic(*samples))  # type: ignore[operator]
    if len(samples[0]) < 2 or all(np.ptp(sample) == 0 for sample in samples):
        return Interval(middle, middle, middle)
    resampled = bootstrap(
        samples,
        statistic,
        paired=len(samples) > 1,
        vectorized=True,
        method="percentile",
        confidence_level=CONFIDENCE,
        n_resamples=RESAMPLES,
        rng=np.random.default_rng(seed),
    )
    low, high = map(float, (resampled.confidence_interval.low, resampled.confidence_interval.high))
    return Interval(min(low, middle), middle, max(high, middle))  # percentiles between equal values may round past them
