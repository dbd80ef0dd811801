import json
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from cutaway.draw import evidence, here
from cutaway.draw.evidence import Fact, Found, look
from cutaway.draw.here import drawing_of

EVIDENCE = Path(evidence.__file__)
NEW_ROOT_USER = ["unshare", "--user", "--map-root-user"]


def looked(*command: str | Path, **options: Any) -> list[Found]:
    """What a process that is started by `command` finds out about itself."""
    answer = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60, **options).stdout
    rows = json.loads(answer)
    return [Found(**{**row, "facts": tuple(Fact(**fact) for fact in row["facts"])}) for row in rows]


def kinds(found: list[Found]) -> list[str]:
    return [each.kind for each in found]


def claims(found: list[Found], kind: str) -> dict[str, str]:
    return {fact.claim: fact.seen for each in found if each.kind == kind for fact in each.facts}


@pytest.fixture
def user_namespaces() -> None:
    if not shutil.which("unshare") or subprocess.run([*NEW_ROOT_USER, "true"], capture_output=True).returncode:
        pytest.skip("needs user namespaces and the program unshare")


# --- For real --------------------------------------------------------------


def test_a_plain_process_lies_in_what_its_parent_lies_in():
    assert kinds(looked(sys.executable, "-I", EVIDENCE)) == kinds(look())


def test_what_is_found_is_what_python_and_the_kernel_say():
    found = {each.kind: each for each in look()}
    process = claims([*found.values()], "process")
    (kernel,) = (each for kind, each in found.items() if kind in {"kernel", "guest kernel"})
    assert kernel.details == (f"Linux {platform.release()}",)
    assert found["interpreter"].label == platform.python_implementation()
    assert process["its number, from the outermost namespace in"].split()[-1] == str(os.getpid())
    machine = " ".join(found.get("hypervisor", found["hardware"]).details)
    assert f"{os.cpu_count()} processor" in machine


def test_a_hypervisor_is_found_where_systemd_finds_one():
    if not shutil.which("systemd-detect-virt"):
        pytest.skip("needs systemd-detect-virt as an oracle")
    said = subprocess.run(["systemd-detect-virt", "--vm"], capture_output=True, text=True).stdout.strip()
    assert ("hypervisor" in kinds(look())) == (said != "none")


def test_the_numbers_of_the_first_namespaces_are_those_of_the_kernels_own_thread():
    try:
        numbers = {kind: Path(f"/proc/2/ns/{kind}").stat().st_ino for kind in evidence.FIRST_NAMESPACES}
    except OSError:
        pytest.skip("needs a readable /proc/2/ns (root, in the machine's pid namespace)")
    if Path("/proc/2/comm").read_text() != "kthreadd\n":
        pytest.skip("needs the machine's pid namespace, in which process 2 is the kernel's thread")
    newer = tuple(map(int, platform.release().split(".")[:2])) >= (6, 18)
    fixed = evidence.FIRST_NAMESPACES.keys() - (set() if newer else {"mnt", "net"})
    assert {kind: numbers[kind] for kind in fixed} == {kind: evidence.FIRST_NAMESPACES[kind] for kind in fixed}


def test_new_namespaces_are_drawn_round_the_process_that_is_in_them(user_namespaces):
    found = looked(*NEW_ROOT_USER, "--pid", "--fork", "--mount-proc", sys.executable, "-I", EVIDENCE)
    (enclosing,) = (each for each in found if each.kind in {"namespace", "container"})
    assert {"pid namespace: its own", "user namespace: its own"} <= {fact.claim for fact in enclosing.facts}
    assert claims(found, "process")["its number, from the outermost namespace in"] == "1"
    assert f"{enclosing.kind} {enclosing.label} > process".replace("  ", " ") in drawing_of(found).edges


