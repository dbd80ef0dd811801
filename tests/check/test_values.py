"""Only plain values cross between a learner's process and a checker's."""

import math

import numpy
import pytest

from cutaway.check import values
from cutaway.check.values import NotPlain


@pytest.mark.parametrize(
    "value",
    [None, True, 0, -(2**80), 1.5, "", "naïve 😀 \x00", [], [1, [2, [None]]], {}, {"a": {"b": [False]}}],
)
def test_a_plain_value_crosses_and_is_the_same_of_the_same_type(value: object) -> None:
    there = values.loads(values.dumps(value))
    assert there == value
    assert type(there) is type(value)


class EqualToEverything:
    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = None  # type: ignore[assignment]


class SlyInt(int):
    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = int.__hash__


class SlyList(list):  # type: ignore[type-arg]
    def __iter__(self):  # type: ignore[no-untyped-def]
        return iter([42])


class SlyStr(str):
    __slots__ = ()


@pytest.mark.parametrize(
    ("value", "named"),
    [
        (EqualToEverything(), "EqualToEverything"),
        (SlyInt(3), "SlyInt"),
        (SlyList([1]), "SlyList"),
        (SlyStr("word"), "SlyStr"),
        ([1, {"deep": SlyInt(3)}], r"the value\[1\]\['deep'\] is a SlyInt"),
        ((1, 2), "tuple"),
        ({1, 2}, "set"),
        (b"bytes", "bytes"),
        (print, "builtin_function_or_method"),
        (1j, "complex"),
    ],
)
def test_an_object_is_no_value_whatever_it_claims_to_equal(value: object, named: str) -> None:
    with pytest.raises(NotPlain, match=named):
        values.dumps(value)


@pytest.mark.parametrize("value", [math.nan, math.inf, [-math.inf], 10**5000], ids=["nan", "inf", "deep", "endless"])
def test_a_number_without_a_plain_form_does_not_cross(value: object) -> None:
    with pytest.raises(NotPlain, match="a number in the value"):
        values.dumps(value)


def test_a_number_of_numpys_crosses_as_pythons() -> None:
    given = [numpy.int32(-(2**31)), {"half": numpy.float64(0.5)}, numpy.bool_(True)]
    assert values.dumps(given) == '[-2147483648, {"half": 0.5}, true]'
    with pytest.raises(NotPlain, match="is a ndarray"):
        values.dumps(numpy.zeros(2))


def test_a_key_is_a_str() -> None:
    with pytest.raises(NotPlain, match="a key of the value is a int; keys are str"):
        values.dumps({1: "one"})


def test_a_value_that_contains_itself_does_not_cross() -> None:
    round_and_round: list[object] = []
    round_and_round.append(round_and_round)
    with pytest.raises(NotPlain, match="does the value contain itself"):
        values.dumps(round_and_round)


def test_a_value_longer_than_the_limit_does_not_cross() -> None:
    with pytest.raises(NotPlain, match="characters long; at most"):
        values.dumps("x" * values.LENGTH)


@pytest.mark.parametrize(
    "text", ["", "NaN", "[Infinity]", "__import__('os')", "[" * 100_000, '{"a": 1', "1" * 5000], ids=range(7)
)
def test_text_that_stands_for_no_plain_value_is_refused(text: str) -> None:
    with pytest.raises(NotPlain, match="what arrived is no plain value"):
        values.loads(text)
