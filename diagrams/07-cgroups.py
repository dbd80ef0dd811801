"""One kernel, and in it groups within groups; a limit holds for all that lies inside."""

from cutaway.draw import Drawing, group, guest_kernel, process

spins = process("a loop")
writes = process("a database")
asks = process("a web server")
batch = group("batch", "cpu.max 20000 100000", "a fifth of a processor", spins)
data = group("data", "memory.max 48M", writes)
web = group("web", "pids.max 20", asks)
shop = group("shop", "memory.max 64M", "for both together", data, web)

drawing = Drawing(
    guest_kernel("Linux", "counts what each group uses", group("/", "/sys/fs/cgroup", "no limit", shop, batch)),
    title="Groups within groups",
    description=(
        "A kernel keeps control groups in one tree: the group shop may use 64 MiB, and of these its inner group data "
        "48 MiB at most; its other inner group, web, may hold 20 processes; a third group, batch, beside shop, may "
        "use a fifth of a processor."
    ),
)
