"""Another release of Debian: real, or a sentence about what is missing."""

from __future__ import annotations

from pathlib import Path

import pytest

from cutaway.ground import debian


def test_without_debians_keys_the_page_is_told_why(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CUTAWAY_CACHE", str(tmp_path))
    monkeypatch.setattr(debian, "KEYRING", tmp_path / "none")
    found = debian.another_release()
    assert not found
    assert "this is no Debian; read on without them" in str(found)
    assert not list(tmp_path.iterdir()), "half a folder was left"


def test_a_processor_without_a_debian_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.machine", lambda: "vax")
    assert "not known for 'vax'" in str(debian.another_release())


@pytest.mark.parametrize(("here", "taken"), [("bookworm", "trixie"), ("trixie", "bookworm"), ("noble", "trixie")])
def test_the_release_is_never_this_machines_own(
    here: str, taken: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CUTAWAY_CACHE", str(tmp_path))
    monkeypatch.setattr("platform.freedesktop_os_release", lambda: {"VERSION_CODENAME": here})
    monkeypatch.setattr(debian, "unpack", lambda _packages, _architecture, suite, root: (root / suite).touch())
    assert [path.name for path in Path(str(debian.another_release())).iterdir()] == [taken]
