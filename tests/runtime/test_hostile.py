"""A container that means harm: each thing that it tries is stopped by the one control that the lessons name for it."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from oci import Config, Runtime

from cutaway.linux import Process

Bundler = Callable[..., Path]
SEED, BLOCK = os.environ.get("CUTAWAY_SEED", "11"), 40
pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root: control groups belong to it here")


def limited(**resources: object) -> Callable[[Config], None]:
    return lambda config: config["linux"]["resources"].update(resources)


def capable(*names: str) -> Callable[[Config], None]:
    return lambda config: config["process"].update(
        capabilities={each: [f"CAP_{name}" for name in names] for each in ("bounding", "effective", "permitted")}
    )


BOMB = "for i in $(seq 60); do sleep 20 & done; echo all"


def test_a_fork_bomb_is_stopped_by_pids_limit(ours: Runtime, bundle: Bundler) -> None:
    made = bundle(
        "/bin/sh", "-c", "for i in $(seq 60); do sleep 20 & done; echo all", change=limited(pids={"limit": 16})
    )
    done = ours.run(made)
    assert "all" not in done.stdout
    assert "can't fork" in done.stderr


def test_eating_memory_ends_in_the_container_alone(ours: Runtime, bundle: Bundler) -> None:
    eat = "dd if=/dev/zero of=/dev/null bs=200M count=1"
    done = ours.run(bundle("/bin/sh", "-c", f"{eat}; echo status $?", change=limited(memory={"limit": 32 << 20})))
    assert "status 137" in done.stdout


def test_a_false_proc_is_not_believed(ours: Runtime, bundle: Bundler, tmp_path: Path) -> None:
    """It says that groups may not be left; the runtime's own would stay with the program."""
    own = tmp_path / "false" / "self"
    own.mkdir(parents=True)
    (own / "setgroups").write_text("deny\n")
    (own / "status").write_text("".join(f"Cap{each}:\t{0:016x}\n" for each in ("Inh", "Prm", "Eff", "Bnd", "Amb")))

    def change(config: Config) -> None:
        config["mounts"][0] = {"destination": "/proc", "type": "none", "source": str(own.parent), "options": ["bind"]}

    done = ours.run(bundle("id", "-G", change=change), extra_groups=[4242])
    assert done.stdout == "0\n", done.stderr


def test_filling_dev_shm_ends_at_its_size(ours: Runtime, bundle: Bundler) -> None:
    done = ours.run(bundle("/bin/sh", "-c", "dd if=/dev/zero of=/dev/shm/x bs=1M count=100 2>&1"))
    assert "No space left" in done.stdout


def test_opening_many_files_ends_at_the_rlimit(ours: Runtime, bundle: Bundler) -> None:
    opening = 'i=10; while [ $i -lt 2000 ]; do eval "exec $i</dev/null" || exit 3; i=$((i+1)); done; echo all'
    assert "all" not in ours.run(bundle("/bin/sh", "-c", opening)).stdout


@pytest.mark.parametrize(
    ("attempt", "control"),
    [
        ("echo h > /proc/sysrq-trigger", "readonlyPaths"),
        ("echo x > /proc/sys/kernel/core_pattern", "readonlyPaths"),
        ("echo 1 > /sys/kernel/profiling", "sysfs is mounted read-only"),
        ("echo 1 > /sys/fs/cgroup/memory/memory.limit_in_bytes", "cgroups are mounted read-only"),
        ("mount -t tmpfs none /mnt", "CAP_SYS_ADMIN"),
        ("mount -o remount,rw /", "CAP_SYS_ADMIN"),
        ("mount -o remount,rw /sys", "CAP_SYS_ADMIN"),
        ("umount /proc/sys", "CAP_SYS_ADMIN"),
        ("mknod /dev/shm/disk b 254 0", "CAP_MKNOD"),
        ("chroot / true", "CAP_SYS_CHROOT"),
        ("hostname taken", "CAP_SYS_ADMIN"),
        ("cat /proc/kcore | grep .", "maskedPaths"),
        ("insmod /x", "CAP_SYS_MODULE"),
        ("reboot -f", "CAP_SYS_BOOT"),
        ("nsenter -t 1 -m true", "CAP_SYS_ADMIN"),
        ("unshare -m true", "CAP_SYS_ADMIN"),
    ],
)
def test_the_attempt_is_refused(ours: Runtime, bundle: Bundler, attempt: str, control: str) -> None:
    done = ours.run(bundle("/bin/sh", "-c", f"{attempt} && echo done it || echo refused"))
    assert done.stdout.splitlines()[-1] == "refused", control


