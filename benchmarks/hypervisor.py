"""What an exit and an instruction cost, as ratios measured in one run: `python benchmarks/hypervisor.py`.

The same guests run under our hypervisor and under a C program of sixty lines that makes the same calls of the same
/dev/kvm, in turn, several times; the median counts. An exit's cost is that of *exits*, which writes to a port, and an
instruction's that of *count*, two instructions a turn; both in ring 0 and in ring 3, and in software beside them.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from cutaway.hypervisor import Computer, Mode, processors
from cutaway.hypervisor.kvm import KvmProcessor

TRIALS = 9
TIMES = {("exits", Mode.LONG): 20_000, ("exits", Mode.USER): 10_000, ("count", Mode.LONG): 200_000}
TIMES[("count", Mode.USER)] = 50_000_000
MODES = {Mode.LONG: "ring 0", Mode.USER: "ring 3"}

# The state to start in is that of our own vCPU, so that both begin alike; it is handed over in files.
IN_C = r"""
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

static void load(const char *path, void *into, size_t most) {
    int file = open(path, O_RDONLY);
    if (file < 0 || read(file, into, most) < 0) { perror(path); exit(1); }
    close(file);
}

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec * 1e-9;
}

int main(int count, char **paths) {
    int kvm = open("/dev/kvm", O_RDWR), vm = ioctl(kvm, KVM_CREATE_VM, 0);
    char *memory = mmap(0, 0x10000, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    load(paths[1], memory, 0x10000);
    ioctl(vm, KVM_SET_TSS_ADDR, 0x7fffd000);
    struct kvm_userspace_memory_region region = {0, 0, 0, 0x10000, (unsigned long) memory};
    ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region);
    int cpu = ioctl(vm, KVM_CREATE_VCPU, 0);
    struct kvm_run *run = mmap(0, ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0), PROT_READ | PROT_WRITE, MAP_SHARED, cpu, 0);
    static struct { struct kvm_cpuid2 head; struct kvm_cpuid_entry2 entries[256]; } cpuid = {{256}};
    ioctl(kvm, KVM_GET_SUPPORTED_CPUID, &cpuid);
    ioctl(cpu, KVM_SET_CPUID2, &cpuid);
    struct kvm_sregs special;
    struct kvm_regs general;
    load(paths[2], &special, sizeof special);
    load(paths[3], &general, sizeof general);
    if (ioctl(cpu, KVM_SET_SREGS, &special) || ioctl(cpu, KVM_SET_REGS, &general)) { perror("start"); return 1; }
    unsigned char said[8] = {0};
    long exits = 0;
    double begin = now();
    for (;;) {
        if (ioctl(cpu, KVM_RUN, 0)) { perror("KVM_RUN"); return 1; }
        exits++;
        if (run->exit_reason != KVM_EXIT_IO) return 2;
        if (run->io.port == 0xf4) break;
        said[run->io.port & 7] = *((unsigned char *) run + run->io.data_offset);  // a device: it keeps the byte
    }
    printf("%.9f %ld\n", now() - begin, exits);
    return count == 4 ? 0 : said[0];
}
"""


class InC:
    """The same guest, under the C program."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.program = folder, folder / "hypervisor"
        subprocess.run(["gcc", "-O2", "-x", "c", "-o", self.program, "-"], input=IN_C, text=True, check=True)

    def seconds(self, guest: str, mode: Mode, times: int) -> float:
        with Computer(guest, mode, on="kvm", rcx=times) as computer:
            processor = computer._processor
            assert isinstance(processor, KvmProcessor)
            state = (bytes(computer.memory.pages), bytes(processor._special()), general(computer))
        paths = [self.folder / name for name in ("memory", "special", "general")]
        for path, content in zip(paths, state, strict=True):
            path.write_bytes(content)
        done = subprocess.run([self.program, *paths], capture_output=True, text=True, check=True)
        return float(done.stdout.split()[0])


def general(computer: Computer) -> bytes:
    return b"".join(value.to_bytes(8, "little") for value in computer.registers)


def in_python(on: str) -> Callable[[str, Mode, int], float]:
    def seconds(guest: str, mode: Mode, times: int) -> float:
        with Computer(guest, mode, on=on, rcx=times) as computer:
            return computer.run(timeout_s=600).seconds

    return seconds


def main() -> None:
    if refusal := processors.missing("kvm"):
        sys.exit(refusal)
    print(f"{TRIALS} trials each, load {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory() as folder:
        subjects = {
            "C on KVM": InC(Path(folder)).seconds,
            "ours on KVM": in_python("kvm"),
            "ours, software": in_python("software"),
        }
        for (guest, mode), times in TIMES.items():
            one = f"{guest}, {MODES[mode]}"
            taken: dict[str, list[float]] = {name: [] for name in subjects}
            for _ in range(TRIALS):
                for name, seconds in subjects.items():
                    less = times // 20 if name == "ours, software" and guest == "count" else times
                    taken[name].append(seconds(guest, mode, less) / less)
            each = {name: statistics.median(values) for name, values in taken.items()}
            told = "; ".join(f"{name} {value * 1e9:,.1f} ns" for name, value in each.items())
            ratio = each["ours on KVM"] / each["C on KVM"]
            emulated = each["ours, software"] / each["C on KVM"]
            print(f"{one:14} each turn: {told}; ours / C {ratio:.2f}; software / C {emulated:.2f}")


if __name__ == "__main__":
    begin = time.monotonic()
    main()
    print(f"{time.monotonic() - begin:.0f} s in all")
