"""One kernel, two processes, and the eight tables that it looks things up in for each of them."""

from cutaway.draw import Drawing, kernel, namespace, private, process, shared

HOLDS = {  # kind: what a table of this kind holds
    "uts": "the name of the machine",
    "user": "who is who, and who may do what",
    "pid": "the numbers of processes",
    "mnt": "which files appear at which folder",
    "net": "the network: addresses and ports",
    "ipc": "mailboxes between programs",
    "cgroup": "where the names of groups begin",
    "time": "how long the machine has been up",
}

outside = process("outside", "any program that you start")
inside = process("inside", "a program in a container")
everybodys = namespace("the tables that everybody uses", *map(": ".join, HOLDS.items()), outside)
its_own = namespace("eight tables of its own", *(f"{kind}: a second one" for kind in HOLDS), inside)

drawing = Drawing(
    shared(kernel("Linux", shared(everybodys), private(its_own))),
    title="One kernel, two sets of tables",
    description=(
        "Two processes run on one kernel, which looks things up in eight tables to answer them: for the first in the "
        "tables that everybody uses, and for the second in a second table of each kind."
    ),
)
