"""The dispatch loop can be watched: frame, pc, opcode, operand stack and locals before each instruction."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from jvm_oracle import compile_java

from cutaway.jvm import launcher
from cutaway.jvm.core import Loop
from cutaway.jvm.frames import Step

SOURCE = """
public class Tiny {
    static int half(int x) { return x / 2; }
    static int sum(int a, long b) { int c = a + (int) b; return half(c); }
    static int caught(int a) { try { return 1 / a; } catch (ArithmeticException e) { return -1; } }
    public static void main(String[] args) { }
}
"""


@pytest.fixture
def steps(tmp_path: Path) -> object:
    source = tmp_path / "Tiny.java"
    source.write_text(SOURCE)
    compile_java([source], tmp_path / "classes")

    def run(key: str, arguments: list[object]) -> list[Step]:
        vm = launcher.machine([tmp_path / "classes"], Loop(), io.BytesIO(), io.BytesIO(), io.BytesIO())
        klass = vm.klass("Tiny")
        vm.initialise(klass)
        assert isinstance(vm.engine, Loop)
        return list(vm.engine.steps(klass.methods[key], arguments))

    return run


def test_each_step_shows_the_state_before_its_instruction(steps) -> None:  # type: ignore[no-untyped-def]
    found = steps("sum(IJ)I", [5, 8])
    assert [step.opcode for step in found] == [
        "iload_0", "lload_1", "l2i", "iadd", "istore_3", "iload_3", "invokestatic", "iload_0", "iconst_2", "idiv",
        "ireturn", "ireturn",
    ]  # fmt: skip
    assert found[3].stack == (5, 8)
    assert found[0].locals == (5, 8, None, None)  # the long takes locals 1 and 2
    assert [step.pc for step in found[:4]] == [0, 1, 2, 3]


def test_a_call_is_seen_as_a_new_frame(steps) -> None:  # type: ignore[no-untyped-def]
    found = steps("sum(IJ)I", [5, 8])
    assert [step.frame.method.name for step in found[6:9]] == ["sum", "half", "half"]
    assert found[7].frame.caller is found[6].frame
    assert found[-1].stack == (6,)


def test_an_exception_is_seen_to_lead_to_its_handler(steps) -> None:  # type: ignore[no-untyped-def]
    opcodes = [step.opcode for step in steps("caught(I)I", [0])]
    assert opcodes[:3] == ["iconst_1", "iload_0", "idiv"]
    assert opcodes[-3:] == ["astore_1", "iconst_m1", "ireturn"]
