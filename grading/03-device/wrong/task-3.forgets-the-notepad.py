"""Caught by: an empty mailbox gives 0 and goes on working.

Writes to other registers are not handed on.
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
            return bool(self.waiting) | (len(self.waiting) == self.room) << 1
        return super().read(offset, size)

    def write(self, offset, size, value):
        if offset != 8:
            return
        if len(self.waiting) < self.room:
            self.waiting.append(value)
        return
