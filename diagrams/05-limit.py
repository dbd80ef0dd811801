"""What lab 05 builds in the lab machine, and from where it is checked."""

from cutaway.draw import Arrow, Drawing, group, guest_kernel, process

tenants = [
    group(name, f"cpu.weight, {share}", process(f"tenant {number}"))
    for number, (name, share) in enumerate((("first", "the larger"), ("second", "the smaller")), 1)
]
yours = group("your group", "memory.max, pids.max, cpu.max", "for both together", *tenants)
notebook = process("your notebook", "makes it")
check = process("the check", "looks from outside")

drawing = Drawing(
    notebook,
    guest_kernel("Linux", "a lab machine", yours),
    check,
    title="Limit",
    description=(
        "Your notebook makes a control group in a lab machine and limits it, and in it two groups, each with a program "
        "and a weight of its own; the check looks at the groups of a machine of its own in which your functions were "
        "called."
    ),
    arrows=[Arrow(notebook, "root(...)", yours), Arrow(check, "reads files", yours)],
)
