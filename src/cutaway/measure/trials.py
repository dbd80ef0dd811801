"""Run several subjects side by side, in rounds, and keep every trial.

A round runs each subject once, in an order drawn from the seed, so that whatever disturbs the machine for a
while disturbs all of them. Nothing is averaged on the way and nothing is dropped.
"""

from __future__ import annotations

import datetime
import json
import os
import platform
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from cutaway.measure import statistics
from cutaway.measure.statistics import Interval, Ratio
from cutaway.problem import Problem

Subject = Callable[[], object]
Seconds = float

TOO_SHORT_S = 20e-6  # below this, calling the subject and reading the clock are a visible part of the trial


class WrongResult(Problem):
    """A subject answered wrongly, so its time means nothing."""


@dataclass(frozen=True)
class Conditions:
    """On what a measurement was made: enough to repeat it, and to distrust it."""

    ground: str
    machine: str
    processors: int
    kernel: str
    python: str
    load_before: float
    load_after: float
    begun: str

    def __str__(self) -> str:
        return (
            f"ground: {self.ground}; {self.processors} processors, Linux {self.kernel}, Python {self.python}; "
            f"load {self.load_before:.1f} before and {self.load_after:.1f} after"
        )


@dataclass(frozen=True)
class Measurement:
    """Every trial of every subject, in seconds and in the order of the rounds."""

    title: str
    trials: dict[str, list[Seconds]]
    conditions: Conditions
    seed: int = 0
    warm_up: int = 0
    prediction: dict[str, float] = field(default_factory=dict)

    def median(self, subject: str) -> Interval:
        """The subject's median in seconds, with its interval."""
        return statistics.median(self.trials[subject], self.seed)

    def ratio(self, subject: str, baseline: str) -> Ratio:
        """How many times as long `subject` takes as `baseline`; its `too_noisy` says when this run cannot tell."""
        interval = statistics.ratio_of_medians(self.trials[subject], self.trials[baseline], self.seed)
        return Ratio(subject, baseline, interval)

    def outliers(self, subject: str) -> list[Seconds]:
        """The trials beyond Tukey's fences. They count like the others."""
        values = self.trials[subject]
        return [value for value, is_out in zip(values, statistics.outliers(values), strict=True) if is_out]

    def save(self, path: Path | str) -> None:
        """Write everything as JSON, so that `load` gives it back and others can repeat it."""
        Path(path).write_text(json.dumps(asdict(self), indent=1) + "\n")

    def plot(self) -> object:
        """A drawing of every trial, the medians with their intervals, and the prediction."""
        from cutaway.measure.plot import Plot

        return Plot(self)

    def __repr__(self) -> str:
        rounds = len(next(iter(self.trials.values())))
        return "\n".join([f"{self.title} ({rounds} trials each)", *map(self._row, self.trials), str(self.conditions)])

    def _row(self, subject: str) -> str:
        interval, outside = self.median(subject), len(self.outliers(subject))
        width = max(map(len, self.trials))
        note = f"  {outside} outliers" if outside else ""
        short = "  too short for this clock" if interval.median < TOO_SHORT_S else ""
        times = f"{in_words(interval.median):>9}  ({in_words(interval.low)} to {in_words(interval.high)})"
        return f"  {subject:<{width}}  {times}{note}{short}"


def compare(
    title: str,
    subjects: Mapping[str, Subject],
    *,
    trials: int = 15,
    warm_up: int = 2,
    seed: int = 0,
    expect: object = ...,
    prediction: Mapping[str, float] | None = None,
    ground: str = "host",
    clock: Callable[[], Seconds] = time.perf_counter,
) -> Measurement:
    """Run every subject `trials` times, interleaved, after `warm_up` rounds that are not kept.

    `expect` is what every call must return: a wrong answer raises WrongResult and no time is reported.
    `prediction` is the reader's, in seconds or as ratios by subject; it is stored before the first trial.
    """
    if not subjects or trials < 1 or warm_up < 0:
        raise Problem(f"measuring {title!r}: needs a subject and at least one trial; got {len(subjects)} and {trials}")
    kept: dict[str, list[Seconds]] = {name: [] for name in subjects}
    predicted, shuffle = dict(prediction or {}), random.Random(seed)
    begun, load_before = datetime.datetime.now(datetime.UTC), os.getloadavg()[0]
    for round_number in range(-warm_up, trials):
        for name in shuffle.sample(list(subjects), len(subjects)):
            seconds = _one_trial(name, subjects[name], expect, clock)
            if round_number >= 0:
                kept[name].append(seconds)
    return Measurement(title, kept, _conditions(ground, begun, load_before), seed, warm_up, predicted)


def load(path: Path | str) -> Measurement:
    """A measurement that `save` wrote. Raises Problem when the file is none."""
    try:
        stored = json.loads(Path(path).read_text())
        return Measurement(**{**stored, "conditions": Conditions(**stored["conditions"])})
    except (OSError, ValueError, KeyError, TypeError) as why:
        raise Problem(f"reading the measurement {path}: {why}; measure again and save it") from why


def in_words(seconds: Seconds) -> str:
    """Three significant digits in the unit that fits: 1.25 s, 340 ms, 7.31 µs, 55.0 ns."""
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= size:
            return f"{seconds / size:#.3g} {unit}".replace(". ", " ")
    return f"{seconds / 1e-9:#.3g} ns".replace(". ", " ")


def _one_trial(name: str, subject: Subject, expect: object, clock: Callable[[], Seconds]) -> Seconds:
    start = clock()
    result = subject()
    seconds = clock() - start
    if expect is not ... and result != expect:
        raise WrongResult(f"measuring {name!r}: it returned {result!r}, not {expect!r}; mend it before timing it")
    return seconds


def _conditions(ground: str, begun: datetime.datetime, load_before: float) -> Conditions:
    return Conditions(
        ground=ground,
        machine=platform.machine(),
        processors=len(os.sched_getaffinity(0)),
        kernel=platform.release(),
        python=platform.python_version(),
        load_before=load_before,
        load_after=os.getloadavg()[0],
        begun=begun.isoformat(timespec="seconds"),
    )
