"""The doctor's report for the eye holds what was found, and nothing else."""

from __future__ import annotations

import re

from cutaway.ground import doctor
from cutaway.ground.doctor import Finding, Report, UnitHere
from cutaway.panels import examined


def report(*findings: tuple[str, bool]) -> Report:
    """A report of findings that did or did not work."""
    found = [Finding(name, ok, "tried", "seen", "opens much", "" if ok else "do this") for name, ok in findings]
    lesson = UnitHere("lesson", "06", "06-namespaces", "Namespaces", 45, True, "none", ["user namespaces"])
    unwritten = UnitHere("lesson", "07", "07-cgroups", "Cgroups", 45, False, "none", [])
    return Report(grounds=[], findings=found, lessons=[lesson, unwritten])


def test_what_works_is_drawn_and_what_does_not_is_not() -> None:
    drawn = repr(examined.machine(report(("engine", True), ("java", False))))
    assert "kernel Linux > engine Docker or Podman" in drawn
    assert "Java" not in drawn


def test_a_guest_is_drawn_inside_what_makes_its_machine() -> None:
    drawn = repr(examined.machine(report(("qemu", True), ("guest kernel", True))))
    assert "hypervisor QEMU > guest kernel Linux again" in drawn
    assert "hypervisor" not in repr(examined.machine(report(("qemu", False), ("guest kernel", True))))


def test_what_is_missing_stands_with_its_next_step() -> None:
    assert examined.lacks(report(("java", False), ("php", True))).rows == (("java", "seen", "opens much", "do this"),)


def test_a_next_step_that_is_a_command_is_set_as_code() -> None:
    missing = Finding("php", False, "tried", "see /boot", "much", "apt-get download $(x | awk '/a/') && y")
    shown = examined.lacks(Report(grounds=[], findings=[missing], lessons=[]))._repr_html_()
    assert re.sub("</?span[^>]*>", "", shown).count(
        "<code>apt-get download $(x | awk &#x27;/a/&#x27;) &amp;&amp; y</code>"
    )
    assert '<span style="white-space: nowrap">apt-get</span> <span' in shown, "broken at a blank, never at a hyphen"
    assert "<td>see /<wbr>boot</td>" in shown


def test_only_pages_that_can_be_opened_are_listed_with_their_ground() -> None:
    assert examined.grounds(report()).rows == (("lesson 06", "Namespaces", "45", "none", "user namespaces"),)


def test_a_real_report_can_be_drawn() -> None:
    real = doctor.examine()
    assert "interpreter Python" in repr(examined.machine(real))
    assert len(examined.lacks(real).rows) == sum(not finding.ok for finding in real.findings)
