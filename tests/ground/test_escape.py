"""Two ways to another root, and who gets out of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from cutaway.ground import escape
from cutaway.ground.escape import IN, OUT

CLIMB = """
os.makedirs("deeper", exist_ok=True)
os.chroot("deeper")
for _ in range(64):
    os.chdir("..")
os.chroot(".")
"""
WAYS = {"up": "os.chdir('..')", "climb": CLIMB, "open folder": "os.fchdir(outside)", "raises": "os.chdir('/nowhere')"}


@pytest.mark.parametrize(
    ("wall", "gets_out"),
    [
        ("roots.change(root)", {"climb", "open folder"}),
        ("capabilities.limit(0); roots.change(root); capabilities.assume(0, 0, 0)", {"open folder"}),
        ("roots.pivot(root)", {"open folder"}),
        ("os.close(outside); roots.pivot(root)", set()),
        ("pass", set(WAYS)),
    ],
    ids=["chroot", "chroot without capabilities", "pivot_root", "pivot_root, nothing open", "no wall"],
)
def test_a_way_out_works_exactly_where_nothing_stops_it(wall: str, gets_out: set[str], tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    (tmp_path / "note").write_text("beside the root")
    results = escape.attempts(tmp_path / "root", wall, WAYS)
    assert results == {way: OUT if way in gets_out else IN for way in WAYS}
