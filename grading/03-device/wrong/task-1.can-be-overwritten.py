"""Caught by: the badge cannot be written to.

What is written to the badge is kept.
"""


class Badge(Board):
    """Registers 0 to 3 say `self.number`."""

    def write(self, offset, size, value):
        self.kept = value.to_bytes(4, "little") + bytes(16)

    def read(self, offset, size):
        registers = self.number.to_bytes(4, "little") + bytes(16)
        registers = getattr(self, "kept", registers)
        return int.from_bytes(registers[offset : offset + size], "little")
