"""Java classes for a lab in which a machine is written: compiled by `javac`, taken apart into plain values."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from random import Random
from typing import Any

from cutaway.jvm import classfile as cf
from cutaway.problem import Problem

Plain = dict[str, Any]

JAVAC = ("javac", "-nowarn", "-proc:none", "-J-XX:TieredStopAtLevel=1", "-J-XX:+UseSerialGC")  # for a short life


def compiled(source: str, folder: str) -> Plain:
    """A Java class, compiled in `folder`, as plain values.

    `methods` holds for each, such as "half(I)I", its `code`, `max_locals`, `parameters` and `result`; `constants` is
    the constant pool, in which a number stands for itself and a method for its name. The rest of it is None.
    """
    name = re.search(r"class (\w+)", source)
    if not name:
        raise Problem("compiling Java: the source declares no class; give it one")
    path = Path(folder, f"{name[1]}.java")
    path.write_text(source)
    try:
        done = subprocess.run([*JAVAC, "-d", folder, path], capture_output=True, text=True)
    except FileNotFoundError:
        raise Problem("compiling Java: there is no javac here; `cutaway doctor` says how to get one") from None
    if done.returncode:
        raise Problem(f"compiling {path.name}: {done.stderr.splitlines()[0]}; mend the source")
    return plain(path.with_suffix(".class").read_bytes())


def plain(data: bytes) -> Plain:
    """A class file as plain values."""
    file = cf.ClassFile(data)
    constants = [_constant(file.pool, index) for index in range(len(file.pool))]
    return {
        "constants": constants,
        "methods": {each.name + each.descriptor: _method(file, each) for each in file.methods},
    }


def _constant(pool: cf.Pool, index: int) -> Any:
    entry = pool[index] if pool.offsets[index] else None
    if isinstance(entry, cf.Number):
        return entry.value
    return entry.name + entry.descriptor if isinstance(entry, cf.MemberRef) else None


def _method(file: cf.ClassFile, member: cf.Member) -> Plain:
    code = file.code(member)
    parameters, result = cf.parse_descriptor(member.descriptor)
    body = {"code": list(code.code), "max_locals": code.max_locals} if code else {"code": [], "max_locals": 0}
    return {**body, "parameters": parameters, "result": result}


def own_source(draw: Random) -> str:
    """A Java class drawn for one learner: a loop, a call with a long, and numbers of every kind."""
    start, step, odd, shift = draw.randrange(1 << 40, 1 << 60), draw.randrange(2, 9), draw.randrange(3, 99, 2), 33
    turn = shift + draw.randrange(12)  # no bit of the hash is lost on the way, so that every round counts
    return f"""\
class Own {{
    static int own(int n) {{
        long hash = {start}L - n;
        for (int i = n; i > 0; i -= {step}) hash = mix(hash, i, (byte) (i * {odd}));
        return (int) (hash ^ hash >>> {shift + draw.randrange(12)});
    }}
    static long mix(long hash, int i, int salt) {{
        double share = (double) hash / {draw.randrange(1_000, 9_000)} / salt;
        if (share >= {draw.randrange(-9, 9)}.5) return hash * {draw.randrange(31, 99, 2)} + (char) (salt * {odd});
        return (hash << {turn} | hash >>> {64 - turn}) - (short) (i * {draw.randrange(10_000, 50_000)}) ^ (int) share;
    }}
}}
"""
