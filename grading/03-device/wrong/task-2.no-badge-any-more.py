"""Caught by: the badge beside the notepad is untouched.

The class before is not asked.
"""


class Notepad(Badge):
    """Registers 4 to 7 keep what is written to them."""

    def __init__(self, number, room, memory):
        super().__init__(number, room, memory)
        self.notes = bytearray(4)

    def read(self, offset, size):
        notes = {4 + place: byte for place, byte in enumerate(self.notes)}
        return sum(notes.get(offset + place, 0) << 8 * place for place in range(size))

    def write(self, offset, size, value):
        for place, byte in enumerate(value.to_bytes(size, "little")):
            if 4 <= offset + place < 8:
                self.notes[offset + place - 4] = byte
