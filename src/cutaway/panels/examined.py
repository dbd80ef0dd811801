"""The doctor's report for the eye: what this machine has, drawn; what it lacks; and what each lesson will run on."""

from __future__ import annotations

from cutaway.draw import Drawing, container, engine, guest_kernel, hypervisor, in_rows, interpreter, kernel
from cutaway.draw.evidence import look
from cutaway.draw.tables import Table
from cutaway.ground.doctor import Report

WORKS = {  # a finding, and what stands on this kernel where it holds
    "user namespaces": container("namespaces", "made without root"),
    "engine": engine("Docker or Podman", container("containers")),
    "java": interpreter("Java"),
    "php": interpreter("PHP"),
}
COMMANDS = ("sudo ", "su -c ", "apt-get ")
PYTHON = interpreter("Python", "this one")


def machine(report: Report) -> Drawing:
    """What was seen to work here, layer by layer."""
    works = {finding.name for finding in report.findings if finding.ok}
    guest = [guest_kernel("Linux again", "boots as a guest")] if "guest kernel" in works else []
    guests = [hypervisor("QEMU", *guest)] if "qemu" in works else []
    inside = [PYTHON, *(enclosure for name, enclosure in WORKS.items() if name in works), *guests]
    system = guest_kernel if "hypervisor" in {layer.kind for layer in look()} else kernel  # as `draw.here` has it
    help_with_guests = ["serves guests itself (KVM)"] if "kvm" in works else []
    return Drawing(
        in_rows(system("Linux", *help_with_guests, *inside), of=3),
        title="What this machine can do",
        description="One kernel, and in it what the doctor tried and saw working.",
    )


def lacks(report: Report) -> Table:
    """What was tried and failed: what happened, what it would open, and how to enable it."""
    failed = [finding for finding in report.findings if not finding.ok]
    rows = tuple((finding.name, finding.evidence, finding.opens, _marked(finding.remedy)) for finding in failed)
    return Table(("missing", "what happened", "would open", "how to enable it"), rows)


def _marked(remedy: str) -> str:
    """A remedy that is a command as a whole, in the marks of code; others have these marks where they need them."""
    return f"`{remedy}`" if remedy.startswith(COMMANDS) else remedy


def grounds(report: Report) -> Table:
    """Each lesson and lab that can be opened: its minutes, the ground that it runs on here, and what it misses."""
    rows = tuple(
        (f"{unit.kind} {unit.number}", unit.title, f"{unit.minutes}", unit.ground, ", ".join(unit.missing) or "nothing")
        for unit in report.lessons
        if unit.written
    )
    return Table(("page", "title", "minutes", "ground", "misses"), rows)
