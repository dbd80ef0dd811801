"""A meter tells why there are no more readings, unless it was stopped."""

from __future__ import annotations

from cutaway.ground.meter import Meter, Reading
from cutaway.problem import Problem


def told(stopped: bool) -> list[str]:
    """What a meter says whose group goes while it looks, and which may have been stopped meanwhile."""

    def look() -> Reading:
        if stopped:
            meter.stop()
        raise Problem("its control group went with its last process")

    said: list[str] = []
    meter = Meter(look, lambda _: None, said.append)
    meter.read(60)
    return said


def test_what_goes_while_it_is_looked_at_is_said_and_not_when_nobody_asks_any_more() -> None:
    assert told(stopped=False) == ["its control group went with its last process"]
    assert told(stopped=True) == []
