"""Grade classes of growing size: seconds, processor time and memory, which should grow with the class, and not at all.

python benchmarks/grading_scale.py [SIZE ...]    default 100 1000; `same` before the sizes hands in one notebook often.
Memory is the largest sum of shares (PSS) of everything at one moment, and of the grader alone, looked at each second.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "grading"))

import small_class

from cutaway.linux import processes
from grading import ASSIGNMENT, Counted

LOOK_S = 1.0


def main(sizes: list[int], same: bool) -> None:
    print(f"{'one notebook often' if same else 'each another one'}, load average {os.getloadavg()[0]:.0f}", flush=True)
    for size in sizes:
        with tempfile.TemporaryDirectory(prefix="cutaway-benchmark-") as folder, Counted() as counted:
            course = small_class.one_assignment(Path(folder) / "course", ASSIGNMENT, size)
            if same:
                first, *others = sorted(course.glob("submitted/*/*/*.ipynb"))
                for path in others:
                    path.write_bytes(first.read_bytes())
            used, began = counted.seconds(), time.monotonic()
            all_mib, grader_mib = watched([sys.executable, "-m", "cutaway", "grade", ASSIGNMENT, "--json"], course)
            seconds, cpu_s = time.monotonic() - began, counted.seconds() - used
        print(
            f"{size:6} in {seconds:7.1f} s: {1000 * seconds / size:6.1f} ms each, {1000 * cpu_s / size:6.1f} ms CPU "
            f"each; {all_mib:5.0f} MiB in all, {grader_mib:5.0f} the grader",
            flush=True,
        )


def watched(command: list[str], course: Path) -> tuple[float, float]:
    """Run a command; the most memory that it and all below it had together, and it alone."""
    most = alone = 0.0
    with subprocess.Popen(command, cwd=course, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as grader:
        while grader.poll() is None:
            below = [share_mib(each.pid) for each in processes.descendants(grader.pid)]
            own = share_mib(grader.pid)
            most, alone = max(most, own + sum(below)), max(alone, own)
            time.sleep(LOOK_S)
    assert grader.returncode == 0
    return most, alone


def share_mib(pid: int) -> float:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0
    return sum(int(line.split()[1]) for line in lines if line.startswith(("Pss:", "SwapPss:"))) / 1024


if __name__ == "__main__":
    words = sys.argv[1:]
    main([int(word) for word in words if word != "same"] or [100, 1000], "same" in words)
