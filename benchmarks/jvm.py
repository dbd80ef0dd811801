"""How fast the Java machine is, as ratios measured in one run: `python benchmarks/jvm.py`.

Each program is run by the three engines, by `java -Xint` and by CPython (the same algorithm written in Python), in
turn, several times; the median counts. Bytecodes are counted by stepping a smaller run of the same method.
"""

from __future__ import annotations

import io
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from cutaway.jvm import launcher
from cutaway.jvm.core import Loop
from cutaway.jvm.machine import Machine

TRIALS = 3
SOURCE = """
public class Bench {
    static int sieve(int n) {
        boolean[] composite = new boolean[n + 1];
        int count = 0;
        for (int i = 2; i <= n; i++) {
            if (!composite[i]) { count++; for (int j = i + i; j <= n; j += i) composite[j] = true; }
        }
        return count;
    }
    static int nested(int n) {
        int sum = 0;
        for (int i = 0; i < n; i++) for (int j = 0; j < n; j++) sum += i * j;
        return sum;
    }
    static int fib(int n) { return n < 2 ? n : fib(n - 1) + fib(n - 2); }
    public static void main(String[] args) {
        int n = Integer.parseInt(args[1]);
        for (int trial = 0; trial < 3; trial++) {
            long start = System.nanoTime();
            int result = args[0].equals("sieve") ? sieve(n) : args[0].equals("nested") ? nested(n) : fib(n);
            System.out.println((System.nanoTime() - start) + " " + result);
        }
    }
}
"""
SIZES = {"sieve": 200_000, "nested": 500, "fib": 21}
COUNTED = {"sieve": 2_000, "nested": 50, "fib": 12}


def sieve(n: int) -> int:
    composite, count = [False] * (n + 1), 0
    for i in range(2, n + 1):
        if not composite[i]:
            count += 1
            for j in range(i + i, n + 1, i):
                composite[j] = True
    return count


def nested(n: int) -> int:
    total = 0
    for i in range(n):
        for j in range(n):
            total += i * j
    return (total + (1 << 31)) % (1 << 32) - (1 << 31)


def fib(n: int) -> int:
    return n if n < 2 else fib(n - 1) + fib(n - 2)


def timed(work: Callable[[], object]) -> float:
    """Seconds of processor time, which a busy machine disturbs less than the clock on the wall."""
    start = time.process_time()
    work()
    return time.process_time() - start


def machine(classes: Path, engine: str) -> Machine:
    return launcher.machine([classes], launcher.ENGINES[engine](), io.BytesIO(), io.BytesIO(), io.BytesIO())


def bytecodes(classes: Path, name: str, size: int) -> int:
    """How many instructions a run executes, by stepping it."""
    vm = machine(classes, "loop")
    assert isinstance(vm.engine, Loop)
    method = vm.klass("Bench").methods[f"{name}(I)I"]
    vm.initialise(method.klass)
    return sum(1 for _ in vm.engine.steps(method, [size]))


def xint(classes: Path, name: str, size: int) -> list[float]:
    command = ["java", "-Xint", "-cp", str(classes), "Bench", name, str(size)]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split("\n")
    return [int(line.split()[0]) / 1e9 for line in lines if line]


def measure(classes: Path, name: str) -> None:
    size, python = SIZES[name], {"sieve": sieve, "nested": nested, "fib": fib}[name]
    machines = {engine: machine(classes, engine) for engine in launcher.ENGINES}
    times: dict[str, list[float]] = {engine: [] for engine in (*launcher.ENGINES, "cpython", "java -Xint")}
    answers = set()
    for vm in machines.values():  # warm-up: load, decode, translate
        vm.klass("Bench").methods[f"{name}(I)I"].function(COUNTED[name])
    for _ in range(TRIALS):
        for engine, vm in machines.items():
            run = vm.klass("Bench").methods[f"{name}(I)I"].function
            times[engine].append(timed(lambda run=run: answers.add(run(size))))  # type: ignore[misc]
        times["cpython"].append(timed(lambda: answers.add(python(size))))
        times["java -Xint"] += xint(classes, name, size)
    assert len(answers) == 1, f"{name}: the engines disagree: {answers}"
    median = {each: statistics.median(values) for each, values in times.items()}
    small = COUNTED[name]
    run = machines["loop"].klass("Bench").methods[f"{name}(I)I"].function
    rate = bytecodes(classes, name, small) / statistics.median(timed(lambda: run(small)) for _ in range(9))
    print(f"{name}({size}): stage 1 runs {rate / 1e6:.2f} M bytecodes/s")
    for each, seconds in median.items():
        print(f"  {each:11} {seconds * 1000:10.2f} ms   {median['loop'] / seconds:8.1f} x stage 1")


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "Bench.java"
        source.write_text(SOURCE)
        subprocess.run(["javac", "-d", folder, source], check=True)
        for name in SIZES:
            measure(Path(folder), name)
    return 0


if __name__ == "__main__":
    sys.exit(launcher.with_deep_stack(main))
