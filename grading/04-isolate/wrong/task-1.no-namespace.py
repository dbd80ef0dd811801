"""Caught by: its uts namespace is its own.

The process shares the name of everybody; writing the name down somewhere changes nothing.
"""


def own_name(hostname: str) -> int:
    return start(f"env HOSTNAME={hostname} sleep infinity")
