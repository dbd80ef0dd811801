"""A lab gives root and an ordinary user the same verdict."""

from ordinary import as_ordinary_user

__all__ = ["as_ordinary_user"]
