"""What is shown outside and inside is what each side sees."""

from __future__ import annotations

import os

import pytest

from cutaway.ground import sight
from cutaway.linux import Kind

pytestmark = pytest.mark.usefixtures("state_folder")


def test_every_kind_has_a_question_and_every_question_an_answer() -> None:
    outside, inside = sight.both_sides(set(Kind), "inner")
    for seen in (outside, inside):
        assert seen.sees.keys() == seen.namespaces.keys() == {kind.value for kind in Kind}
        assert all(seen.sees.values())


def test_inside_all_eight_every_answer_is_that_of_a_machine_of_its_own() -> None:
    _, inside = sight.both_sides(set(Kind), "inner")
    assert inside.sees["uts"] == ["inner"]
    assert inside.sees["user"] == ["0", f"map 0 {os.geteuid()} 1"]
    assert inside.sees["net"] == ["lo"]
    assert inside.sees["ipc"] == ["0"]
    assert inside.sees["cgroup"] == ["/"]
    assert inside.sees["pid"][0].startswith("1 ")
    assert [f"{sight.TEN_DAYS_S}"] == inside.sees["time"]


def test_what_is_seen_through_a_shared_table_is_the_same_on_both_sides() -> None:
    outside, inside = sight.both_sides({Kind.USER, Kind.UTS}, "inner")
    for kind in ("net", "ipc", "cgroup", "time", "mnt"):
        assert (outside.namespaces[kind], outside.sees[kind]) == (inside.namespaces[kind], inside.sees[kind])
