"""What cargo, build scripts, macros and tests may touch: no network, no writing outside given folders.

`prefix` gives the launcher to put in front of a command; `describe` says what it enforces here.
"""

import functools
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from attrs import frozen

PROBE_TIMEOUT_S = 20.0

_LAUNCHER = (sys.executable, "-I", "-S", str(Path(__file__).with_name("sandbox_exec.py")))


@frozen
class Sandbox:
    """What is enforced on this machine.

    Attributes:
        network_off: commands have no network but a loopback of their own.
        tcp_off: weaker, where the network cannot be taken away: no TCP, loopback included.
        writes_limited: commands write only below the folders they were given.
        processes_end: whatever a command started ends with it, however well it hides.
        note: why something is missing, in one line; empty when nothing is.
    """

    network_off: bool
    tcp_off: bool
    writes_limited: bool
    processes_end: bool
    note: str


def prefix(writable: Sequence[Path]) -> tuple[str, ...]:
    """The launcher to put in front of a command; empty where nothing can be enforced.

    The command's TMPDIR is moved below the first of ``writable`` unless it already lies inside one of them.
    It is killed when the *thread* that starts it ends, so start it from the thread that waits for it. Exit
    code 125 and a line beginning with "sandbox:" on standard error mean that it was not started.

    Args:
        writable: existing folders (or files) that the command may change: its target folder first.
    """
    sandbox = describe()
    options: list[str] = []
    if sandbox.network_off:
        options.append("--isolate")
    elif sandbox.tcp_off:
        options.append("--tcp")
    if sandbox.writes_limited:
        options += [part for path in writable for part in ("--rw", str(path))]
    if not options:
        return ()
    return (*_LAUNCHER, *options, "--")


@functools.cache
def describe() -> Sandbox:
    """What `prefix` enforces here, found out by trying it once."""
    if sys.platform != "linux":
        return _with_note("not available on this system; cargo runs with --offline and nothing more")
    try:
        done = subprocess.run(
            [*_LAUNCHER, "--probe"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PROBE_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return _with_note(f"the launcher does not run: {error}")
    return _read_probe(done.stdout.split(), done.stderr.strip())


def _read_probe(words: Sequence[str], complaint: str) -> Sandbox:
    isolated = "isolate" in words
    landlock = any(word.startswith("landlock:") for word in words)
    lacks: list[str] = []
    if not isolated:
        lacks.append("namespaces are refused" + (f" ({complaint.splitlines()[-1]})" if complaint else ""))
    if not landlock and not isolated:
        lacks.append("the kernel has no Landlock")
    return Sandbox(
        network_off=isolated,
        tcp_off=not isolated and "tcp" in words,
        writes_limited=landlock or isolated,
        processes_end=isolated,
        note="; ".join(lacks),
    )


def _with_note(note: str) -> Sandbox:
    return Sandbox(network_off=False, tcp_off=False, writes_limited=False, processes_end=False, note=note)
