"""What the tests of this room share."""

from engines import engine, fresh, image, shared

__all__ = ["engine", "fresh", "image", "shared"]
