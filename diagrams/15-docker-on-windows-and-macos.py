"""Docker on a computer without a Linux kernel: the command on one side, the engine in a machine of its own."""

from cutaway.draw import (
    Arrow,
    Drawing,
    container,
    engine,
    guest_kernel,
    hardware,
    hypervisor,
    kernel,
    private,
    process,
    shared,
)

command = process("docker", "a process of the host", "speaks to a socket")
web = private(container("web", process("httpd")))
docker = engine("Docker", "a process of the guest")
guest = private(guest_kernel("Linux", "the only Linux here", docker, web))
machine = private(hypervisor("the engine's machine", "a process of the host", guest))

drawing = Drawing(
    hardware("one computer", shared(kernel("Windows, macOS, or any other", command, machine))),
    title="An engine in a machine",
    description=(
        "On one computer the docker command is a process of the host's kernel. It speaks through a socket to an engine "
        "in a virtual machine, whose Linux kernel runs the engine and, beside it, the containers."
    ),
    arrows=[Arrow(command, "socket, folder, port", machine), Arrow(docker, "makes", web)],
)
