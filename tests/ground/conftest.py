"""What the tests of this room share."""

from engines import engine, image

__all__ = ["engine", "image"]
