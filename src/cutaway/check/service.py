"""The program of lab 07: a small service, written in shell, with pieces of work and a signal drawn for each learner."""

from __future__ import annotations

import signal
from pathlib import Path
from random import Random
from typing import NamedTuple

PIECES = {
    "store": 'busybox mkdir "$0.d" && busybox rmdir "$0.d" && echo {word} is stored',
    "point": 'busybox ln -s {word} "$0.l" && busybox readlink "$0.l" && busybox rm "$0.l"',
    "move": 'echo {word} > "$0.a" && busybox mv "$0.a" "$0.b" && busybox cat "$0.b" && busybox rm "$0.b"',
    "stamp": ': > "$0.s" && busybox touch -d "2001-09-09 01:46" "$0.s" && busybox rm "$0.s" && echo {word} is stamped',
    "lock": ': > "$0.c" && busybox chmod 600 "$0.c" && busybox rm "$0.c" && echo {word} is locked',
    "wait": "busybox sleep 0.01 && echo {word} has waited",
}  # each leaves nothing behind, so that it can be done again
ALWAYS = {
    "wake": "trap 'echo {word} is awake' {signal}; kill -s {signal} $$",
    "missing": 'busybox cat "$0.{word}"',
}
SIGNALS = ("HUP", "USR1", "USR2", "ALRM", "TERM")
NEVER = ("bpf", "keyctl", "mount", "pivot_root", "ptrace", "reboot", "setns", "swapon", "unshare", "userfaultfd")


class Service(NamedTuple):
    """A service that lies at `path`: its works, as commands; the signal that it sends; what it must never call."""

    path: str
    text: str
    works: list[list[str]]
    signal: int
    never: list[str]

    def __repr__(self) -> str:
        works = "\n".join(f"  {' '.join(work)}" for work in self.works)
        return f"{self.text}\nworks:\n{works}\nsignal: {self.signal}\nnever: {' '.join(self.never)}"


def drawn(draw: Random, word: str, folder: str) -> Service:
    """A service written into `folder`: two pieces of work of its own, and two that every service has."""
    name = draw.choice(SIGNALS)
    pieces = {each: PIECES[each] for each in draw.sample(sorted(PIECES), 2)} | ALWAYS
    lines = [f"{each}) {line.format(word=word, signal=name)} ;;" for each, line in pieces.items()]
    text = "\n".join(["case $1 in", *lines, "esac", ""])
    path = Path(folder, "service.sh")
    path.write_text(text)
    works = [["busybox", "sh", str(path), each] for each in pieces]
    return Service(str(path), text, works, int(signal.Signals[f"SIG{name}"]), sorted(draw.sample(NEVER, 3)))
