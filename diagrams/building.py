"""The whole building: one program on four floors. In the README and the contents."""

from cutaway.draw import (
    Drawing,
    container,
    guest_kernel,
    hardware,
    hypervisor,
    interpreter,
    kernel,
    private,
    process,
    program,
    shared,
)

bare_metal = process("sieve", "on bare metal")
interpreted = process("java", interpreter("JVM", program("Sieve.class", "interpreted")))
virtual = private(hypervisor("QEMU", private(guest_kernel("Linux", process("sieve", "in a virtual machine")))))
contained = private(container("Docker", process("sieve", "in a container")))

drawing = Drawing(
    hardware(
        "one computer",
        "processors, memory, disks, network",
        shared(kernel("Linux", "the only way to all of these", bare_metal, interpreted, virtual, contained)),
    ),
    title="One program, four ways to run it",
    description=(
        "The same small program runs on bare metal, in an interpreter, in a virtual machine and in a container, and "
        "what is drawn round it is what stands between it and the hardware."
    ),
)
