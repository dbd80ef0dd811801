"""What a lab machine costs, beside a bare QEMU with the same kernel: `python benchmarks/machine.py`.

The bare one boots the distribution's own image with busybox for its init, on the same kind of machine, and is there
when its init says so on the console. Interleaved trials by the clock on the wall; the median counts. Memory is PSS:
what several processes share is divided among them.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from jupyter_client import KernelManager

from cutaway.ground import machine
from cutaway.ground.guest import initramfs, kernel, qemu
from cutaway.images.closure import Copy, Folder

TRIALS = int(os.environ.get("CUTAWAY_TRIALS", "3"))
PATIENCE_S = 60
CROWDS = (1, 2, 4, 16)
UP = "the bare guest is up"
INIT = f"#!/bin/busybox sh\nbusybox mount -t devtmpfs dev /dev\necho '{UP}' > /dev/console\nbusybox poweroff -f\n"


def bare(initrd: Path) -> float:
    """Seconds until a bare guest says that it is up."""
    argv = [qemu.program(), "-nodefaults", "-no-user-config", "-no-reboot", "-display", "none", "-machine", "q35"]
    argv += ["-accel", "tcg,tb-size=64", "-cpu", "max", "-m", "512M", "-serial", "stdio"]
    argv += ["-kernel", str(kernel.find().image), "-initrd", str(initrd), "-append", "console=ttyS0 panic=-1 quiet"]
    began = time.monotonic()
    with subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True) as guest:
        assert guest.stdout
        while UP not in (line := guest.stdout.readline()):
            if not line:
                raise RuntimeError("the bare guest ended before it was up")
        up_s = time.monotonic() - began
        guest.kill()
    return up_s


def packed(folder: Path) -> Path:
    """An initramfs with busybox and nothing else."""
    entries = {Path("/bin"): Folder(), Path("/dev"): Folder(), Path("/proc"): Folder()}
    init = folder / "init"
    init.write_text(INIT)
    all_of_it = {**entries, Path("/bin/busybox"): Copy(initramfs.busybox()), Path("/init"): Copy(init)}
    (folder / "initrd").write_bytes(b"".join(initramfs.cpio(all_of_it)))
    return folder / "initrd"


def ours(boot: bool) -> tuple[float, float, float]:
    """Seconds until a machine has begun, until it has finished a command, and of the processor until then."""
    began, own_s = time.monotonic(), time.process_time()
    with machine.fresh(boot=boot) as guest:
        begun_s = time.monotonic() - began
        guest.run("true")
        own_s = time.process_time() - own_s
        return begun_s, time.monotonic() - began, own_s + processor_s(guest.running.process.pid)


def processor_s(pid: int) -> float:
    """What a process has had of the processors: utime and stime of proc(5)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def first_cell() -> float:
    """Seconds until a notebook's kernel in a machine has answered its first cell."""
    manager = KernelManager(kernel_name="cutaway-lab-machine")
    began = time.monotonic()
    manager.start_kernel()
    client = manager.client()
    client.start_channels()
    try:
        client.execute_interactive("1 + 1", output_hook=id, timeout=PATIENCE_S)
        return time.monotonic() - began
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def pss_mib(pid: int) -> float:
    rows = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return int(next(row for row in rows if row.startswith("Pss:")).split()[1]) / 1024


def crowd(number: int) -> float:
    """MiB for each of so many machines that run at once, after a command in each."""
    with ExitStack() as stack:
        guests = [stack.enter_context(machine.fresh()) for _ in range(number)]
        for guest in guests:
            guest.run("true")
        return sum(pss_mib(guest.running.process.pid) for guest in guests) / number


def main() -> None:
    with machine.fresh() as guest:  # so that all that is made once is there
        guest.run("true")
    first_cell()
    with tempfile.TemporaryDirectory() as folder:
        initrd = packed(Path(folder))
        rows = [(bare(initrd), *ours(boot=True), *ours(boot=False), first_cell()) for _ in range(TRIALS)]
    medians = [statistics.median(column) for column in zip(*rows, strict=True)]
    bare_s, boot_s, boot_true_s, boot_cpu_s, copy_s, copy_true_s, copy_cpu_s, cell_s = medians
    print(f"bare QEMU, the distribution's kernel, busybox: up after {bare_s:.2f} s")
    print(f"lab machine booted: begun {boot_s:.2f} s, a command done {boot_true_s:.2f} s")
    print(f"load average {os.getloadavg()[0]:.1f}")
    print(f"begun takes {boot_s / bare_s:.2f} times as long as the bare one, and {boot_s / copy_s:.1f} times a copy;")
    print(f"a command is done in a copy {boot_true_s / copy_true_s:.1f} times as soon as in one that was booted,")
    print(f"with {copy_cpu_s:.2f} s of processor time, not {boot_cpu_s:.2f}: {boot_cpu_s / copy_cpu_s:.1f} times less")
    print(f"lab machine copied: begun {copy_s:.2f} s, a command done {copy_true_s:.2f} s")
    print(f"a notebook's kernel in a copy: first cell answered {cell_s:.2f} s")
    for number in CROWDS:
        print(f"{number:2} machines of {machine.MEMORY_MIB} MiB: {crowd(number):.0f} MiB each (PSS)")


if __name__ == "__main__":
    main()
