"""Lab 02: every right way passes, no cheat gains a point, and the course's own machine is out of reach."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from answers import master, working_cells
from verdicts import of_cells, unmet

from cutaway.check.contract import Result, Status
from cutaway.check.javac import compiled, own_source
from cutaway.check.learner import Learner
from cutaway.problem import Problem

LAB = "02-opcodes"
NAMES = "from cutaway.jvm.opcodes import LENGTH, NAMES"


def machine() -> str:
    """The loop that the page gives."""
    return next(str(cell.source) for cell in master(LAB).cells if cell.id == "machine")


def results(folder: Path, cells: list[str], task: int | None = None) -> list[Result]:
    """What the checks say of a notebook with these cells."""
    return of_cells(LAB, cells, folder, task)


# --- Three other ways than the solution's ----------------------------------------

BY_CTYPES = r"""
import ctypes, math, operator, struct

PLAIN = {"add": operator.add, "sub": operator.sub, "mul": operator.mul, "and": operator.and_, "or": operator.or_,
         "xor": operator.xor, "div": lambda a, b: a // b if a * b >= 0 else -(-a // b)}
SIGNS = {"eq": "==", "ne": "!=", "lt": "<", "ge": ">=", "gt": ">", "le": "<="}

def arithmetic(name, left, right, box=ctypes.c_int32, plain=ctypes.c_uint32, mask=31):
    does = name[1:]
    if does == "rem":
        return left - right * PLAIN["div"](left, right)
    if "sh" in does:
        value = plain(left).value if does == "ushr" else left
        return box(value << (right & mask) if does == "shl" else value >> (right & mask)).value
    return box(PLAIN[does](left, right)).value

def move(frame, name, operands):
    stack, places = frame["stack"], frame["locals"]
    raw = bytes(operands)
    match name.split("_"):
        case [constant, "m1"]:
            stack.append(-1)
        case [constant, number] if constant.endswith("const"):
            stack.append(float(number) if name[0] == "d" else int(number))
        case ["bipush"]:
            stack.append(ctypes.c_byte(raw[0]).value)
        case ["sipush"]:
            stack.append(struct.unpack(">h", raw)[0])
        case ["ldc", *_]:
            stack.append(frame["constants"][raw[0]])
        case ["ldc2", _]:
            stack.append(frame["constants"][struct.unpack(">H", raw)[0]])
        case ["iinc"]:
            slot, amount = struct.unpack(">Bb", raw)
            places[slot] = ctypes.c_int32(places[slot] + amount).value
        case ["pop"]:
            del stack[-1]
        case ["dup"]:
            stack += stack[-1:]
        case [load, *number] if load.endswith("load"):
            stack.append(places[int(number[0]) if number else raw[0]])
        case [store, *number] if store.endswith("store"):
            places[int(number[0]) if number else raw[0]] = stack.pop()
        case _:
            stack[-2:] = [arithmetic(name, *stack[-2:])]

def branch(frame, pc, name, operands):
    compared = [] if name == "goto" else frame["stack"][-2:] if "icmp" in name else [frame["stack"][-1], 0]
    if "icmp" in name:
        del frame["stack"][-2:]
    elif compared:
        del frame["stack"][-1]
    if not compared or eval(f"{compared[0]} {SIGNS[name[-2:]]} {compared[1]}"):
        frame["pc"] = pc + struct.unpack(">h", bytes(operands))[0]

def call(klass, stack, method):
    about = klass["methods"][method]
    places = []
    for kind in reversed(about["parameters"]):
        places[:0] = [stack.pop(), 0] if kind in "JD" else [stack.pop()]
    result = run(klass, method, places)
    if about["result"] != "V":
        stack.append(result)
    return stack

BOXES = {"b": ctypes.c_int8, "s": ctypes.c_int16, "c": ctypes.c_uint16, "i": ctypes.c_int32, "l": ctypes.c_int64}

def calculate(name, *values):
    if name[1] == "2":
        value, box = values[0], BOXES.get(name[2])
        if name[2] == "d":
            return float(value)
        if name[0] == "d":
            highest = 2 ** (ctypes.sizeof(box) * 8 - 1) - 1
            return 0 if value != value else highest if value > highest else ~highest if value < ~highest else int(value)
        return box(value).value
    if name.endswith("neg"):
        return -values[0] if name[0] == "d" else ctypes.c_int64(-values[0]).value
    left, right = values
    if "cmp" in name:
        return -1 if left < right else 1 if left > right else 0 if left == right else 1 if name[-1] == "g" else -1
    if name == "ddiv":
        try:
            return left / right
        except ZeroDivisionError:
            return math.nan if not left or left != left else math.copysign(math.inf, left) * math.copysign(1, right)
    if name[0] == "d":
        return PLAIN[name[1:]](left, right)
    return arithmetic(name, left, right, ctypes.c_int64, ctypes.c_uint64, 63)
"""

BY_NUMPY = r"""
import numpy as np

np.seterr(all="ignore")
SIGNED, UNSIGNED = {"i": np.int32, "l": np.int64}, {"i": np.uint32, "l": np.uint64}
UFUNCS = {"add": np.add, "sub": np.subtract, "mul": np.multiply, "and": np.bitwise_and, "or": np.bitwise_or,
          "xor": np.bitwise_xor, "div": np.divide, "neg": np.negative}

def arithmetic(name, left, right):
    kind, does = SIGNED[name[0]], name[1:]
    if does in ("div", "rem"):
        if right == 0:
            raise ZeroDivisionError(name)
        rest = np.fmod(np.int64(left), np.int64(right))
        return int((rest if does == "rem" else (np.int64(left) - rest) // np.int64(right)).astype(kind))
    if "sh" in does:
        right &= 8 * kind().itemsize - 1
        given = kind(left).view(UNSIGNED[name[0]]) if does == "ushr" else kind(left)
        return int((np.left_shift if does == "shl" else np.right_shift)(given, given.dtype.type(right)).view(kind))
    return int(UFUNCS[does](kind(left), kind(right)))

def move(frame, name, operands):
    stack, places, raw = frame["stack"], frame["locals"], np.array(operands, dtype=np.uint8)
    word, _, last = name.partition("_")
    if "const" in word:
        stack.append({"i": int, "l": int, "d": float}[name[0]](last.replace("m", "-")))
    elif word in ("bipush", "sipush"):
        stack.append(int(raw.view(np.int8)[0]) if word == "bipush" else int(raw.view(">i2")[0]))
    elif word in ("ldc", "ldc2"):
        stack.append(frame["constants"][int(raw[0]) if name == "ldc" else int(raw.view(">u2")[0])])
    elif word == "iinc":
        places[operands[0]] = int(np.add(np.int32(places[operands[0]]), raw.view(np.int8)[1], dtype=np.int32))
    elif word[1:] in ("load", "store"):
        slot = int(last or operands[0])
        if word[1:] == "load":
            stack.append(places[slot])
        else:
            places[slot] = stack.pop()
    elif word in ("pop", "dup"):
        top = stack.pop()
        stack.extend([top, top] if word == "dup" else [])
    else:
        right, left = stack.pop(), stack.pop()
        stack.append(arithmetic(name, left, right))

def branch(frame, pc, name, operands):
    order = 0
    if name.startswith("if_icmp"):
        right, left = frame["stack"].pop(), frame["stack"].pop()
        order = np.sign(left - right)
    elif name != "goto":
        order = np.sign(frame["stack"].pop())
    taken = {"eq": [0], "ne": [-1, 1], "lt": [-1], "ge": [0, 1], "gt": [1], "le": [-1, 0]}.get(name[-2:], [0])
    if order in taken:
        frame["pc"] = pc + int(np.array(operands, dtype=np.uint8).view(">i2")[0])

def call(klass, stack, method):
    kinds = klass["methods"][method]["parameters"]
    given, rest = stack[len(stack) - len(kinds):], stack[:len(stack) - len(kinds)]
    starts = np.cumsum([0] + [2 if kind in ("J", "D") else 1 for kind in kinds])
    places = [None] * int(starts[-1])
    for at, value in zip(starts, given):
        places[at] = value
    result = run(klass, method, places)
    return rest if result is None else [*rest, result]

def calculate(name, *values):
    if name[1] == "2":
        value, to = values[0], name[2]
        if to == "d":
            return float(np.float64(value))
        if name[0] == "d":
            low, high = int(np.iinfo(SIGNED[to]).min), int(np.iinfo(SIGNED[to]).max)
            return 0 if np.isnan(value) else high if value >= high else low if value <= low else int(value)
        return int(np.int64(value).astype({"b": "i1", "s": "i2", "c": "u2", "i": "i4", "l": "i8"}[to]))
    if "cmp" in name:
        if np.isnan(values).any():
            return 1 if name == "dcmpg" else -1
        return int(values[0] > values[1]) - int(values[0] < values[1])
    if name[0] == "d":
        return float(UFUNCS[name[1:]](*map(np.float64, values)))
    return int(np.negative(np.int64(values[0]))) if name == "lneg" else arithmetic(name, *values)
"""

BY_ITS_OWN_LOOP = r"""
import math, struct
from fractions import Fraction

def wrap(value, bits):
    value &= (1 << bits) - 1
    return value - (1 << bits) if value >> (bits - 1) else value

def arithmetic(name, left, right, bits=32):
    by = right & (bits - 1)
    match name[1:]:
        case "add": value = left + right
        case "sub": value = left + ~right + 1
        case "mul": value = left * right
        case "div": value = math.trunc(Fraction(left, right))
        case "rem": value = left - right * math.trunc(Fraction(left, right))
        case "and": value = ~(~left | ~right)
        case "or": value = left | right
        case "xor": value = left ^ right
        case "shl": value = left * 2**by
        case "shr": value = left // 2**by
        case "ushr": value = (left & (1 << bits) - 1) // 2**by
    return wrap(value, bits)

def calculate(name, *values):
    x, y = values[0], values[-1]
    match name:
        case "lcmp" | "dcmpg" | "dcmpl":
            signs = [-1] * (x < y) + [0] * (x == y) + [1] * (x > y)
            return signs[0] if signs else {"g": 1, "l": -1}[name[-1]]
        case "dadd": return x + y
        case "dsub": return x - y
        case "dmul": return x * y
        case "dneg": return x * -1.0
        case "ddiv" if y: return x / y
        case "ddiv": return x * math.copysign(math.inf, y)
        case "lneg": return wrap(~x + 1, 64)
        case "i2d" | "l2d": return x * 1.0
        case "i2b": return struct.unpack("b", struct.pack("B", x & 255))[0]
        case "i2s": return struct.unpack("h", struct.pack("H", x & 65535))[0]
        case "i2c": return x & 65535
        case "i2l" | "l2i": return wrap(x, 64 if name == "i2l" else 32)
        case "d2i" | "d2l":
            limit = 2 ** (31 if name == "d2i" else 63)
            return 0 if x != x else -limit if x <= -limit else limit - 1 if x >= limit else math.trunc(x)
    return arithmetic(name, x, y, 64)

def call(klass, stack, method):
    about = klass["methods"][method]
    count = len(about["parameters"])
    keep, given = stack[:len(stack) - count], stack[len(stack) - count:]
    places = {}
    for value, kind in zip(given, about["parameters"]):
        places[sum(2 if k in "JD" else 1 for k in about["parameters"][:len(places)])] = value
    answer = run(klass, method, places)
    return keep if about["result"] == "V" else keep + [answer]

def run(klass, method, places):
    places = dict(enumerate(places)) if isinstance(places, list) else places
    code, stack, pc = bytes(klass["methods"][method]["code"]), [], 0
    while True:
        name, here = NAMES[code[pc]], pc
        pc += LENGTH[code[pc]]
        u1, s1 = code[here + 1: here + 2], int.from_bytes(code[here + 1: pc], "big", signed=True)
        u2 = s1 % 65536
        if name.endswith("return"):
            return stack.pop() if stack and name != "return" else None
        elif "const" in name:
            stack.append({"m1": -1}.get(name[7:]) or (float if name[0] == "d" else int)(name[-1]))
        elif name in ("bipush", "sipush"):
            stack.append(s1)
        elif name.startswith("ldc"):
            stack.append(klass["constants"][u1[0] if name == "ldc" else u2])
        elif "load" in name:
            stack.append(places[int(name[-1]) if "_" in name else u1[0]])
        elif "store" in name:
            places[int(name[-1]) if "_" in name else u1[0]] = stack.pop()
        elif name == "iinc":
            places[u1[0]] = wrap(places[u1[0]] + struct.unpack("b", code[here + 2: pc])[0], 32)
        elif name == "goto":
            pc = here + s1
        elif name.startswith("if"):
            right = stack.pop() if "icmp" in name else 0
            left = stack.pop()
            below, above, level = ("lt", "le", "ne"), ("gt", "ge", "ne"), ("eq", "le", "ge")
            if name[-2:] in (below if left < right else above if left > right else level):
                pc = here + s1
        elif name == "invokestatic":
            stack = call(klass, stack, klass["constants"][u2])
        elif name in ("dup", "pop"):
            stack = stack + stack[-1:] if name == "dup" else stack[:-1]
        elif name[1] == "2" or name[1:] == "neg":
            stack.append(calculate(name, stack.pop()))
        else:
            right, left = stack.pop(), stack.pop()
            stack.append((arithmetic if name[0] == "i" else calculate)(name, left, right))
"""

WAYS = {"ctypes and struct": BY_CTYPES, "numpy": BY_NUMPY, "a loop of its own": BY_ITS_OWN_LOOP}


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS.keys())
def test_another_way_earns_every_point(way: str, tmp_path: Path) -> None:
    said = results(tmp_path, [NAMES, machine(), way])
    assert unmet(said) == []


# --- Cheats ------------------------------------------------------------------------

CHEATS = {
    "always divides by zero": (1, "def arithmetic(name, left, right):\n    return 1 / 0"),
    "returns text": (1, "def arithmetic(name, left, right):\n    return f'{name} of {left} and {right}'"),
    "returns what equals everything": (
        1,
        "class Sly(int):\n    def __eq__(self, other): return True\n"
        "def arithmetic(name, left, right):\n    return Sly(7)",
    ),
    "returns a truth": (1, "def arithmetic(name, left, right):\n    return left > right"),
    "knows one answer": (2, "def run(klass, method, places):\n    return -1"),
    "reads the constants": (2, "def run(klass, method, places):\n    return [c for c in klass['constants'] if c][0]"),
    "hands on what it was given": (3, "def run(klass, method, places):\n    return places[0]"),
    "always shortens the stack": (4, "def call(klass, stack, method):\n    return stack[:-2]"),
    "changes nothing": (5, "def calculate(name, *values):\n    return values[0]\nrun = calculate"),
    "ends its process": (5, "import os\ndef calculate(*values):\n    os._exit(0)\nrun = calculate"),
}


@pytest.mark.slow
@pytest.mark.parametrize(("task", "cheat"), CHEATS.values(), ids=CHEATS.keys())
def test_a_cheat_gains_nothing(task: int, cheat: str, tmp_path: Path) -> None:
    said = results(tmp_path, [cheat], task)
    assert sum(each.earned for each in said) == 0
    assert {each.status for each in said} <= {Status.FAILED, Status.NOT_REACHED}


def test_the_courses_own_machine_cannot_be_had_in_the_lab(tmp_path: Path) -> None:
    begin = next(cell for cell in working_cells(master(LAB)) if "begin_lab" in cell)
    tools = {
        "arithmetic(name, left, right)": "from cutaway.jvm.arithmetic import BINARY",
        "run(klass, method, places)": "from cutaway.jvm.watch import Watch",
        "calculate(name, *values)": "from cutaway.jvm.launcher import launch",
    }
    answers = [f"def {function}:\n    {statement}" for function, statement in tools.items()]
    said = [each.observed for each in results(tmp_path, [begin, *answers]) if each.status is Status.FAILED]
    assert len(said) >= len(tools)
    assert all("it holds the answer of lab 02-opcodes" in each for each in said)


# --- The classes ---------------------------------------------------------------------


def test_a_class_taken_apart_says_what_javap_says(tmp_path: Path) -> None:
    klass = compiled("class Two { static long twice(long a, int b) { return 5000000000L * half(b); } "
                     "static int half(int b) { return b / 2; } }", str(tmp_path))  # fmt: skip
    listed = subprocess.run(["javap", "-c", "-p", "-cp", tmp_path, "Two"], capture_output=True, text=True, check=True)
    twice = klass["methods"]["twice(JI)J"]
    assert (twice["parameters"], twice["result"]) == (["J", "I"], "J")
    assert klass["constants"][twice["code"][1] << 8 | twice["code"][2]] == 5_000_000_000
    assert "half(I)I" in klass["constants"]
    assert f"{len(twice['code']) - 1}: lreturn" in listed.stdout


def test_each_learner_gets_a_class_of_their_own_that_java_compiles(tmp_path: Path) -> None:
    sources = {name: own_source(Learner(LAB, name).random("own")) for name in ("ada", "bob", "eve")}
    assert len(set(sources.values())) == len(sources)
    assert own_source(Learner(LAB, "ada").random("own")) == sources["ada"]
    assert "own(I)I" in compiled(sources["eve"], str(tmp_path))["methods"]


def test_what_a_learners_class_gives_depends_on_what_it_is_given(tmp_path: Path) -> None:
    owns = [own_source(Learner(LAB, str(name)).random("own")).replace("Own", f"Own{name}") for name in range(9)]
    prints = "".join(f"for (int n = 1; n < 40; n++) System.out.println(Own{name}.own(n));" for name in range(9))
    compiled(f"class Main {{ public static void main(String[] words) {{ {prints} }} }} {''.join(owns)}", str(tmp_path))
    said = subprocess.run(["java", "-cp", tmp_path, "Main"], capture_output=True, text=True, check=True).stdout.split()
    assert len(said) == len(set(said)) == 9 * 39


@pytest.mark.slow
def test_what_raises_or_never_returns_is_hinted_at_with_the_line_that_calls_it(tmp_path: Path) -> None:
    cells = [NAMES, *working_cells(master(LAB))[1:]]
    slips = [
        cell.replace('"imul": lambda: left', '"imul": lambda: lost').replace("pc + distance", "0") for cell in cells
    ]
    hints = {each.name: each.hint for each in results(tmp_path, slips)}
    assert hints["sums products and bits are right in 32 bits"].startswith("Run arithmetic('imul', ")
    never = hints["each condition leads to the right place"]
    assert never.startswith('Run run(compiled("class Asked { static int signs(int a)')
    assert never.endswith("does the pc come to the return?")


def test_what_javac_refuses_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(Problem, match=r"compiling Odd.java: .*Odd.java:1: error: .*; mend the source"):
        compiled("class Odd { int f() { return; } }", str(tmp_path))
    with pytest.raises(Problem, match="declares no class"):
        compiled("", str(tmp_path))