def test_a_changed_root_directory_is_seen_and_is_no_enclosure(user_namespaces, looking_root):
    enter = (
        f"mount --rbind /proc '{looking_root}/proc' && exec chroot '{looking_root}' /usr/bin/python3 -I /evidence.py"
    )
    found = looked(*NEW_ROOT_USER, "--mount", "sh", "-c", enter)
    assert "container" not in kinds(found)
    assert claims(found, "process")["its root directory"] == "nothing is mounted there: moved by chroot"
    assert "its root is moved: chroot" in next(each.details for each in found if each.kind == "process")


def test_without_proc_everything_is_unknown_and_nothing_is_guessed(user_namespaces, looking_root):
    found = looked(*NEW_ROOT_USER, "chroot", looking_root, "/usr/bin/python3", "-I", "/evidence.py")
    assert kinds(found) == ["hardware", "kernel", "process", "interpreter", "program"]
    assert claims(found, "hardware")["a hypervisor: unknown"]
    assert claims(found, "process")["its root directory"] == "unknown: it cannot be read"
    assert claims(found, "process")["mnt namespace: unknown"] == "it cannot be read"


def test_in_a_notebook_it_is_this_cell_that_is_drawn(tmp_path):
    from jupyter_client.manager import run_kernel

    with run_kernel(cwd=str(tmp_path)) as client:
        shown: list[str] = []
        client.execute_interactive(
            "import cutaway.draw; cutaway.draw.here()",
            timeout=60,
            output_hook=lambda message: shown.append(message["content"].get("data", {}).get("text/plain", "")),
        )
    assert "interpreter CPython > program this cell" in "".join(shown)


def test_every_enclosure_carries_its_evidence():
    drawn = here()
    assert drawn.evidence.headings == ("enclosure", "claim", "file", "what was seen")
    assert {row[0] for row in drawn.evidence.rows} == set(kinds(look()))
    assert "<table" in drawn.evidence._repr_html_()


def test_the_edges_name_no_accident_of_this_machine():
    edges = repr(here())
    assert platform.release() not in edges
    assert not any(letter.isdigit() for letter in edges)


# --- From recorded files ---------------------------------------------------

ID = "04f197f6a323652dd77132d23e12745f9f35b5073b4ec5f0ea62023ecc861e22"
X86 = "processor\t: 0\nmodel name\t: A processor\nflags\t\t: fpu vme de{}\n\nprocessor\t: 1\n"
ARM = "processor\t: 0\nBogoMIPS\t: 50.00\nFeatures\t: fp asimd\n"
ROOT = "27 1 254:0 / / rw,relatime - ext4 /dev/vda rw\n"
OVERLAY = "612 520 0:65 / / rw,relatime - overlay overlay rw,lowerdir=/srv/l/AAA,upperdir=/srv/{}/diff\n"


def machine(root: Path, *, first: bool = True, release: str = "6.18.0-amd64", **files: str) -> Path:
    """A root directory with the files of a machine; `first`: whether the process is in the machine's namespaces."""
    defaults = {"/proc/cpuinfo": X86.format(""), "/proc/self/mountinfo": ROOT, "/proc/self/cgroup": "0::/user.slice\n"}
    for name, content in {**defaults, "/proc/sys/kernel/osrelease": release, **files}.items():
        path = root / name.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    namespaces(root, "self", 0 if first else 300)
    return root


def namespaces(root: Path, process: str, more: int, **numbers: int) -> None:
    """Write /proc/PROCESS/ns with the first namespaces' numbers, `more` added to each, or with `numbers`."""
    folder = root / "proc" / process / "ns"
    folder.mkdir(parents=True, exist_ok=True)
    for kind, number in evidence.FIRST_NAMESPACES.items():
        (folder / kind).unlink(missing_ok=True)
        (folder / kind).symlink_to(f"{kind}:[{numbers.get(kind, number + more)}]")


DMI = "/sys/class/dmi/id/sys_vendor"
PRODUCT = "/sys/class/dmi/id/product_name"
CLOCK = "/sys/devices/system/clocksource/clocksource0/available_clocksource"


