"""A pod: two processes that share some namespaces and keep others to themselves."""

from cutaway.draw import Arrow, Drawing, kernel, namespace, private, process, shared

web = private(namespace("mnt, pid", process("web server", "process 1, its own files")))
cache = private(namespace("mnt, pid", process("cache", "process 1, its own files")))

drawing = Drawing(
    shared(kernel("Linux", shared(namespace("net, ipc, uts", "one network, one name", web, cache)))),
    title="A pod",
    description=(
        "Two processes share one network and one host name, so that they meet on localhost, and each has its own "
        "files and its own process 1."
    ),
    arrows=[Arrow(web, "a port of localhost", cache)],
)
