"""Caught by: a part of the badge is that part.

Whoever asks for a part gets the whole.
"""


class Badge(Board):
    """Registers 0 to 3 say `self.number`."""

    def read(self, offset, size):

        return self.number & (1 << 8 * size) - 1
