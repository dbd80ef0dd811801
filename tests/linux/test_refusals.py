"""What the kernel refuses is said with the call, its objects, the cause and the next step."""

import errno
import os
import re
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from cutaway.linux import Enclosed, Kind, Refused, calls, commands, namespaces

# Each provokes one refusal, inside of a user, a mount and a UTS namespace, on a tmpfs that is the working folder.
PROVOKED = {
    "calls.pivot_root('/mnt', '/etc')":
        "pivot_root('/mnt', '/etc'): EBUSY: both must lie on a mount other than the root's; bind the new root onto",
    "calls.pivot_root('new', 'new/old')":
        "pivot_root('new', 'new/old'): EINVAL: the new root must be a private mount point, with the old root's place",
    "mounts.bind('nothing', 'new')": "mount('nothing', 'new'): ENOENT: the source or the target is missing; create it",
    "calls.mount('x', 'new', 'nofs')": "mount('x', 'new', 'nofs'): ENODEV: this kernel has no such filesystem;",
    "calls.mount('x', 'new', 'tmpfs', 0, 'size=much')": "mount('x', 'new', 'tmpfs'): EINVAL: an option is wrong, or",
    "mounts.unmount('new')": "umount2('new'): EINVAL: it is no mount point, or one that came locked from outside; see",
    "mounts.unmount('nothing')": "umount2('nothing'): ENOENT: there is no such path; see /proc/self/mountinfo",
    "mounts.unmount('.')": "umount2('.'): EBUSY: a process still uses it; end that process, or unmount lazily",
    "calls.sethostname('x' * 65)": f"sethostname('{'x' * 65}'): EINVAL: a host name has at most 64 bytes; choose a",
}  # fmt: skip

INSIDE = textwrap.dedent("""
    import os, sys
    from cutaway.linux import Refused, calls, mounts
    mounts.tmpfs("/mnt", 1 << 20)
    os.chdir("/mnt")
    os.makedirs("new/old")
    try:
        {provoke}
    except Refused as refused:
        print(refused)
""")


@pytest.mark.parametrize(("provoke", "said"), PROVOKED.items(), ids=[said.split(":")[0] for said in PROVOKED.values()])
def test_the_cause_and_the_next_step_are_named(provoke: str, said: str) -> None:
    with Enclosed({Kind.USER, Kind.MNT, Kind.UTS}) as box:
        assert box.run([sys.executable, "-c", INSIDE.format(provoke=provoke)]).startswith(said)


WITHOUT_RIGHTS = {
    "calls.mount('x', '/mnt', 'tmpfs')": "mount('x', '/mnt', 'tmpfs'): EPERM: it takes CAP_SYS_ADMIN over this mount",
    "calls.umount('/proc')": "umount2('/proc'): EPERM: it takes CAP_SYS_ADMIN over this mount namespace; unshare USER",
    "calls.pivot_root('/', '/')": "pivot_root('/', '/'): EPERM: it takes CAP_SYS_ADMIN over this mount namespace;",
    "calls.sethostname('x')": "sethostname('x'): EPERM: it takes CAP_SYS_ADMIN over this UTS namespace; unshare USER",
}


