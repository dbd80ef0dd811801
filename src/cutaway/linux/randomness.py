"""The kernel's random numbers: how a machine that was copied while it ran stops drawing its sister's. See random(4)."""

from __future__ import annotations

import fcntl
import struct
from pathlib import Path

RNDADDENTROPY, RNDRESEEDCRNG = 0x40085203, 0x5207  # linux/random.h


def reseed(seed: bytes) -> None:
    """Stir `seed` into the kernel's randomness, count it as fresh, and draw from it from now on; takes root."""
    with Path("/dev/random").open("wb", buffering=0) as pool:
        fcntl.ioctl(pool, RNDADDENTROPY, struct.pack("=ii", len(seed) * 8, len(seed)) + seed)
        fcntl.ioctl(pool, RNDRESEEDCRNG)
