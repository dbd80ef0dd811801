"""How the lab machine is made: a Linux guest under QEMU, from this machine's own programs.

Reading order: kernel, modules and initramfs (what boots), init and inside (what runs first in the guest), frames and
conversation (how the two sides talk), exports (what the guest may read), qemu and qmp (the machine itself),
saved (copies of a machine that is up), notebook and waiting (one with a notebook's kernel in it), engine and recipes
(one with Docker's engine in it, or Podman), workbench (two with both). `ground.machine` is what lessons use. Nothing
is imported here: the guest's first program imports this package too.
"""
