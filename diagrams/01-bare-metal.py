"""Bare metal: processes on one kernel, which alone reaches the hardware."""

from cutaway.draw import Arrow, Drawing, hardware, kernel, process, shared

sieve = process("sieve", "computes, asks nobody")
page = process("counter", "a web page")
database = process("MariaDB", "keeps the count")

drawing = Drawing(
    hardware(
        "one computer",
        "processors, memory, disks, network",
        shared(kernel("Linux", "every way to the hardware is a system call", sieve, page, database)),
    ),
    title="Bare metal",
    description=(
        "Three programs run as processes on one kernel, each with memory of its own; the page asks the database "
        "through a port, and all reach disks and network only through system calls that the kernel answers."
    ),
    arrows=[Arrow(page, "a port", database)],
)
