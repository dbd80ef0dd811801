"""`cutaway lab` as a process of its own, for the tests of the reader's work and of the browser."""

from __future__ import annotations

import json
import os
import re
import selectors
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Mapping, Sequence
from typing import Any

from cutaway.ground.counter import free_port

__all__ = ["Lab", "free_port"]

READY_S = 90  # a shared machine with two busy cores has needed 20
END_S = 30


class Lab:
    """A running `cutaway lab`: `url` opens its first page, `said` is what it has printed.

    `within` is a command that becomes it, such as `setpriv --reuid=65534`; `options` are Popen's.
    """

    def __init__(
        self,
        *words: str,
        browser: bool = False,
        env: Mapping[str, str] = os.environ,
        within: Sequence[str] = (),
        **options: Any,
    ) -> None:
        self.env = env
        argv = [*within, sys.executable, "-m", "cutaway", "lab", *([] if browser else ["--no-browser"]), *words]
        self.process = subprocess.Popen(
            argv, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **options
        )
        self.said = ""
        self.url = self.until(r"^Open +(\S+)$", READY_S)
        self.base, self.token = re.fullmatch(r"(http://[^/]+)/.*token=(\w+)", self.url).groups()  # type: ignore[union-attr]

    def until(self, pattern: str, timeout_s: float) -> str:
        """Wait for a line that matches; its first group. Fails with all that was said instead."""
        deadline = time.monotonic() + timeout_s
        while not (found := re.search(pattern, self.said, re.MULTILINE)):
            if not self._listen(deadline - time.monotonic()):
                self.process.kill()
                self.process.wait()
                raise AssertionError(f"cutaway lab never said {pattern!r} but:\n{self.said}")
        return found.group(1)

    def _listen(self, timeout_s: float) -> bool:
        """Take in what it says next; False when it has no more to say or the time is over."""
        assert self.process.stdout
        with selectors.DefaultSelector() as selector:
            selector.register(self.process.stdout, selectors.EVENT_READ)
            heard = os.read(self.process.stdout.fileno(), 1 << 16) if selector.select(max(0, timeout_s)) else b""
        self.said += heard.decode()
        return bool(heard)

    def ask(self, method: str, path: str, data: object = None) -> Any:
        """One request to the server's own interface."""
        request = urllib.request.Request(
            f"{self.base}/{path}",
            method=method,
            headers={"Authorization": f"token {self.token}"},
            data=json.dumps(data).encode() if data is not None else None,
        )
        with urllib.request.urlopen(request, timeout=END_S) as answer:
            said = answer.read()
        return json.loads(said) if said else None

    def end(self, number: int = signal.SIGTERM) -> int:
        """Send it a signal and wait for its end; the exit code. What it said last is in `said`."""
        self.process.send_signal(number)
        deadline = time.monotonic() + END_S
        while self._listen(deadline - time.monotonic()):
            pass
        try:
            return self.process.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"cutaway lab had not ended {END_S} s after signal {number}:\n{self.said}") from None

    def __enter__(self) -> Lab:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.end()
        assert self.process.stdout
        self.process.stdout.close()
