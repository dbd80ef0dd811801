"""What a runtime says when it cannot: one sentence."""

from __future__ import annotations

from cutaway.problem import Problem


class ContainerError(Problem):
    """An operation on a container was refused; nothing of it stays half done."""
