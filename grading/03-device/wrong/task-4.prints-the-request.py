"""Caught by: the text that a request points at is printed.

What lies at the request's own address is printed.
"""


class Printer(Mailbox):
    """A write to register 12 has a request served."""

    def write(self, offset, size, value):
        if offset != 12:
            return super().write(offset, size, value)
        text, length = self.memory.number(value, 4), self.memory.number(value + 4, 4)
        inside = text + length <= self.memory.size
        if inside:
            self.printed += self.memory.read(value, length)
        self.memory.write(value + 8, (1 if inside else 2).to_bytes(4, "little"))
        return None
