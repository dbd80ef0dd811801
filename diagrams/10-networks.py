"""Two boxes on a host, the wires between them, and the way out."""

from cutaway.draw import Arrow, Drawing, column, in_rows, link, namespace

web = namespace("web", link("eth0", "10.10.0.2"))
database = namespace("database", link("eth0", "10.10.0.3"))
bridge = in_rows(link("bridge0", "10.10.0.1", link("veth-web"), link("veth-database")), 1)
host = in_rows(namespace("host", "rules that change addresses", bridge, link("uplink", "198.51.100.1")), 1)
outside = namespace("outside", link("eth0", "198.51.100.2"))

drawing = Drawing(
    column(web, database),
    host,
    outside,
    columns=3,
    title="Networks of a host and two boxes",
    description=(
        "Each box has a network of its own with one link, whose other end is a port of a bridge on the host. The host "
        "has another link, by which it reaches a machine outside, and rules that change addresses on the way."
    ),
    arrows=[
        Arrow(web, "a wire", host, mutual=True, docks=("eth0", "veth-web")),
        Arrow(database, "a wire", host, mutual=True, docks=("eth0", "veth-database")),
        Arrow(host, "a wire", outside, mutual=True, docks=("uplink", "eth0")),
    ],
)
