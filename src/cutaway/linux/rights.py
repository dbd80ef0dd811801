"""Giving up root's rights, so that an experiment goes for root as it goes for everybody; see capabilities.py."""

from __future__ import annotations

from cutaway.linux import capabilities

KEPT = capabilities.mask({"DAC_READ_SEARCH", "SETFCAP"})
# To read any file: what runs may lie in another user's home. And to give files capabilities, which is harmless where
# there are none to give; the kernel asks root for it before user 0 is mapped to user 0 of a user namespace.


def held() -> int:
    """The capabilities that this thread may use."""
    return capabilities.sets("thread-self")["effective"]


def to_lose() -> bool:
    """Whether this thread may do what only root may."""
    return bool(held() & ~KEPT)


def give_up() -> None:
    """Keep this thread, and all that it starts from now on, from doing what only root may; for good.

    It stays the user that it is, with that user's files. Who has no such rights loses nothing.
    """
    if to_lose():
        left = capabilities.sets("thread-self")["permitted"] & KEPT
        capabilities.confine({"bounding": KEPT, "effective": left, "permitted": left})
