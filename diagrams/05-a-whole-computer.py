"""Two kernels: the host's serves every program, one of which is QEMU; the guest's serves what runs in the guest."""

from cutaway.draw import Arrow, Drawing, guest_kernel, hardware, hypervisor, kernel, private, process, shared

notebook = process("notebook", "a process of the host")
command = process("sh", "a process of the guest")
guest = private(guest_kernel("Linux", "its own processes, files, network", command))
qemu = private(hypervisor("QEMU", "a process of the host", "processor, memory, disk, network card", guest))

drawing = Drawing(
    hardware("one computer", shared(kernel("Linux", "serves every process outside", notebook, qemu))),
    title="A computer in a process",
    description=(
        "On one computer one kernel serves the notebook and QEMU, which are two processes; in QEMU a second kernel "
        "serves a shell, which the first kernel does not know of."
    ),
    arrows=[Arrow(notebook, "virtio port", command)],
)
