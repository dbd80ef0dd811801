"""A user's problem, said in one sentence."""


class Problem(Exception):
    """Something the person at the keyboard can mend.

    The message is one sentence: operation, object, cause, and after a semicolon the next step.
    The command line prints it alone and exits 1; a notebook shows it without a traceback.
    """

    def _render_traceback_(self) -> list[str]:
        """What IPython shows instead of a traceback."""
        return [f"{type(self).__name__}: {self}"]
