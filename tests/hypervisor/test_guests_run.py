"""What the machine does with exits, with devices that fail, and with guests that do not behave."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from cutaway.hypervisor import Computer, Exit, GuestProblem, Machine, Memory, Mode, Reason, kvm, processors
from cutaway.hypervisor.computer import TRIALS, modes
from cutaway.hypervisor.core import ENTRY, MEMORY_BYTES, PowerOff
from cutaway.hypervisor.problems import NoDevice, NoProcessor, OutOfRange, Spinning, TripleFault

code = bytes.fromhex


class Recorder:
    """A device that keeps what is written and answers reads with 0x41, 0x42 ..."""

    length = 8

    def __init__(self) -> None:
        self.written: list[tuple[int, int, int]] = []
        self.reads = 0

    def read(self, offset: int, size: int) -> int:
        self.reads += 1
        return 0x40 + self.reads

    def write(self, offset: int, size: int, value: int) -> None:
        self.written.append((offset, size, value))


# --- Exits -----------------------------------------------------------------


def test_every_exit_is_told_in_order_with_its_address_size_and_value(on: str) -> None:
    # mov dx, 0x3fa; mov ax, 0x1234; out dx, ax; in al, dx; hlt
    with Machine(code("bafa03 b83412 ef ec f4"), ports={0x3F8: Recorder()}, on=on) as machine:
        told = list(machine.exits())
    assert told == [
        Exit(Reason.PORT_WRITE, 0x3FA, 2, 0x1234),
        Exit(Reason.PORT_READ, 0x3FA, 1, 0x41),
        Exit(Reason.HALT),
    ]
    assert list(map(str, told)) == ["out 0x3fa <- 0x1234", "in 0x3fa -> 0x41", "hlt"]


def test_a_string_instruction_brings_its_values_one_by_one(on: str) -> None:
    # mov si, ENTRY; mov cx, 3; mov dx, 0x3f8; rep outsb; mov di, 0x9000; mov cx, 3; rep insb; hlt
    guest = code("be0010 b90300 baf803 f36e bf0090 b90300 f36c f4")
    device = Recorder()
    with Machine(guest, ports={0x3F8: device}, on=on) as machine:
        machine.run()
        assert [value for _, _, value in device.written] == list(guest[:3])
        assert machine.memory.read(0x9000, 3) == b"ABC"
        assert device.reads == 3


def test_an_instruction_that_reads_and_writes_memory_that_is_not_there_does_each_once(on: str) -> None:
    # mov ax, 0xd000; mov ds, ax; add byte ptr [5], 1; movsb from [0] to es:0x9000; hlt
    device = Recorder()
    with Machine(code("b800d0 8ed8 8006050001 31f6 bf0090 a4 f4"), mmio={0xD0000: device}, on=on) as machine:
        outcome = machine.run()
        assert outcome.exits == {Reason.MEMORY_READ: 2, Reason.MEMORY_WRITE: 1, Reason.HALT: 1}
        assert device.written == [(5, 1, 0x42)]
        assert machine.memory.read(0x9000, 1) == b"\x42"


def test_an_answer_that_is_too_wide_is_cut_to_the_size_that_was_asked_for(on: str) -> None:
    class Wide(Recorder):
        def read(self, offset: int, size: int) -> int:
            return 0x123456

    with Machine(code("e410 f4"), ports={0x10: Wide()}, on=on) as machine:  # in al, 0x10; hlt
        assert machine.run().registers.rax == 0x56


def test_an_hlt_straight_after_a_port_is_not_lost(on: str) -> None:
    with Machine(code("e6f4 f4"), ports={0xF4: Recorder()}, on=on) as machine:  # out 0xf4, al; hlt
        assert [came.reason for came in machine.exits()] == [Reason.PORT_WRITE, Reason.HALT]


def test_registers_can_be_set_before_and_between_exits(on: str) -> None:
    with Machine(code("e610 f4"), ports={0x10: (device := Recorder())}, on=on) as machine:
        machine.set(rax=0x55)
        machine.run()
    assert device.written == [(0, 1, 0x55)]


def test_an_ended_guest_cannot_be_stepped_and_runs_no_further(on: str) -> None:
    with Machine(code("f4"), on=on) as machine:
        assert machine.step() == Exit(Reason.HALT)
        with pytest.raises(GuestProblem, match="this guest has ended; make a new machine"):
            machine.step()
        assert list(machine.exits()) == []


# --- Devices that fail -----------------------------------------------------


def test_where_nothing_is_plugged_in_the_guests_request_is_named(on: str) -> None:
    with (
        Machine(code("e671 f4"), on=on) as machine,
        pytest.raises(
            NoDevice, match=r"guest's out on \w+: nothing is plugged in at port 0x71; give the machine ports="
        ),
    ):
        machine.run()
    with (
        Machine(code("b800d0 8ed8 a00000 f4"), on=on) as machine,
        pytest.raises(NoDevice, match=r"mmio read on \w+: nothing is plugged in at address 0xd0000"),
    ):
        machine.run()


def test_what_a_device_raises_comes_out_as_it_is(on: str) -> None:
    class Broken(Recorder):
        def write(self, offset: int, size: int, value: int) -> None:
            raise ZeroDivisionError("mine")

        def read(self, offset: int, size: int) -> int:
            raise KeyError("mine too")

    with Machine(code("e610 f4"), ports={0x10: Broken()}, on=on) as machine, pytest.raises(ZeroDivisionError):
        machine.run()
    with Machine(code("e410 f4"), ports={0x10: Broken()}, on=on) as machine, pytest.raises(KeyError):
        machine.run()


def test_a_device_may_end_the_machine(on: str) -> None:
    class Switch(Recorder):
        def write(self, offset: int, size: int, value: int) -> None:
            raise PowerOff(value)

    with Machine(code("b007 e610 ebfe"), ports={0x10: Switch()}, on=on) as machine:
        assert machine.run().code == 7


# --- Memory ----------------------------------------------------------------


def test_memory_that_a_guest_does_not_have_is_out_of_range() -> None:
    memory = Memory()
    for wrong in (-1, MEMORY_BYTES, MEMORY_BYTES - 3):
        with pytest.raises(OutOfRange, match=r"reading 4 bytes at -?0x\w+: the guest's memory ends at 0x10000; give"):
            memory.read(wrong, 4)
    with pytest.raises(OutOfRange, match="writing"):
        memory.write(MEMORY_BYTES - 1, b"ab")
    with pytest.raises(OutOfRange, match="loading 45057 bytes at 0x1000"):
        Machine(bytes(0xB001), on="software")


@pytest.mark.parametrize("size", [0, 4096, MEMORY_BYTES + 1])
def test_memory_of_a_wrong_size_is_one_sentence(size: int) -> None:
    with pytest.raises(
        GuestProblem, match="of guest memory: it takes 0x10000 or more, in pages of 0x1000; round it up"
    ):
        Memory(size)


def test_a_disk_has_no_more_sectors_than_it_has(on: str) -> None:
    # out 0x1f0 <- 1; in al, 0x1fc
    guest = code("baf001 b001 ee bafc01 ec f4")
    from cutaway.hypervisor import Guest
    from cutaway.hypervisor.guests import Line

    beyond = Guest("beyond", Mode.REAL, (Line(ENTRY, guest, ""),))
    with Computer(beyond, on=on) as computer, pytest.raises(GuestProblem, match="it asked for sector 1 of 1; give the"):
        computer.run()


def test_a_sector_goes_both_ways() -> None:
    from cutaway.hypervisor import Disk

    memory = Memory()
    disk = Disk(memory, bytes(1024))
    memory.write(0xA000, b"kept")
    for offset, value in ((Disk.SECTOR, 1), (Disk.ADDRESS, 0xA000), (Disk.COMMAND, Disk.STORE)):
        disk.write(offset, 4, value)
    assert disk.image[512:516] == b"kept"
    memory.write(0xA000, bytes(4))
    disk.write(Disk.COMMAND, 4, Disk.FETCH)
    assert memory.read(0xA000, 4) == b"kept"
    disk.write(Disk.ADDRESS, 4, MEMORY_BYTES - 100)
    with pytest.raises(OutOfRange):
        disk.write(Disk.COMMAND, 4, Disk.FETCH)


# --- Guests that do not behave ---------------------------------------------


def test_a_guest_that_spins_is_stopped_and_told_where(on: str) -> None:
    begun = time.monotonic()
    with (
        Computer("spin", on=on) as computer,
        pytest.raises(Spinning, match=r"stopped at rip 0x1000, as it had not ended after 0.2 s; if it is not") as told,
    ):
        computer.run(timeout_s=0.2)
    assert told.value.rip == 0x1000
    assert time.monotonic() - begun < 30


@pytest.mark.parametrize("mode", [Mode.LONG, Mode.USER])
def test_a_guest_that_asks_for_ever_is_stopped_too(mode: Mode, on: str) -> None:
    with Computer("exits", mode, on=on, rcx=1 << 40) as computer, pytest.raises(Spinning):
        computer.run(timeout_s=0.2)


def test_a_stopped_guest_can_go_on(on: str) -> None:
    with Computer("count", Mode.USER, on=on, rcx=1 << 40) as computer:
        for _ in range(50):  # on a busy machine it has not begun by then
            with pytest.raises(Spinning):
                computer.run(timeout_s=0.1)
            if computer.registers.rcx < 1 << 40:
                break
        assert 0 < computer.registers.rcx < 1 << 40
        computer.set(rcx=2)
        assert computer.run().code == 0


def test_a_guest_in_another_thread_than_the_main_one_is_stopped(on: str) -> None:
    told: list[BaseException] = []

    def spin() -> None:
        try:
            with Computer("spin", on=on) as computer:
                computer.run(timeout_s=0.2)
        except Spinning as stopped:
            told.append(stopped)

    thread = threading.Thread(target=spin)
    thread.start()
    thread.join(30)
    assert not thread.is_alive()
    assert len(told) == 1


def test_another_signal_does_not_end_a_guest(kvm: str) -> None:
    """A guest in ring 3 counts for a while, and is disturbed by a timer all along."""
    heard = []
    before = signal.signal(signal.SIGALRM, lambda *_: heard.append(1))
    signal.setitimer(signal.ITIMER_REAL, 0.005, 0.005)
    try:
        with Computer("count", Mode.USER, on=kvm, rcx=300_000_000) as computer:
            assert computer.run(timeout_s=60).code == 0
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert heard


def test_control_c_reaches_the_reader_at_once(kvm: str) -> None:
    timer = threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT))
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # what runs in a shell's background ignores it
    try:
        with Computer("spin", on=kvm) as computer, pytest.raises(KeyboardInterrupt):  # noqa: PT012  it may come early
            timer.start()
            computer.run(timeout_s=30)
        timer.join()
    finally:
        signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("guest", ["fault", "privileged"])
def test_a_guest_that_does_what_it_may_not_shuts_its_machine_down_and_no_other(guest: str, on: str) -> None:
    with (
        Computer(guest, on=on) as computer,
        pytest.raises(TripleFault, match=r"running the guest on \w+: it shut down at rip 0x1005, by .*; step") as told,
    ):
        computer.run()
    assert told.value.rip == 0x1005
    with Computer("add", on=on) as computer:
        assert computer.run().registers.rax == 4


def test_stepping_in_ring_3_works_or_says_what_can(on: str) -> None:
    with Computer("count", Mode.USER, on=on, rcx=2) as computer:
        try:
            came = str(computer.step())
        except TripleFault as fault:
            came = str(fault)
    told = "stepped in ring 3, which not every KVM can do and software can"
    assert came == "step" or (on == "kvm" and told in came), came


# --- Which processor -------------------------------------------------------


def test_without_a_wish_a_machine_runs_on_kvm_where_there_is_one() -> None:
    with Computer("add") as computer:
        assert (computer.on == "KVM") == (not processors.missing("kvm"))


@pytest.mark.parametrize(
    ("device", "says"),
    [
        ("/nonexistent/kvm", "opening /nonexistent/kvm: it does not exist; switch on virtualisation in the firmware"),
        ("/dev/null", "opening /dev/null: it is no KVM; run on software"),
    ],
)
def test_without_kvm_it_says_so_and_software_takes_its_place(
    device: str, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kvm, "DEVICE", device)
    with pytest.raises(NoProcessor, match=says):
        Computer("add", on="kvm")
    with Computer("add") as computer:
        assert repr(computer.run()).startswith("on software: ")


def test_an_ordinary_user_is_told_how_to_get_the_right_and_has_software_meanwhile() -> None:
    program = (
        "import os\nif not os.geteuid(): os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
        "from cutaway.hypervisor import Computer, processors\nprint(processors.missing('kvm'))\n"
        "with Computer('add') as computer: print(computer.run())"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    if "closed to this user" not in done.stdout:
        pytest.skip("needs a /dev/kvm that is closed to ordinary users")
    assert "usermod -aG kvm $USER and log in again, or run on software" in done.stdout
    assert "on software: halted with rax 0x4" in done.stdout


def test_a_processor_of_another_name_is_refused_with_the_names() -> None:
    with pytest.raises(GuestProblem, match="there is none of that name; say kvm or software"):
        Computer("add", on="qemu")


def test_each_mode_is_tried(on: str) -> None:
    assert modes(on) == dict.fromkeys(Mode, "")


def test_a_mode_that_does_not_run_is_told_with_its_reason(on: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(TRIALS, Mode.LONG, "fault")
    refused = {mode: why for mode, why in modes(on).items() if why}
    assert list(refused) == [Mode.LONG]
    assert "it shut down at rip 0x1005" in refused[Mode.LONG]


# --- The host --------------------------------------------------------------


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_a_closed_machine_leaves_no_file_and_no_thread_open(on: str) -> None:
    Computer("add", on=on).close()
    files, threads = open_files(), threading.active_count()
    for _ in range(20):
        with Computer("add", on=on) as computer:
            computer.run()
    assert open_files() <= files  # what earlier tests left may go meanwhile
    assert threading.active_count() <= threads


def test_a_machine_that_cannot_start_leaves_no_file_open(kvm: str, monkeypatch: pytest.MonkeyPatch) -> None:
    files = open_files()
    monkeypatch.setattr("cutaway.hypervisor.kvm.KVM_SET_SREGS", 0x4138AEFF)
    with pytest.raises(
        GuestProblem, match=r"starting a vCPU in real mode: this KVM refuses with E[A-Z]+; run it on soft"
    ):
        Computer("add", on=kvm)
    assert open_files() == files


def test_the_kernel_has_counted_the_same_exits(kvm: str) -> None:
    with Computer("exits", on=kvm, rcx=100) as computer:
        outcome = computer.run()
        counted = computer.counted()
    assert counted == {} or outcome.total <= counted["exits"] <= 2 * outcome.total
    with Computer("exits", on="software", rcx=100) as computer:
        computer.run()
        assert computer.counted() == {}


# --- Both alike ------------------------------------------------------------

ALIKE_PROGRAMS = 60
REGISTERS_ONLY = {  # instructions on two registers: opcode; ModRM says which (SDM volume 2, 2.1.5)
    "add": "01",
    "or": "09",
    "adc": "11",
    "and": "21",
    "sub": "29",
    "xor": "31",
    "mov": "89",
    "imul": "0faf",
}
FREE = (0, 1, 2, 3, 6, 7)  # all but the stack pointer and the frame pointer


def random_program(choose: random.Random, mode: Mode) -> bytes:
    """Constants into six registers, then thirty instructions on them, and HLT."""
    wide = b"\x48" if mode is Mode.LONG else b""  # REX.W
    size = {Mode.REAL: 2, Mode.PROTECTED: 4, Mode.LONG: 8}[mode]
    loads = (wide + bytes([0xB8 + number]) + choose.randbytes(size) for number in FREE)
    return b"".join(loads) + b"".join(wide + instruction(choose) for _ in range(30)) + b"\xf4"


def instruction(choose: random.Random) -> bytes:
    pair = 0xC0 | choose.choice(FREE) << 3 | choose.choice(FREE)
    kind = choose.choice([*REGISTERS_ONLY, "shift", "not"])
    if kind == "shift":  # rol, ror, shl, shr, sar by a constant
        return bytes([0xC1, 0xC0 | choose.choice((0, 1, 4, 5, 7)) << 3 | choose.choice(FREE), choose.randrange(1, 15)])
    if kind == "not":
        return bytes([0xF7, 0xD0 | choose.choice(FREE)])
    return code(REGISTERS_ONLY[kind]) + bytes([pair])


@pytest.mark.parametrize("mode", [Mode.REAL, Mode.PROTECTED, Mode.LONG])
def test_random_programs_end_with_the_same_registers_on_both(mode: Mode, kvm: str) -> None:
    for seed in range(ALIKE_PROGRAMS):
        program = random_program(random.Random(f"{mode.name} {seed}"), mode)
        ends = []
        for on in (kvm, "software"):
            with Machine(program, mode, on=on) as machine:
                ends.append(machine.run().registers[:-1])
        assert ends[0] == ends[1], f"seed {seed}, {mode.value}: {program.hex(' ')}"
