"""Makes one system call under a profile: `probe.py PROFILE NUMBER ARGUMENT ...`; its status is the error, or 0."""

import ctypes
import json
import os
import sys

from cutaway.linux import filters, seccomp

profile, *numbers = sys.argv[1:]
libc = ctypes.CDLL(None, use_errno=True)
arguments = [ctypes.c_long(int(number)) for number in numbers]
seccomp.install(filters.compiled(json.loads(profile), os.uname().machine))
os._exit(ctypes.get_errno() if libc.syscall(*arguments) < 0 else 0)
