"""How the lab machine is made: kernels that serve and that do not, the archive that boots, what is remembered."""

from __future__ import annotations

import json
import lzma
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from machines import own_cache, skip_without_machines

from cutaway import ledger
from cutaway.ground import machine, programs
from cutaway.ground.guest import (
    accelerators,
    cache,
    conversation,
    exports,
    initramfs,
    inside,
    kernel,
    qemu,
    qmp,
    running,
    saved,
)
from cutaway.ground.guest.frames import EXIT, INPUT, INPUT_BYTES, NONCE_BYTES, OUTPUT, PREAMBLE, RUN, Frames, frame
from cutaway.ground.guest.kernel import Unfit
from cutaway.images.closure import Folder, Link, Written
from cutaway.linux.processes import Process, boot_id
from cutaway.problem import Problem

pytestmark = pytest.mark.xdist_group("machine")


# --- Kernels -------------------------------------------------------------------


@pytest.fixture(scope="module")
def found() -> kernel.Kernel:
    skip_without_machines()
    return kernel.find()


def test_the_kernel_that_is_found_has_its_modules(found: kernel.Kernel):
    assert found.release.encode() in found.image.read_bytes()[: kernel.HEADER_BYTES]
    assert found.modules.name == found.release


def test_modules_come_in_an_order_in_which_they_can_be_loaded(found: kernel.Kernel):
    ordered = [path.name.partition(".ko")[0].replace("-", "_") for path in kernel.needed_modules(found, kernel.DRIVERS)]
    assert set(kernel.DRIVERS) - {"virtio_blk", "squashfs"} <= set(ordered) | {"overlay"}
    for number, path in enumerate(kernel.needed_modules(found, kernel.DRIVERS)):
        assert set(kernel.dependencies(path)) <= set(ordered[:number]), f"{path.name} comes too early"


def test_a_kernel_without_its_drivers_does_not_serve(found: kernel.Kernel, tmp_path: Path):
    bare = kernel.Kernel(found.release, found.image, tmp_path)
    with pytest.raises(Unfit, match=rf"{found.release} has no virtio_pci in {tmp_path}"):
        kernel.needed_modules(bare, kernel.DRIVERS)


def test_a_named_kernel_that_does_not_serve_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(kernel.OVERRIDE, str(tmp_path / "nothing"))
    with pytest.raises(Problem, match=rf"guest kernel: {tmp_path}/nothing: no such file or directory; set CUTAWAY"):
        kernel.find()


def test_a_fetched_kernel_is_in_the_cache_and_nothing_was_installed(found: kernel.Kernel):
    if found.image.is_relative_to("/boot"):
        pytest.skip("this machine shows a kernel in /boot, so none is fetched")
    assert found.image.is_relative_to(cache.folder())
    status = subprocess.run(["dpkg", "-s", f"linux-image-{found.release}"], capture_output=True, check=False)
    assert status.returncode != 0


def test_what_is_packed_is_unpacked_and_other_things_are_left():
    assert kernel.unpacked(lzma.compress(b"module") + b"signature") == b"module"
    assert kernel.unpacked(b"\x7fELF module") == b"\x7fELF module"


# --- What boots -------------------------------------------------------------------


def test_the_archive_is_one_that_cpio_reads(tmp_path: Path):
    entries = {Path("/a"): Folder(), Path("/a/b"): Written(b"content\n"), Path("/c"): Link("a/b")}
    packed = b"".join(initramfs.cpio(entries))
    busybox = programs.path("busybox")
    if busybox is None:
        pytest.skip("needs busybox")
    subprocess.run([busybox, "cpio", "-id"], input=packed, cwd=tmp_path, check=True, capture_output=True)
    assert (tmp_path / "c").read_text() == "content\n"


def test_the_guests_python_has_what_process_1_imports_and_little_more():
    files = initramfs.imported()
    assert initramfs.INSIDE in files
    assert not [path for path in files if "site-packages" in path.parts]
    assert len(files) < 100


def test_nothing_secret_of_etc_is_lent():
    names = {path.relative_to("/skeleton/etc") for path in initramfs.skeleton() if path.is_relative_to("/skeleton/etc")}
    assert not {Path("shadow"), Path("gshadow"), Path("ssh"), Path("machine-id")} & names
    written = initramfs.skeleton()[Path("/skeleton/etc/passwd")]
    assert isinstance(written, Written)
    assert written.content.count(b"\n") == 2, "the host's users are none of the guest's business"


def test_the_list_of_what_is_lent_has_no_folder_twice(tmp_path: Path, found: kernel.Kernel):
    inner = tmp_path / "mine" / "below"
    inner.mkdir(parents=True)
    lent = [each.source for each in exports.lent(found, [tmp_path / "mine", inner])]
    assert tmp_path / "mine" in lent
    assert inner not in lent
    assert Path("/") not in lent


# --- What is remembered -------------------------------------------------------------


