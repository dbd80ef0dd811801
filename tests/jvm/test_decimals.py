"""Numbers as text, against `java` itself: thousands of random bit patterns in one run."""

from __future__ import annotations

import random
import struct
import subprocess
from pathlib import Path

from jvm_oracle import compile_java

from cutaway.jvm.decimals import double_text, fixed, float_text, scientific

SOURCE = """
import java.util.Scanner;
public class Digits {
    public static void main(String[] args) {
        Scanner in = new Scanner(System.in);
        while (in.hasNextLong()) {
            long bits = in.nextLong();
            double d = Double.longBitsToDouble(bits); float f = Float.intBitsToFloat((int) bits);
            System.out.println(d + " " + f + " " + String.format("%.3f %.6e", Math.abs(d) < 1e15 ? Math.abs(d) : 1.5, Math.abs(d)));
        }
    }
}
"""  # noqa: E501 (Java)


def bit_patterns(count: int) -> list[int]:
    """Random bits, and bits of numbers that people write."""
    chance = random.Random(5)
    plain = [round(chance.uniform(-1e6, 1e6), chance.randint(0, 6)) for _ in range(count)]
    powers = [2.0**power for power in range(-1074, 1024, 7)]
    numbers = [struct.unpack(">q", struct.pack(">d", number))[0] for number in plain + powers]
    return numbers + [chance.getrandbits(64) - (1 << 63) for _ in range(count)]


def test_doubles_and_floats_are_written_as_java_writes_them(tmp_path: Path) -> None:
    (tmp_path / "Digits.java").write_text(SOURCE)
    compile_java([tmp_path / "Digits.java"], tmp_path / "classes")
    patterns = [bits for bits in bit_patterns(4000) if bits >> 52 & 0x7FF != 0x7FF]
    command = ["java", "-cp", str(tmp_path / "classes"), "Digits"]
    answer = subprocess.run(command, input=" ".join(map(str, patterns)), capture_output=True, text=True, check=True)
    for bits, line in zip(patterns, answer.stdout.splitlines(), strict=True):
        double = struct.unpack(">d", struct.pack(">q", bits))[0]
        single = struct.unpack(">f", struct.pack(">I", bits & 0xFFFFFFFF))[0]
        near = abs(double) if abs(double) < 1e15 else 1.5
        ours = f"{double_text(double)} {float_text(single)} {fixed(near, 3)} {scientific(abs(double), 6)}"
        assert ours == line, hex(bits & (1 << 64) - 1)
