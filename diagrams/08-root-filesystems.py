"""One kernel, two tables of mounts, and the folders from which an overlay makes a root."""

from cutaway.draw import Drawing, kernel, namespace, private, process, shared

outside = process("outside", "its root is the machine's")
inside = process("inside", "its root is another folder")
everybodys = namespace("the mounts that everybody uses", "/ is the machine's disk", outside)
its_own = namespace(
    "mounts of its own",
    "/ is an overlay of two folders",
    "the upper one takes what is written",
    "the lower one is an image, and stays as it is",
    inside,
)

drawing = Drawing(
    shared(kernel("Linux", "one kernel for both", shared(everybodys), private(its_own))),
    title="Another root on the same kernel",
    description=(
        "Two processes run on one kernel. The first has the machine's files; for the second the root folder is "
        "an overlay, which shows an image with whatever is written laid over it."
    ),
)