@pytest.mark.parametrize(
    ("files", "maker"),
    [
        ({DMI: "VMware, Inc.\n"}, "VMware"),
        ({DMI: "innotek GmbH\n", PRODUCT: "VirtualBox\n"}, "VirtualBox"),
        ({DMI: "QEMU\n", PRODUCT: "Standard PC (Q35 + ICH9, 2009)\n"}, "QEMU"),
        ({DMI: "Microsoft Corporation\n", PRODUCT: "Virtual Machine\n"}, "Hyper-V"),
        ({PRODUCT: "QEMU Virtual Machine\n"}, "QEMU"),
        ({PRODUCT: "KVM Virtual Machine\n"}, "KVM"),
        ({DMI: "Amazon EC2\n", PRODUCT: "m5.large\n"}, "Amazon EC2"),
        ({CLOCK: "tsc hyperv_clocksource_tsc_page acpi_pm\n"}, "Hyper-V"),
        ({CLOCK: "kvm-clock tsc\n"}, "KVM"),
        ({}, "unknown"),
    ],
)
def test_a_virtual_machine_is_named_by_its_firmware_or_its_clock(tmp_path, files, maker):
    found = look(machine(tmp_path, **{"/proc/cpuinfo": X86.format(" hypervisor"), **files}))
    assert kinds(found)[:3] == ["hardware", "hypervisor", "guest kernel"]
    assert found[1].details == (f"its maker: {maker}", "shows 2 processors, memory unknown")
    assert len({fact.claim for fact in found[1].facts if fact.claim.startswith("the hypervisor is")}) <= 1


@pytest.mark.parametrize(("kib", "said"), [(480_000, "469 MiB"), (1 << 20, "1 GiB"), (24 << 20, "24 GiB")])
def test_a_small_machine_is_not_drawn_without_memory(tmp_path, kib, said):
    found = look(machine(tmp_path, **{"/proc/meminfo": f"MemTotal:       {kib} kB\n"}))
    assert found[0].details[0] == f"2 processors, {said} of memory"


@pytest.mark.parametrize(
    "files", [{DMI: "Amazon EC2\n", PRODUCT: "m5.metal\n"}, {DMI: "Google\n", PRODUCT: "Google Compute Engine\n"}]
)
def test_a_cloud_rents_whole_machines_too_and_there_the_processor_decides(tmp_path, files):
    found = look(machine(tmp_path, **files))
    assert kinds(found)[:2] == ["hardware", "kernel"]
    assert claims(found, "hardware")["no hypervisor shows itself"]


def test_a_hypervisor_that_hides_its_flag_is_given_away_by_its_firmware(tmp_path):
    assert kinds(look(machine(tmp_path, **{DMI: "QEMU\n"})))[:2] == ["hardware", "hypervisor"]


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({DMI: "QEMU\n"}, ["hardware", "hypervisor", "guest kernel"]),
        ({"/proc/device-tree/hypervisor/compatible": "linux,kvm\0"}, ["hardware", "hypervisor", "guest kernel"]),
        ({DMI: "Amazon EC2\n", PRODUCT: "c7g.metal\n"}, ["hardware", "kernel", "process"]),
        ({}, ["hardware", "kernel", "process"]),
    ],
)
def test_a_processor_without_the_flag_leaves_it_to_the_firmware(tmp_path, files, expected):
    found = look(machine(tmp_path, **{"/proc/cpuinfo": ARM, **files}))
    assert kinds(found)[:3] == expected
    assert ("hypervisor" in expected) or "a hypervisor: unknown" in found[0].details