def test_the_machines_disk_cannot_be_opened_even_with_a_node_for_it(ours: Runtime, bundle: Bundler) -> None:
    """CAP_MKNOD makes the node; the device group refuses its use."""
    disk = Path("/").stat().st_dev

    def change(config: Config) -> None:
        capable("MKNOD")(config)
        config["mounts"].append({"destination": "/mnt", "type": "tmpfs", "source": "tmpfs", "options": ["dev"]})

    make = (
        f"mknod /mnt/disk b {os.major(disk)} {os.minor(disk)} && echo made; dd if=/mnt/disk of=/dev/null count=1 2>&1"
    )
    done = ours.run(bundle("/bin/sh", "-c", make, change=change))
    assert "made" in done.stdout
    assert "Operation not permitted" in done.stdout


def test_signals_do_not_leave_the_container(ours: Runtime, bundle: Bundler) -> None:
    """With every right to kill: process numbers of outside mean nothing inside."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as victim:
        ours.run(bundle("/bin/sh", "-c", f"kill -9 {victim.pid}; kill -9 -1", change=capable("KILL")))
        assert victim.poll() is None
        assert Process.current().alive()
        victim.kill()


# --- Damaged bundles -------------------------------------------------------

ODD = (
    None,
    True,
    -1,
    0,
    1 << 63,
    1 << 70,
    3.5,
    "",
    "x",
    "../..",
    "/",
    "\0",
    "ä" * 300,
    [],
    {},
    ["x"],
    {"x": 1},
    [None],
)


def damaged(config: Config, draw: random.Random) -> Config:
    """One place of it replaced by something odd, or gone."""
    here: object = config
    for _ in range(draw.randrange(1, 6)):
        keys = list(here) if isinstance(here, dict) else list(range(len(here))) if isinstance(here, list) else []
        if not keys:
            break
        key = draw.choice(keys)
        below = here[key]  # type: ignore[index]
        if not isinstance(below, dict | list) or draw.random() < 0.3:
            if draw.random() < 0.2:
                del here[key]  # type: ignore[attr-defined]
            else:
                here[key] = draw.choice(ODD)  # type: ignore[index]
            break
        here = below
    return config


def spoilt(whole: str, draw: random.Random) -> bytes:
    """The text with one thing in it replaced; or cut off, or with a byte that is another."""
    if draw.random() < 0.75:
        return json.dumps(damaged(json.loads(whole), draw)).encode()
    text, at = bytearray(whole.encode()), draw.randrange(len(whole))
    if draw.random() < 0.5:
        return bytes(text[:at])
    text[at] = draw.randrange(256)
    return bytes(text)


def survives(ours: Runtime, made: Path, block: int) -> None:
    """A block of damaged texts: each runs or is refused with a sentence, and leaves nothing."""
    whole, refused = (made / "config.json").read_text(), 0
    for number in range(block * BLOCK, (block + 1) * BLOCK):
        (made / "config.json").write_bytes(spoilt(whole, random.Random(f"{SEED}:{number}")))
        done = ours.run(made)
        assert "Traceback" not in done.stderr, (number, done.stderr)
        assert done.returncode == 0 or done.stderr.startswith("cutaway-oci: "), (number, done)
        assert ours("list", "-q").stdout == "", number
        refused += done.returncode != 0
    print(f"{BLOCK} damaged texts: {refused} refused, {BLOCK - refused} ran")
    (made / "config.json").write_text(whole)


def everything(config: Config) -> None:
    """A configuration with something in every part, to be damaged."""
    config["hooks"] = {"prestart": [{"path": "/bin/true", "args": ["true"], "env": [], "timeout": 5}]}
    config["annotations"] = {"a": "b"}
    config["process"]["user"]["additionalGids"] = [5]
    config["process"]["oomScoreAdj"] = 100
    rules = [{"names": ["mkdir"], "action": "SCMP_ACT_ERRNO", "args": [{"index": 0, "value": 1, "op": "SCMP_CMP_EQ"}]}]
    config["linux"] |= {
        "seccomp": {"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86_64"], "syscalls": rules},
        "sysctl": {"net.ipv4.ip_forward": "1"},
        "devices": [{"path": "/dev/mine", "type": "c", "major": 1, "minor": 3, "fileMode": 438, "uid": 0, "gid": 0}],
        "rootfsPropagation": "private",
    }
    config["linux"]["resources"] |= {"memory": {"limit": 1 << 26}, "pids": {"limit": 50}, "cpu": {"shares": 512}}


@pytest.mark.slow
def test_a_damaged_config_is_refused_with_a_sentence_and_leaves_nothing(ours: Runtime, bundle: Bundler) -> None:
    survives(ours, bundle("true", change=everything), 0)


@pytest.mark.soak
@pytest.mark.parametrize("block", range(1, 50))
def test_two_thousand_damaged_configs(ours: Runtime, bundle: Bundler, block: int) -> None:
    survives(ours, bundle("true", change=everything), block)


def test_a_hook_may_take_as_long_as_it_likes_but_no_time_that_is_none(ours: Runtime, bundle: Bundler) -> None:
    """Found by the damaged texts: the kernel counts at most 2^31 ms at once."""

    def patient(timeout_s: int) -> Callable[[Config], None]:
        return lambda config: config.update(hooks={"prestart": [{"path": "/bin/true", "timeout": timeout_s}]})

    assert ours.run(bundle("true", change=patient(1 << 63))).returncode == 0
    done = ours.run(bundle("true", change=patient(-1)))
    assert "hooks.prestart: timeout -1 is not greater than zero" in done.stderr


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda c: c["mounts"][0].update(options=["idmap"]), "maps no owners of a mount"),
        (lambda c: c["linux"].update(seccomp={"defaultAction": "SCMP_ACT_NOTIFY"}), "tells no listener of calls"),
        (lambda c: c["process"].update(apparmorProfile="no-such"), "process.apparmorProfile 'no-such'"),
        (lambda c: c["process"].update(selinuxLabel="no:such"), "process.selinuxLabel 'no:such'"),
        (lambda c: c["linux"].update(sysctl={"kernel.core_pattern": "|/x"}), "it would change this machine"),
        (lambda c: c["linux"].update(rootfsPropagation="much"), "linux.rootfsPropagation: 'much' is none of"),
        (lambda c: c["linux"].update(cgroupsPath="/../../x"), "leads upwards"),
        (lambda c: c["linux"]["namespaces"].append({"type": "pid"}), "pid stands there twice"),
        (lambda c: c["linux"]["namespaces"].remove({"type": "uts"}), "hostname takes a uts namespace"),
        (lambda c: c["linux"]["namespaces"].append({"type": "moon"}), "type 'moon' is none of cgroup"),
        (lambda c: c["process"]["rlimits"].extend(c["process"]["rlimits"]), "one type stands there twice"),
        (lambda c: c["process"]["rlimits"][0].update(type="RLIMIT_NONE"), "Linux has no such limit"),
        (lambda c: c["linux"].update(devices=[{"path": "/dev/shm", "type": "c"}]), "something else is there already"),
        (lambda c: c["linux"].update(devices=[{"path": "/dev/x", "type": "q"}]), "type 'q' is none of c, u, b, p"),
        (lambda c: c["linux"].update(personality={"domain": "BSD"}), "'BSD': LINUX or LINUX32"),
        (lambda c: c["process"].update(cwd="here"), "cwd 'here' is not absolute"),
        (lambda c: c.update(hooks={"prestart": [{"path": "true"}]}), "path 'true' is not absolute"),
        (
            lambda c: c["linux"]["namespaces"].append({"type": "time", "path": "/no"}),
            "joining the time namespace",
        ),
    ],
)
def test_what_is_not_served_is_said(
    ours: Runtime, bundle: Bundler, change: Callable[[Config], object], says: str
) -> None:
    done = ours.run(bundle("true", change=change))
    assert done.returncode == 1
    assert says in done.stderr
    assert ours("list", "-q").stdout == ""


def test_what_the_specification_does_not_know_is_no_error(ours: Runtime, bundle: Bundler) -> None:
    def change(config: Config) -> None:
        config |= {"later": {"x": 1}, "annotations": {"org.example.unknown": "1"}}
        config["linux"]["later"], config["process"]["later"] = [1], None

    assert ours.run(bundle("true", change=change)).returncode == 0


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "it is not JSON"),
        ("{", "it is not JSON"),
        ("[" * 100000, "it is not JSON"),
        ("[]", "is not an object"),
        ("{} {}", "it is not JSON"),
        ('{"ociVersion": "2.0.0"}', "ociVersion '2.0.0' is none of"),
        ('{"ociVersion": "1.0.2"}', "root.path is missing"),
        ("\x80", "it is not JSON"),
    ],
)
def test_what_is_no_config_is_refused(ours: Runtime, tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "config.json").write_bytes(text.encode("latin-1"))
    done = ours.run(tmp_path)
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    assert "is that the bundle?" in ours.run(tmp_path / "nowhere").stderr
