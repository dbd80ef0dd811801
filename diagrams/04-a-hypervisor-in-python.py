"""One guest on two processors: the real one, lent by Linux, and one that is a program."""

from cutaway.draw import Arrow, Drawing, hardware, hypervisor, interpreter, kernel, process, program

lent = process(
    "python, with KVM",
    hypervisor("ours", "memory, devices, a loop", program("add", "runs on the real processor")),
)
read = process(
    "python, without",
    hypervisor("ours", "the same", interpreter("unicorn", "reads every instruction", program("add", "the same bytes"))),
)
linux = kernel("Linux", "lends the processor through /dev/kvm", lent, read)

drawing = Drawing(
    hardware("one computer", linux),
    title="A hypervisor in Python",
    description=(
        "One small guest runs in two Python processes: in the first the real processor runs its instructions, lent by "
        "Linux through /dev/kvm, and in the second a program reads them; memory, devices and the loop are the same."
    ),
    arrows=[Arrow(lent, "KVM_RUN", linux)],
)
