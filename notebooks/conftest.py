"""What pytest leaves out when it compares a page's stored outputs with fresh ones."""

from __future__ import annotations

import pytest


def pytest_collectstart(collector: pytest.Collector) -> None:
    """Drawings differ between versions of Graphviz; their text form, the list of edges, is compared instead.

    A drawing's HTML holds its picture too, and every other HTML of ours has a text form as well.
    """
    if hasattr(collector, "skip_compare"):  # nbval's notebook
        collector.skip_compare += ("image/svg+xml", "text/html")
