"""A pod: two processes that share some namespaces and keep others to themselves."""

from cutaway.draw import Arrow, Drawing, kernel, namespace, private, process, shared

visitor = private(namespace("mnt, pid", process("visitor", "process 1, its own mounts")))
web = private(namespace("mnt, pid", process("web server", "process 1, its own mounts")))

drawing = Drawing(
    shared(kernel("Linux", shared(namespace("user, net, ipc, uts", "one network, one name", visitor, web)))),
    title="A pod",
    description=(
        "Two processes share one network and one host name, and one user namespace that owns them, so that the visitor "
        "reaches the web server at a port of the loopback, and each has its own mounts and its own process 1."
    ),
    arrows=[Arrow(visitor, "port 8000", web)],
)
