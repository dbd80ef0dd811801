"""What lab 04 builds, and from where it is checked."""

from cutaway.draw import Arrow, Drawing, kernel, namespace, private, process, shared

program = process("your program", "makes the enclosure")
enclosure = private(namespace("user, uts, pid, mnt, net", "views of its own", process("a shell", "process 1")))
check = process("the check", "looks from outside")

drawing = Drawing(
    shared(kernel("Linux", program, enclosure, check)),
    title="Isolate",
    description=(
        "Your program starts a shell in namespaces of its own, and the check looks at it from outside, through what "
        "the kernel shows of every process."
    ),
    arrows=[Arrow(program, "unshare", enclosure), Arrow(check, "/proc", enclosure)],
)
