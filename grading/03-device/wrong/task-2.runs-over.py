"""Caught by: the badge beside the notepad is untouched.

What falls behind the notepad is kept as well.
"""


class Notepad(Badge):
    """Registers 4 to 7 keep what is written to them."""

    def __init__(self, number, room, memory):
        super().__init__(number, room, memory)
        self.notes = bytearray(12)

    def read(self, offset, size):
        notes = {4 + place: byte for place, byte in enumerate(self.notes)}
        ours = sum(notes.get(offset + place, 0) << 8 * place for place in range(size))
        return super().read(offset, size) | ours

    def write(self, offset, size, value):
        for place, byte in enumerate(value.to_bytes(size, "little")):
            if offset + place >= 4:
                self.notes[offset + place - 4] = byte
