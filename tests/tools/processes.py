"""What processes there are, for tests of what ends them."""

import time
from collections.abc import Callable
from pathlib import Path

import psutil


def survivors(mark: Path) -> list[psutil.Process]:
    """Those that have `mark` in their command line."""
    found = []
    for one in psutil.process_iter():
        try:
            if str(mark) in " ".join(one.cmdline()):
                found.append(one)
        except psutil.Error:
            continue
    return found


def wait_for(condition: Callable[[], object], timeout_s: float = 10.0) -> bool:
    """Whether it comes true in time."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.02)
    return bool(condition())
