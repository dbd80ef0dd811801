"""What the tests of this room share."""

from chromium import browser
from engines import engine, fresh, image, shared
from machines import guest
from ordinary import as_ordinary_user

__all__ = ["as_ordinary_user", "browser", "engine", "fresh", "guest", "image", "shared"]
