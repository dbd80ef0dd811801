"""Caught by: the badge beside the notepad is untouched.

A write that begins on the badge is not looked at.
"""


class Notepad(Badge):
    """Registers 4 to 7 keep what is written to them."""

    def __init__(self, number, room, memory):
        super().__init__(number, room, memory)
        self.notes = bytearray(4)

    def read(self, offset, size):
        notes = {4 + place: byte for place, byte in enumerate(self.notes)}
        ours = sum(notes.get(offset + place, 0) << 8 * place for place in range(size))
        return super().read(offset, size) | ours

    def write(self, offset, size, value):
        if offset < 4:
            return
        for place, byte in enumerate(value.to_bytes(size, "little")):
            if 4 <= offset + place < 8:
                self.notes[offset + place - 4] = byte
