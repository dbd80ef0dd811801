"""Caught by: the status says whether a byte waits and takes none.

Bit 0 is set while nothing waits.
"""


class Mailbox(Notepad):
    """Bytes wait behind register 8; register 9 tells of them."""

    def __init__(self, number, room, memory):
        super().__init__(number, room, memory)
        self.waiting = []

    def read(self, offset, size):
        if offset == 8:
            return self.waiting.pop(0) if self.waiting else 0
        if offset == 9:
            return (not self.waiting) | (len(self.waiting) == self.room) << 1
        return super().read(offset, size)

    def write(self, offset, size, value):
        if offset != 8:
            return super().write(offset, size, value)
        if len(self.waiting) < self.room:
            self.waiting.append(value)
        return None
