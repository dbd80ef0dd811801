"""One kernel, two processes, and the eight tables that each of them looks into."""

from cutaway.draw import Drawing, Enclosure, in_rows, kernel, namespace, private, process, shared

TABLES = {  # kind: what the table holds, what a new one holds
    "uts": ("the machine's name", "a copy of the name"),
    "pid": ("the processes' numbers", "numbers from 1"),
    "mnt": ("what is mounted where", "a copy of the mounts"),
    "net": ("links, routes, ports", "one link, down"),
    "ipc": ("queues, shared memory", "none yet"),
    "user": ("who is who", "nobody mapped yet"),
    "cgroup": ("where the cgroups begin", "begins at its own"),
    "time": ("offsets of the clocks", "a copy of the offsets"),
}

outside: list[Enclosure] = [shared(namespace(kind, held)) for kind, (held, _) in TABLES.items()]
inside: list[Enclosure] = [private(namespace(kind, new)) for kind, (_, new) in TABLES.items()]

drawing = Drawing(
    shared(
        kernel(
            "Linux",
            in_rows(process("outside", "looks into the tables that all others use", *outside), of=2),
            in_rows(process("inside", "looks into eight tables of its own", *inside), of=2),
        )
    ),
    title="One kernel, two views",
    description=(
        "Two processes run on one kernel, which keeps eight tables that decide what a process sees; the first shares "
        "its tables with everybody, and the second has a new one of each kind."
    ),
)