def test_kvm_is_believed_only_when_a_linux_guest_came_up_with_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    skip_without_machines()
    spec = machine.specify()
    monkeypatch.setenv("CUTAWAY_CACHE", str(tmp_path))
    monkeypatch.delenv(accelerators.OVERRIDE, raising=False)
    found = accelerators.choose(spec)
    if not os.access(accelerators.DEVICE, os.R_OK | os.W_OK):
        assert found == ("tcg", "/dev/kvm is not there, or not for this user")
        return
    assert found.evidence.endswith("came up with it") or "no Linux guest came up with it: " in found.evidence
    remembered = json.loads((tmp_path / "kvm.json").read_text())
    assert remembered["found"] == list(found)
    monkeypatch.setattr(accelerators, "_tried", lambda *_: pytest.fail("it was tried again"))
    assert accelerators.choose(spec) == found
    assert boot_id()  # part of what is remembered: another boot may have another KVM


def test_an_accelerator_that_nobody_knows_is_one_sentence(monkeypatch: pytest.MonkeyPatch):
    skip_without_machines()
    monkeypatch.setenv(accelerators.OVERRIDE, "hope")
    with pytest.raises(Problem, match="CUTAWAY_MACHINE_ACCELERATOR=hope: there is no such one; say kvm or tcg"):
        machine.specify()


@pytest.mark.slow
def test_a_saved_machine_that_was_damaged_is_made_anew(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    skip_without_machines()
    monkeypatch.setenv("CUTAWAY_CACHE", str(own_cache(tmp_path)))
    spec = machine.specify(memory_mib=qemu.LEAST_MIB)
    folder = saved.ready(spec)
    seal = (folder / saved.SEAL).read_text()
    for name in (saved.STATE, saved.MEMORY):
        with (folder / name).open("r+b") as file:
            file.seek(4096)
            file.write(b"damage")
        assert saved.seal(folder) != seal
        (folder / saved.SEAL).write_text(saved.seal(folder) if name == saved.STATE else seal)
        seal = (folder / saved.SEAL).read_text()
    assert not saved.whole(folder)
    with machine.fresh(memory_mib=qemu.LEAST_MIB) as guest:
        assert guest.run("echo alive") == "alive"
    assert saved.whole(folder)


def test_a_full_disk_is_said_before_anything_is_made(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    skip_without_machines()
    spec = machine.specify()
    monkeypatch.setenv("CUTAWAY_CACHE", str(tmp_path))
    monkeypatch.setattr(saved, "ROOM_BYTES", 1 << 60)
    with pytest.raises(Problem, match=rf"saving a machine in {tmp_path}: it takes .* are free; make room, or set"):
        saved.ready(spec)
    assert list(tmp_path.iterdir()) == []


def test_a_cache_that_cannot_be_written_is_one_sentence(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CUTAWAY_CACHE", "/proc/nowhere")
    with pytest.raises(Problem, match=r"making /proc/nowhere: no such file or directory; set CUTAWAY_CACHE"):
        cache.folder()


def test_of_each_sort_only_the_last_used_few_are_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("CUTAWAY_CACHE", str(tmp_path))
    for number in range(cache.MOST + 2):
        place = cache.kept(f"thing-{number}", lambda draft: (draft / "made").touch())
        os.utime(place, (number, number))
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"thing-{n}" for n in range(2, cache.MOST + 2)]


def test_what_is_made_of_another_version_goes_unless_somebody_runs_on_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, state_folder: Path
):
    monkeypatch.setenv("CUTAWAY_CACHE", str(tmp_path / "cache"))
    source, other = (tmp_path / name for name in ("source", "other"))
    for file in (source, other):
        file.write_text("version 1")

    def make(draft: Path) -> None:
        (draft / "it").touch()

    archive, another = (cache.made("archive", cache.sources([file]), make) for file in (source, other))
    idle, used = (cache.made("saved", cache.sources([archive / "it"], number), make) for number in (1, 2))
    assert cache.clean() == [], "nothing has changed"
    source.write_text("the second version")
    with subprocess.Popen(["sh", "-c", "read -r _", used / "it"], stdin=subprocess.PIPE):
        assert set(cache.clean()) == {archive, idle}
    assert cache.clean() == [used]
    assert list((tmp_path / "cache").iterdir()) == [another]


def test_what_an_earlier_version_made_and_nobody_used_for_an_hour_goes_with_the_next(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, state_folder: Path
):
    monkeypatch.setenv("CUTAWAY_CACHE", str(tmp_path / "cache"))
    for name in ("saved-0123456789ab", "saved-ba9876543210", "kernel-6.1.0-56-amd64", f"{cache.DRAFT}abandoned"):
        (cache.folder() / name).mkdir()
        os.utime(cache.folder() / name, (1, 1))
    os.utime(cache.folder() / "saved-ba9876543210")
    made = cache.made("saved", cache.sources([Path(__file__)]), lambda draft: (draft / "it").touch())
    left = {path.name for path in cache.folder().iterdir()}
    assert left == {made.name, "saved-ba9876543210", "kernel-6.1.0-56-amd64"}


def test_what_fails_while_it_is_made_leaves_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("CUTAWAY_CACHE", str(tmp_path))

    def full(draft: Path) -> None:
        (draft / "half").write_text("half")
        raise OSError(28, os.strerror(28))

    with pytest.raises(Problem, match="no space left on device; free some space there, or set CUTAWAY_CACHE"):
        cache.kept("thing", full)
    assert list(tmp_path.iterdir()) == []


# --- Words on the line ----------------------------------------------------------------


def test_frames_come_whole_however_the_stream_is_cut():
    sent = [(OUTPUT, b"some"), (OUTPUT, b""), (EXIT, b"0" * 70000)]
    stream = b"".join(frame(*each) for each in sent)
    for cut in (1, 3, 4096):
        frames = Frames()
        pieces = [stream[at : at + cut] for at in range(0, len(stream), cut)]
        assert [each for piece in pieces for each in frames.feed(piece)] == sent


def test_a_word_that_was_never_finished_does_not_swallow_the_next():
    begun = frame(INPUT, b"i" * INPUT_BYTES)
    for cut in (1, 5, 100, len(begun)):
        frames = Frames()
        sent = begun[:cut] + PREAMBLE + frame(RUN, b"{}")
        assert [*frames.feed(sent[:7000]), *frames.feed(sent[7000:])][-1] == (RUN, b"{}")


def test_what_the_guest_says_to_somebody_else_is_not_heard():
    nonce = os.urandom(NONCE_BYTES)
    stream = frame(OUTPUT, b"of another's") + b"torn" + nonce + frame(EXIT, b"0")
    for cut in (1, 30, 4096):
        frames = Frames(nonce)
        pieces = [stream[at : at + cut] for at in range(0, len(stream), cut)]
        assert [each for piece in pieces for each in frames.feed(piece)] == [(EXIT, b"0")]


def test_process_1_begins_only_when_it_is_run_as_a_program():
    argv = [sys.executable, "-I", "-S", "-c", f"import runpy; runpy.run_path({inside.__file__!r})"]
    subprocess.run(argv, check=True, timeout=60)


def test_qemus_options_take_a_path_with_a_comma(tmp_path: Path):
    skip_without_machines()
    folder = tmp_path / "a, b"
    folder.mkdir()
    words = qemu.command(machine.specify(folders=[folder]), None)
    assert any("a,, b" in word for word in words)


# --- QEMU itself ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("qemus_end", "told"),
    [
        ("kill -SEGV $$", "QEMU was killed by SIGSEGV, without a word; see `cutaway doctor`"),
        ("kill -40 $$", "QEMU was killed by signal 40, without a word"),
        ("echo no such disk >&2; exit 3", "QEMU ended with status 3, QEMU said: no such disk;"),
    ],
)
def test_how_qemu_ended_is_told(qemus_end: str, told: str, state_folder: Path):
    with pytest.raises(Problem, match=re.escape(f"starting short: {told}")):
        running.start("short", ["sh", "-c", qemus_end], Process.current())
    assert ledger.entries() == []