@pytest.mark.parametrize(
    ("provoke", "said"), WITHOUT_RIGHTS.items(), ids=[said[:9] for said in WITHOUT_RIGHTS.values()]
)
def test_the_missing_right_is_named(
    provoke: str, said: str, as_ordinary_user: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    assert said in as_ordinary_user("-c", f"from cutaway.linux import calls; {provoke}").stderr


def test_a_process_with_threads_cannot_leave_its_user_namespace() -> None:
    stop = threading.Event()
    thread = threading.Thread(target=stop.wait)
    thread.start()
    try:
        with pytest.raises(Refused, match=r"unshare\(CLONE_NEWUSER\): EINVAL: .* one thread; start a fresh one"):
            namespaces.unshare({Kind.USER})
    finally:
        stop.set()
        thread.join()


def test_a_process_that_has_ended_cannot_be_joined() -> None:
    box = Enclosed({Kind.USER, Kind.UTS})
    box.close()
    with pytest.raises(Refused, match=r"setns\(CLONE_NEWUSER\|CLONE_NEWUTS\): ESRCH: that process has ended; start it"):
        box.run("true")


def test_nobody_joins_the_user_namespace_that_they_are_in() -> None:
    me = os.pidfd_open(os.getpid())
    with pytest.raises(Refused, match=r"setns\(CLONE_NEWUSER\): EINVAL: it is in that USER namespace already"):
        namespaces.join(me, {Kind.USER})
    os.close(me)


def test_a_limit_on_another_kind_is_named() -> None:
    make_one = f"""echo 0 > /proc/sys/user/max_uts_namespaces
        exec {sys.executable} -c 'from cutaway.linux import Kind, unshare; unshare({{Kind.UTS}})'"""
    with Enclosed({Kind.USER, Kind.MNT}) as box, pytest.raises(commands.CommandFailed) as failed:
        box.run(make_one)
    assert "unshare(CLONE_NEWUTS): ENOSPC: a limit in /proc/sys/user is reached; raise it with" in failed.value.stderr


def test_every_explanation_has_been_provoked() -> None:
    """Read from this file: a new explanation takes a new test."""
    tests = "".join(path.read_text() for path in Path(__file__).parent.glob("test_*.py"))
    for operation, number in calls.WHY:
        assert re.search(rf"{operation}\\?\(.*: {errno.errorcode[number]}", tests), (
            f"{operation} {errno.errorcode[number]}"
        )


def test_an_unknown_error_still_names_the_call_and_the_number() -> None:
    refused = calls.refusal("mount", "'/a'", errno.EIO)
    assert (str(refused), refused.errno) == ("mount('/a'): EIO: input/output error", errno.EIO)


def test_pythons_own_function_is_used_where_there_is_one_and_refuses_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    """Python has os.unshare from 3.12 on; one stands in for it here, so that older ones show it, too."""

    def refusing(flags: int) -> None:
        raise OSError(errno.EPERM, f"from Python, for {flags:#x}")

    monkeypatch.setattr(os, "unshare", refusing, raising=False)
    with pytest.raises(Refused, match=r"unshare\(CLONE_NEWUTS\): EPERM: it takes CAP_SYS_ADMIN") as refused:
        namespaces.unshare({Kind.UTS})
    assert refused.value.errno == errno.EPERM


# --- User namespaces switched off ------------------------------------------


def test_no_more_user_namespaces_says_how_to_allow_them() -> None:
    """The limit belongs to each user namespace, so it can be set to 0 for real, in one of our own."""
    make_one_more = f"""echo 0 > /proc/sys/user/max_user_namespaces
        exec {sys.executable} -c 'from cutaway.linux import Enclosed, Kind; Enclosed({{Kind.USER}})'"""
    with Enclosed({Kind.USER, Kind.MNT}) as box, pytest.raises(commands.CommandFailed) as failed:
        box.run(make_one_more)
    assert failed.value.stderr.strip().endswith(
        "unshare(CLONE_NEWUSER): ENOSPC: no more user namespaces are allowed here; "
        "as root: sysctl user.max_user_namespaces=15000"
    )


@pytest.mark.parametrize(
    ("switch", "position", "said"),
    [
        (
            "/proc/sys/kernel/unprivileged_userns_clone",
            "0",
            "keeps them for root; as root: sysctl kernel.unprivileged_u",
        ),
        (
            "/proc/sys/kernel/apparmor_restrict_unprivileged_userns",
            "1",
            "AppArmor takes a new user namespace its rights",
        ),
    ],
)
def test_another_distributions_switch_is_known(
    switch: str, position: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """This kernel lacks these switches, so only reading them is tested: a file stands where the switch would be."""
    there = tmp_path / "switch"
    there.write_text(f"{position}\n")
    rows = [(str(there) if path == switch else path, *rest) for path, *rest in namespaces.SWITCHES]
    monkeypatch.setattr(namespaces, "SWITCHES", rows)
    assert said in (namespaces.obstacle() or "")


def test_a_masked_proc_as_in_a_container_is_named() -> None:
    """A part of /proc is covered, as Docker covers it; then the kernel lets nobody uncover it by a fresh mount."""
    make_one_more = f"""mount -t tmpfs mask /proc/fs
        exec {sys.executable} -c 'from cutaway.linux import Enclosed, Kind; Enclosed(set(Kind))'"""
    with Enclosed({Kind.USER, Kind.MNT, Kind.PID}) as box, pytest.raises(commands.CommandFailed) as failed:
        box.run(make_one_more)
    assert failed.value.stderr.strip().endswith(
        "mount('proc', '/proc', 'proc'): EPERM: parts of /proc are masked here, as in a container; "
        "start it with --security-opt systempaths=unconfined"
    )
