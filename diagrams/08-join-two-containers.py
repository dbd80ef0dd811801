"""What lab 08 builds, and from where it is checked."""

from cutaway.draw import Arrow, Drawing, container, in_rows, link, namespace

web = namespace("web", "task 1: an address", "task 2: a name for database")
database = namespace("database", "task 1: an address")
host = namespace(
    "host",
    "task 1: the wires meet",
    "task 3: out, with its own address",
    "task 4: a port that leads to web",
    "task 5: and nothing else comes in",
    link("uplink", "198.51.100.1"),
)
outside = namespace("outside", link("eth0", "198.51.100.2"))

drawing = Drawing(
    in_rows(container("boxes", web, database), 1),
    host,
    outside,
    columns=3,
    title="Join two containers",
    description=(
        "Two boxes, web and database, stand on a host that is wired to a machine outside. You lay the wires from the "
        "boxes to the host, and set the rules by which they are reached and reach others."
    ),
    arrows=[
        Arrow(web, "yours to lay", host, mutual=True),
        Arrow(database, "yours to lay", host, mutual=True),
        Arrow(host, "is there", outside, mutual=True),
    ],
)
