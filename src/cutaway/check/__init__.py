"""Checks of what a learner made, from outside: apart from the notebook, through the kernel, with hints.

The learner says `begin_lab` and `check`. Whoever writes a lab begins at `contract`; then `bench` and `looking`, which
checks are written with; `learner`, what is drawn for each; `calls` and `values`, how a function is called across a
process boundary; `examination`, which brings them together; `notebook`, which runs a learner's copy first, and
`in_machine`, which runs it in a lab machine.
"""

from cutaway.check.lab import Lab, begin_lab, check

__all__ = ["Lab", "begin_lab", "check"]
