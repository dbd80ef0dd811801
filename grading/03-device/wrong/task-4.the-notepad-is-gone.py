"""Caught by: texts are printed in turn and each once.

Other registers are not handed on.
"""


class Printer(Mailbox):
    """A write to register 12 has a request served."""

    def write(self, offset, size, value):
        if offset != 12:
            return
        text, length = self.memory.number(value, 4), self.memory.number(value + 4, 4)
        inside = text + length <= self.memory.size
        if inside:
            self.printed += self.memory.read(text, length)
        self.memory.write(value + 8, (1 if inside else 2).to_bytes(4, "little"))
        return
