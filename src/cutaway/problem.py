"""A user's problem, said in one sentence; and what others wrote, on one line."""

PRINTED_CHARACTERS = 500


class Problem(Exception):
    """Something the person at the keyboard can mend.

    The message is one sentence: operation, object, cause, and after a semicolon the next step.
    The command line prints it alone and exits 1; a notebook shows it without a traceback.
    """

    def _render_traceback_(self) -> list[str]:
        """What IPython shows instead of a traceback."""
        return [f"{type(self).__name__}: {self}"]


def printable(text: str) -> str:
    """The text on one line, without what would move a terminal's cursor or turn its writing round, and not for ever."""
    line = "".join(each if each.isprintable() else " " for each in text)
    return line if len(line) <= PRINTED_CHARACTERS else f"{line[:PRINTED_CHARACTERS]} …"
