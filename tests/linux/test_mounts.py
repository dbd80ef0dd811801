"""Reading mountinfo, and attaching."""

import sys
import textwrap

from cutaway.linux import Enclosed, Kind
from cutaway.linux.mounts import mounted, mounts, parsed


def test_a_line_of_mountinfo_is_read_by_the_words_of_proc_5() -> None:
    line = r"36 35 98:0 /mnt1 /a\040b\134c rw,noatime master:1 shared:7 - ext3 /dev/root rw,errors=continue"
    mount = parsed(line)
    assert (mount.id, mount.parent, mount.device, mount.root, mount.target) == (36, 35, "98:0", "/mnt1", r"/a b\c")
    assert (mount.options, mount.propagation) == ({"rw", "noatime"}, ("master:1", "shared:7"))
    assert (mount.filesystem, mount.source, mount.super_options) == ("ext3", "/dev/root", {"rw", "errors=continue"})


def test_there_is_a_proc_and_a_root_here() -> None:
    found = {mount.target: mount.filesystem for mount in mounts()}
    assert found["/proc"] == "proc"
    assert "/" in found
    assert mounted("/proc") >= 1
    assert mounted("/no/such/place") == 0


def test_each_helper_does_what_findmnt_then_reports() -> None:
    with Enclosed({Kind.USER, Kind.MNT, Kind.PID}) as box:
        said = box.run([sys.executable, "-c", MOUNTS_ALL_SORTS])
    assert said.splitlines() == [
        "tmpfs a b: tmpfs, 1M",
        "bind: shows one",
        "read-only bind: Read-only file system",
        "overlay: lower and upper",
        "upper layer: upper",
        "unmounted: 0",
    ]


MOUNTS_ALL_SORTS = textwrap.dedent("""
    import os, subprocess
    from cutaway.linux import mounts
    def findmnt(column, path):
        return subprocess.run(["findmnt", "-n", "-o", column, path], stdout=subprocess.PIPE, text=True).stdout.strip()
    mounts.tmpfs("/mnt", 1 << 22)
    os.chdir("/mnt")
    for name in ("a b", "to", "ro", "lower", "upper", "work", "merged"):
        os.mkdir(name)
    mounts.tmpfs("/mnt/a b", 1 << 20)
    print("tmpfs a b:", findmnt("FSTYPE", "/mnt/a b") + ",", findmnt("SIZE", "/mnt/a b"))
    open("/mnt/a b/one", "w").close()
    mounts.bind("/mnt/a b", "/mnt/to")
    print("bind: shows", *os.listdir("to"))
    mounts.bind("/mnt/a b", "/mnt/ro", read_only=True)
    try:
        open("ro/two", "w")
    except OSError as error:
        print("read-only bind:", error.strerror)
    open("lower/lower", "w").close()
    mounts.overlay("merged", "lower", "upper", "work")
    open("merged/upper", "w").close()
    print("overlay:", " and ".join(sorted(os.listdir("merged"))))
    print("upper layer:", *os.listdir("upper"))
    mounts.unmount("merged")
    print("unmounted:", mounts.mounted("/mnt/merged"))
""")
