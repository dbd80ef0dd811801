"""Caught by: the badge says its number.

The number begins with its highest byte.
"""


class Badge(Board):
    """Registers 0 to 3 say `self.number`."""

    def read(self, offset, size):
        registers = self.number.to_bytes(4, "big") + bytes(16)
        return int.from_bytes(registers[offset : offset + size], "little")
