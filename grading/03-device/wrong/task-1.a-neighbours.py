"""Caught by: the badge says its number.

A number that was written out, and is somebody else's.
"""


class Badge(Board):
    """Registers 0 to 3 say `self.number`."""

    def read(self, offset, size):
        registers = (12345).to_bytes(4, "little") + bytes(16)
        return int.from_bytes(registers[offset : offset + size], "little")
