"""One class file on two machines, each a program in a process of its own."""

from cutaway.draw import Drawing, hardware, interpreter, kernel, process, program, shared

ours = process(
    "python",
    interpreter(
        "CPython", interpreter("our Java machine", "frames, operand stacks, a pc", program("Sieve.class", "bytecode"))
    ),
)
theirs = process("java", interpreter("HotSpot", "the same in C++", program("Sieve.class", "the same bytes")))

drawing = Drawing(
    hardware("one computer", shared(kernel("Linux", "sees two processes, and no Java", ours, theirs))),
    title="A machine in a program",
    description=(
        "One class file is carried out twice: by our Java machine, which is a program that CPython carries out, and by "
        "HotSpot, which is a program of its own; to the kernel both are processes like any other."
    ),
)
