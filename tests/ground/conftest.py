"""What the tests of this room share."""

from engines import engine, fresh, image, shared
from machines import guest

__all__ = ["engine", "fresh", "guest", "image", "shared"]
