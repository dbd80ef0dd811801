"""Caught by: a part of the badge is that part.

From the register on, all that is left.
"""


class Badge(Board):
    """Registers 0 to 3 say `self.number`."""

    def read(self, offset, size):
        registers = self.number.to_bytes(4, "little") + bytes(16)
        return int.from_bytes(registers[offset : offset + 4], "little")
