"""Run the page, and run it anew whenever its text changes: for whoever is writing it."""

import subprocess
import sys
import time
from pathlib import Path

PAGE = Path(__file__).with_name("counter.py")

while True:
    seen = PAGE.stat().st_mtime_ns
    page = subprocess.Popen([sys.executable, PAGE])
    while PAGE.stat().st_mtime_ns == seen:
        time.sleep(0.1)
    page.terminate()
    page.wait()
