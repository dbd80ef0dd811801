"""Every claim of this room holds for root and for an ordinary user."""

from ordinary import as_ordinary_user

__all__ = ["as_ordinary_user"]
