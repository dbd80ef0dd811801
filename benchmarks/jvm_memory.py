"""Whether the Java machine's memory stays flat over a long run: `python benchmarks/jvm_memory.py [SECONDS] [SEED]`.

A Java program that would never end makes objects, strings, boxes, lambdas and exceptions and lets go of them; each
engine runs it for SECONDS (60), one round after another with numbers drawn from SEED. The resident memory of this
process is read after every round. Flat means: in the last quarter of the rounds it is not more than a twentieth above
that of the second quarter; the first belongs to loading and translating.
"""

from __future__ import annotations

import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from cutaway.jvm import launcher

GROWTH = 1.05  # Python's allocator takes a few MiB in steps; one byte kept in each iteration would be ten times that
SOURCE = """
import java.util.*;
import java.util.function.*;

public class LongRun {
    record Point(int x, int y) {}

    static int round(int seed, int count) {
        Map<Integer, Point> points = new HashMap<>();
        int sum = seed;
        for (int i = 0; i < count; i++) {
            sum = sum * 31 + (i ^ sum >>> 7);
            if (i % 8 == 0) points.put(sum & 63, new Point(i, sum));
            if (i % 64 == 0) sum += ("point " + points.get(sum & 63)).hashCode();
            if (i % 256 == 0) {
                IntUnaryOperator twice = x -> x * 2 + seed;
                try { sum = twice.applyAsInt(sum) / (i % 512); }
                catch (ArithmeticException e) { sum ^= e.getMessage().length(); }
            }
        }
        return sum + points.size();
    }
}
"""
ITERATIONS = 20_000  # of the Java loop, in a round


def resident_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096


def run(classes: Path, engine: str, seconds: float, seed: int) -> bool:
    method = launcher.static_method(classes, "LongRun", "round(II)I", launcher.ENGINES[engine]())
    draw, memory = random.Random(seed), []
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline or len(memory) < 8:
        method.function(draw.randrange(1 << 31), ITERATIONS)
        memory.append(resident_bytes())
    quarter = len(memory) // 4
    early, late = statistics.median(memory[quarter : 2 * quarter]), statistics.median(memory[-quarter:])
    flat = late <= early * GROWTH
    millions = len(memory) * ITERATIONS / 1e6
    print(
        f"{engine:9} {millions:8.1f} M iterations  {early / 2**20:7.1f} MiB early  {late / 2**20:7.1f} MiB late",
        end="  ",
    )
    print("flat" if flat else "GROWS", flush=True)
    return flat


def main() -> int:
    seconds, seed = float((sys.argv[1:2] or ["60"])[0]), int((sys.argv[2:3] or ["1"])[0])
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "LongRun.java").write_text(SOURCE)
        subprocess.run(["javac", "-d", folder, f"{folder}/LongRun.java"], check=True)
        flat = [run(Path(folder), engine, seconds, seed) for engine in launcher.ENGINES]
    return int(not all(flat))


if __name__ == "__main__":
    sys.exit(launcher.with_deep_stack(main))
