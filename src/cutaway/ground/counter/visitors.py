"""Those who visit the page: what each was told, so that it can be compared with what the database knows later."""

from __future__ import annotations

import http.client
import os
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import NamedTuple, Self
from urllib.parse import urlsplit

from cutaway.ledger.engines import ANSWER
from cutaway.problem import Problem

PATIENCE_S = 60  # for an application that starts
ANSWER_S = 15  # the page itself waits for its database, and then says that it is busy
SLOW_S = 240  # where engines are slow, too
MOST_BYTES = 1 << 16
NUMBER = re.compile(r"you are visitor (\d+)")
NO_ANSWER = 0


class Answer(NamedTuple):
    """What a visitor got: the status, 0 when nobody answered, and the text."""

    status: int
    text: str

    @property
    def number(self) -> int | None:
        """Which visitor the page says one is: only then the visit is acknowledged."""
        found = NUMBER.search(self.text) if self.status == 200 else None
        return int(found[1]) if found else None


def visit(url: str) -> Answer:
    """Visit the page once. It may be anybody's: it leads us nowhere else, and has so much time and text and no more."""
    place, patience_s = urlsplit(url), SLOW_S if ANSWER in os.environ else ANSWER_S
    line = http.client.HTTPConnection(place.hostname or "", place.port, timeout=patience_s)
    try:
        line.connect()
        with _hung_up_after(line.sock, patience_s):
            line.request("GET", place.path, headers={"Connection": "close"})
            answer = line.getresponse()
            text = answer.read(MOST_BYTES)
            if answer.length and len(text) < MOST_BYTES:
                raise http.client.IncompleteRead(text, answer.length)
            return Answer(answer.status, text.decode(errors="replace"))
    except (OSError, http.client.HTTPException) as error:  # the second when an answer breaks off
        return Answer(NO_ANSWER, str(error))
    finally:
        line.close()


@contextmanager
def _hung_up_after(line: socket.socket, seconds: float) -> Iterator[None]:
    """Hang up when the time is over, also on one who says a letter now and then; TimeoutError then."""
    over = threading.Event()

    def hang_up() -> None:
        over.set()
        with suppress(OSError):  # they have
            line.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(seconds, hang_up)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
    if over.is_set():
        raise TimeoutError("timed out")


def welcomed(url: str, satisfied: Callable[[Answer], object] = lambda answer: answer.status == 200) -> Answer:
    """Visit until the answer is as wanted, by default any page; Problem when it does not come to that."""
    deadline = time.monotonic() + PATIENCE_S
    while not satisfied(answer := visit(url)):
        if time.monotonic() > deadline:
            raise Problem(f"visiting {url}: after {PATIENCE_S} s still {answer}; `docker logs` of the page says why")
        time.sleep(0.05)
    return answer


class Visitors:
    """People who visit the page one after another, until the block ends. How long one waits for them, `now` tells."""

    def __init__(self, url: str, at_once: int = 2, now: Callable[[], float] = time.monotonic) -> None:
        self.url, self.answers, self._enough, self._now = url, list[Answer](), threading.Event(), now
        self._threads = [threading.Thread(target=self._visit, daemon=True) for _ in range(at_once)]

    @property
    def acknowledged(self) -> list[int]:
        """The numbers that were told to somebody."""
        return [answer.number for answer in self.answers if answer.number]

    @property
    def turned_away(self) -> list[Answer]:
        """What those got who were told no number."""
        return [answer for answer in self.answers if not answer.number]

    def wait_for(self, number: int, within_s: float = PATIENCE_S) -> None:
        """Come back when so many more visits were acknowledged; Problem when that takes too long."""
        wanted, deadline = len(self.acknowledged) + number, self._now() + within_s
        while len(self.acknowledged) < wanted:
            if self._now() > deadline:
                raise Problem(f"visiting {self.url}: {number} visits took longer than {within_s:g} s; is it up?")
            time.sleep(0.01)

    def _visit(self) -> None:
        while not self._enough.is_set():
            self.answers.append(answer := visit(self.url))
            if not answer.number:
                self._enough.wait(0.05)  # nobody calls again the same instant

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._enough.set()
        for thread in self._threads:
            thread.join()
