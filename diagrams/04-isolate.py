"""What lab 04 builds, and from where it is checked."""

from cutaway.draw import Arrow, Drawing, kernel, namespace, private, process, shared

notebook = process("your notebook", "starts both")
box = private(namespace("pid, mnt", process("the box", "tasks 1 to 4")))
companion = private(namespace("pid, mnt", process("companion", "task 5")))
together = shared(namespace("user, uts, net", "one name, one network", box, companion))
check = process("the check", "looks from outside")

drawing = Drawing(
    shared(kernel("Linux", notebook, together, check)),
    title="Isolate",
    description=(
        "Your notebook starts two processes that share one host name and one network and have processes and files of "
        "their own, and the check looks at them from outside, through what the kernel shows of every process."
    ),
    arrows=[Arrow(notebook, "unshare", together), Arrow(check, "/proc", together)],
)