def test_who_reaches_the_monitor_of_a_slow_qemu_reaches_its_ports(state_folder: Path):
    skip_without_machines()
    if (strace := programs.path("strace")) is None:
        pytest.skip("needs strace")
    slowly = [strace, "-f", "-o", "/dev/null", "-e", "trace=listen", "-e", "inject=listen:delay_enter=50ms"]
    slow = running.start("slow", [*slowly, *qemu.command(machine.specify(), None), "-S"], Process.current())
    try:
        for number in range(inside.FIRST_PORT, inside.PORTS.stop):
            conversation.connect(slow.folder, f"port{number}").close()
    finally:
        slow.stop()


def test_a_qemu_that_runs_and_does_not_take_a_call_is_one_sentence(state_folder: Path):
    deaf = running.start("deaf", [sys.executable, "-c", ONLY_A_MONITOR], Process.current())
    try:
        with pytest.raises(Problem, match=r"starting deaf: QEMU runs, but .*No such file.*, without a word;"):
            deaf.hear(1)
    finally:
        deaf.stop()


def test_a_machine_is_stopped_though_somebody_deleted_the_ledger(state_folder: Path):
    started = running.start("unknown", [sys.executable, "-c", ONLY_A_MONITOR], Process.current())
    shutil.rmtree(state_folder)
    started.stop()
    assert started.process.wait(30)


def test_a_machine_that_could_not_go_on_is_stopped_whatever_came_between(
    state_folder: Path, monkeypatch: pytest.MonkeyPatch
):
    skip_without_machines()

    def interrupted(*_: Path) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(qmp, "restore", interrupted)
    with pytest.raises(KeyboardInterrupt):
        machine.start("interrupted")
    assert ledger.entries() == []


ONLY_A_MONITOR = """
import signal, socket
monitor = socket.socket(socket.AF_UNIX)
monitor.bind("qmp")
monitor.listen()
signal.pause()
"""
