"""In the machine of a check: to open the file by which processes are moved takes a while, as on a very busy machine.

Whoever starts a program first and moves it then comes too late, each time and not only sometimes. The kernel asks us
about every opening (fanotify(7)), we wait, and allow it.
"""

import ctypes
import os
import struct
import time
from pathlib import Path

FAN_CLASS_CONTENT, FAN_MARK_ADD, FAN_MARK_MOUNT, FAN_OPEN_PERM, FAN_ALLOW = 0x4, 0x1, 0x10, 0x10000, 1
AT_FDCWD = -100
EVENT, ANSWER = struct.Struct("=IBBHQii"), struct.Struct("=iI")  # fanotify_event_metadata, fanotify_response
MOVES = ("cgroup.procs", "cgroup.threads")  # who only looks, or makes groups, is not kept waiting
LATE_S = 0.3  # a program of two processes is there in a tenth of that

libc = ctypes.CDLL(None, use_errno=True)
asked = libc.fanotify_init(FAN_CLASS_CONTENT, os.O_RDONLY)
every = ctypes.c_uint64(FAN_OPEN_PERM)
if libc.fanotify_mark(asked, FAN_MARK_ADD | FAN_MARK_MOUNT, every, AT_FDCWD, b"/sys/fs/cgroup") < 0:
    raise OSError(ctypes.get_errno(), "fanotify_mark: /sys/fs/cgroup")
print("ready", flush=True)
while True:
    for *_, descriptor, _ in EVENT.iter_unpack(os.read(asked, 4096)):
        if Path(f"/proc/self/fd/{descriptor}").readlink().name in MOVES:
            time.sleep(LATE_S)
        os.write(asked, ANSWER.pack(descriptor, FAN_ALLOW))
        os.close(descriptor)
