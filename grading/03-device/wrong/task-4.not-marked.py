"""Caught by: the request is marked and nothing else is touched.

The guest is never told.
"""


class Printer(Mailbox):
    """A write to register 12 has a request served."""

    def write(self, offset, size, value):
        if offset != 12:
            return super().write(offset, size, value)
        text, length = self.memory.number(value, 4), self.memory.number(value + 4, 4)
        inside = text + length <= self.memory.size
        if inside:
            self.printed += self.memory.read(text, length)
        return None
