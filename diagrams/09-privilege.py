"""A system call on its way: first the filter judges it, then the kernel asks for capabilities, and where they count."""

from cutaway.draw import Arrow, Drawing, kernel, namespace, private, process, shared

program = process(
    "a program in a box",
    "a filter: which system calls it may make",
    "capabilities: what these may do",
    "no_new_privs: no program adds to them",
)
box = private(namespace("of the box, kind user", "its root has all capabilities here", program))
machine = shared(namespace("of the machine, kind user", "what it owns: disks, modules, clocks", box))
linux = kernel("Linux", machine)

drawing = Drawing(
    linux,
    title="What may a program do?",
    description=(
        "A program in a box makes a system call: its filter decides whether the kernel hears it at all, its "
        "capabilities decide whether it is granted, and they count only for what the box's user namespace owns."
    ),
    arrows=[Arrow(program, "system call", linux)],
)