@pytest.mark.parametrize(
    ("files", "engine"),
    [
        ({"/proc/self/cgroup": f"0::/system.slice/docker-{ID}.scope\n"}, "Docker"),
        ({"/proc/self/cgroup": f"12:pids:/docker/{ID}\n11:cpu:/docker/{ID}\n"}, "Docker"),
        ({"/proc/self/mountinfo": OVERLAY.format(f"containers/{ID}/hostname")}, "Docker"),
        ({"/proc/self/mountinfo": OVERLAY.format("docker/overlay2/abc")}, "Docker"),
        (
            {"/proc/self/mountinfo": f"{ROOT}635 612 8:1 /srv/containers/{ID}/hosts /etc/hosts rw - ext4 sda rw\n"},
            "Docker",
        ),
        ({"/proc/self/cgroup": f"0::/machine.slice/libpod-{ID}.scope/container\n"}, "Podman"),
        ({"/proc/self/environ": "PATH=/bin\0container=podman\0"}, "Podman"),
        ({"/proc/self/environ": "container=systemd-nspawn\0"}, "systemd-nspawn"),
        ({"/run/systemd/container": "lxc\n"}, "LXC"),
        ({"/proc/self/cgroup": "0::/lxc.payload.web/init.scope\n"}, "LXC"),
        ({"/proc/self/cgroup": "0::/kubepods.slice/kubepods-burstable.slice/cri-containerd-1.scope\n"}, "Kubernetes"),
    ],
)
def test_a_container_is_known_by_what_its_engine_leaves(tmp_path, files, engine):
    found = look(machine(tmp_path, first=False, **files))
    assert [(each.kind, each.label) for each in found[2:3]] == [("container", engine)]


@pytest.mark.parametrize(
    "files",
    [
        {"/.dockerenv": ""},
        {"/proc/self/cgroup": f"0::/system.slice/docker-{ID}.scope\n"},
        {"/proc/self/cgroup": "0::/system.slice/docker.service\n"},
    ],
)
def test_marks_without_a_mount_namespace_of_its_own_are_no_container(tmp_path, files):
    assert kinds(look(machine(tmp_path, **files))) == ["hardware", "kernel", "process", "interpreter", "program"]


@pytest.mark.parametrize(
    "files",
    [
        {"/.dockerenv": ""},
        {"/proc/self/cgroup": "0::/system.slice/docker.service\n"},
        {"/proc/self/cgroup": f"0::/machine.slice/libpod-conmon-{ID}.scope\n"},
        {"/proc/self/mountinfo": f"{ROOT}{OVERLAY.replace(' / rw', ' /var/lib/docker/overlay2/abc/merged rw')}"},
    ],
)
def test_namespaces_without_a_mark_are_no_container_either(tmp_path, files):
    found = look(machine(tmp_path, first=False, **files))
    assert [(each.kind, each.label) for each in found[2:3]] == [
        ("namespace", "cgroup, ipc, mnt, net, pid, time, user, uts")
    ]


def test_an_older_kernel_numbers_its_first_mnt_and_net_like_all_others_so_process_1_decides(tmp_path):
    root = machine(tmp_path, release="6.1.0-18-amd64")
    namespaces(root, "self", 0, mnt=4026531841, net=4026532008)
    assert "mnt namespace: unknown" in claims(look(root), "process")
    namespaces(root, "1", 0, mnt=4026531841, net=4026531840)
    found = look(root)
    assert "mnt namespace: the machine's" in claims(found, "process")
    assert claims(found, "namespace") == {"net namespace: its own": "4026531840; ours is 4026532008"}


def test_process_1_of_another_pid_namespace_says_nothing_about_the_machine(tmp_path):
    root = machine(tmp_path, release="6.1.0-18-amd64")
    namespaces(root, "self", 0, pid=4026532400, mnt=4026532401)
    namespaces(root, "1", 0, pid=4026532400, mnt=4026532401)
    assert "mnt namespace: unknown" in claims(look(root), "process")


def test_an_empty_root_directory_can_be_drawn(tmp_path):
    assert kinds(look(tmp_path)) == ["hardware", "kernel", "process", "interpreter", "program"]
    assert drawing_of(look(tmp_path)).svg.startswith("<svg")


def test_a_process_with_a_hostile_name_is_drawn(tmp_path):
    root = machine(tmp_path, **{"/proc/self/comm": "<b>\x07&\n"})
    assert "<b>" not in drawing_of(look(root)).svg
