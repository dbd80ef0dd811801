"""The harness against clocks that we control, and once against the real one."""

from __future__ import annotations

import itertools
import re
import time
from base64 import b64decode
from collections.abc import Callable
from html import unescape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cutaway.measure import Measurement, WrongResult, compare, load
from cutaway.measure.statistics import median, outliers, ratio_of_medians
from cutaway.measure.trials import in_words
from cutaway.problem import Problem


class Clock:
    """Time that moves only when a subject spends it."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def spend(self, *seconds: float) -> Callable[[], str]:
        costs = itertools.cycle(seconds)

        def subject() -> str:
            self.now += next(costs)
            return "done"

        return subject


def measured(slow: tuple[float, ...], fast: tuple[float, ...], **options: object) -> Measurement:
    clock = Clock()
    return compare("a race", {"slow": clock.spend(*slow), "fast": clock.spend(*fast)}, clock=clock, **options)


def test_a_ratio_is_what_the_clock_says():
    ratio = measured((3.0, 3.2, 2.8), (1.0, 1.1, 0.9)).ratio("slow", "fast")
    assert 2.7 < ratio.interval.low <= ratio.interval.median <= ratio.interval.high < 3.4
    assert "slow takes" in str(ratio)


def test_two_that_are_alike_are_too_noisy_to_tell():
    ratio = measured((1.0, 2.0, 3.0), (1.1, 1.9, 3.1)).ratio("slow", "fast")
    assert ratio.too_noisy
    assert "too noisy to tell" in str(ratio)


def test_warm_up_rounds_run_and_are_not_kept():
    clock, calls = Clock(), []
    found = compare("warm", {"a": lambda: calls.append(1)}, trials=3, warm_up=2, clock=clock)
    assert (len(calls), len(found.trials["a"])) == (5, 3)


def test_trials_are_interleaved_in_rounds_and_the_seed_decides_the_order():
    def order(seed: int) -> str:
        said: list[str] = []
        compare("order", {n: (lambda n=n: said.append(n)) for n in "abc"}, trials=6, warm_up=0, seed=seed)
        return "".join(said)

    rounds = [order(1)[i : i + 3] for i in range(0, 18, 3)]
    assert all(sorted(each) == ["a", "b", "c"] for each in rounds)
    assert len(set(rounds)) > 1, "every round had the same order"
    assert order(1) == order(1) != order(2)


def test_an_outlier_is_shown_and_stays_among_the_trials():
    found = measured((1.0, 1.01, 0.99, 1.02, 0.98, 1.0, 9.0), (1.0,), trials=7, warm_up=0)
    assert found.outliers("slow") == [pytest.approx(9.0)]
    assert len(found.trials["slow"]) == 7
    assert "1 outliers" in repr(found)


def test_a_wrong_answer_is_never_timed():
    with pytest.raises(WrongResult, match=r"measuring 'liar': it returned 'done', not 42; mend it"):
        compare("lies", {"liar": Clock().spend(1)}, expect=42)


def test_nothing_to_measure_is_said_in_a_sentence():
    with pytest.raises(Problem, match="needs a subject"):
        compare("nothing", {})


def test_what_was_saved_is_read_back_whole(tmp_path):
    found = measured((3.0, 3.1), (1.0, 1.2), prediction={"slow": 2.0}, ground="lab machine", seed=7)
    found.save(tmp_path / "race.json")
    assert load(tmp_path / "race.json") == found


def test_a_file_that_is_no_measurement_is_named(tmp_path):
    (tmp_path / "broken.json").write_text("{}")
    with pytest.raises(Problem, match=r"reading the measurement .*broken\.json"):
        load(tmp_path / "broken.json")


def test_the_conditions_are_recorded():
    found = measured((1.0,), (1.0,), ground="lab machine")
    assert "ground: lab machine" in repr(found)
    assert found.conditions.processors >= 1


def test_the_plot_draws_every_trial_and_the_prediction():
    found = measured((3.0, 3.2), (1.0, 1.1), prediction={"slow": 2.0}, trials=8)
    svg = found.plot().svg()
    assert "predicted" in svg
    assert "a race" in svg
    assert svg == found.plot().svg()
    (axes,) = found.plot().figure().axes
    assert [len(dots.get_offsets()) for dots in axes.collections] == [8, 8]


def test_a_plot_has_its_table_as_its_alternative_text():
    found = measured((3.0,), (1.0,), prediction={"slow": 2.0})
    shown = found.plot()._repr_mimebundle_()
    image = re.fullmatch(
        r'<img alt="([^"]+)" style="[^"]+" src="data:image/svg\+xml;base64,([^"]+)">', shown["text/html"]
    )
    assert unescape(image[1]) == f"a race. {found!r}"
    assert b64decode(image[2]).decode() == shown["image/svg+xml"] == found.plot().svg()


def test_the_real_clock_sees_which_sleeps_longer():
    found = compare("sleep", {"long": lambda: time.sleep(0.1), "short": lambda: time.sleep(0.001)}, trials=5)
    assert not found.ratio("long", "short").too_noisy


@given(st.lists(st.floats(0.001, 1000), min_size=1, max_size=30))
def test_a_median_lies_within_its_interval(values):
    found = median(values)
    assert min(values) <= found.low <= found.median <= found.high <= max(values)


def test_no_spread_gives_an_interval_without_width():
    assert ratio_of_medians([2.0, 2.0], [1.0, 1.0]).low == 2.0
    assert outliers([5.0]) == [False]


@pytest.mark.parametrize(
    ("seconds", "words"), [(1.25, "1.25 s"), (0.34, "340 ms"), (7.31e-6, "7.31 µs"), (55e-9, "55.0 ns")]
)
def test_times_are_said_in_the_unit_that_fits(seconds, words):
    assert in_words(seconds) == words
