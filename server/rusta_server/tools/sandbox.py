"""What cargo, build scripts, macros and tests may touch: the files they need, and nothing else.

No network, no writing outside given folders, no reading of the user's other files, no variables with
secrets, no signals to other processes. `prefix` gives the launcher to put in front of a command; `describe`
says what it enforces here.
"""

import functools
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from attrs import frozen

from . import sandbox_macos, sandbox_reads
from .sandbox_launcher import LAUNCHER

PROBE_TIMEOUT_S = 20.0


@frozen
class Sandbox:
    """What is enforced on this machine.

    Attributes:
        options: the launcher's, for what works here.
        network_off: commands have no network but, at most, a loopback of their own.
        reads_limited: commands read only what they were given, the toolchain and the system's libraries.
        writes_limited: commands write only below the folders they were given.
        processes_end: whatever a command started ends with it, however well it hides.
        note: why something is missing, in one line; empty when nothing is.
    """

    options: tuple[str, ...] = ()
    network_off: bool = False
    reads_limited: bool = False
    writes_limited: bool = False
    processes_end: bool = False
    note: str = ""

    @property
    def is_complete(self) -> bool:
        """Whether everything is enforced that keeps the user's files and secrets safe."""
        return self.network_off and self.reads_limited and self.writes_limited

    @property
    def lacks(self) -> str:
        """What is not enforced, in words; empty when nothing is missing."""
        parts = (
            (self.network_off, "the network"),
            (self.reads_limited, "reading your files"),
            (self.writes_limited, "writing elsewhere"),
            (self.processes_end, "processes that stay behind"),
        )
        return ", ".join(text for is_on, text in parts if not is_on)


def prefix(writable: Sequence[Path], readable: Sequence[Path] = ()) -> tuple[str, ...]:
    """The launcher to put in front of a command; empty where nothing can be enforced.

    The command's TMPDIR is moved below the first of ``writable`` unless it already lies inside one of them.
    It is killed when the *thread* that starts it ends, so start it from the thread that waits for it. Exit
    code 125 and a line beginning with "sandbox:" on standard error mean that it was not started.

    Args:
        writable: existing folders (or files) that the command may change: its target folder first.
        readable: what it may read besides the toolchain, the registry and the system.
    """
    found = describe()
    if not found.options:
        return ()
    reads = (*sandbox_reads.readable(sys.platform), *readable)
    if sys.platform == "darwin":
        return sandbox_macos.prefix(writable, reads)
    ro = [part for path in reads for part in ("--ro", str(path))]
    rw = [part for path in writable for part in ("--rw", str(path))]
    hide = [part for path in sandbox_reads.hidden() for part in ("--hide", str(path))]
    return (*LAUNCHER, *found.options, *hide, *ro, *rw, "--")


def launcher_for(
    is_on: bool, reads: Sequence[str]
) -> Callable[[Sequence[Path], Sequence[Path]], tuple[str, ...]]:
    """`prefix` as a person wants it: or nothing at all, or with more to read."""
    if not is_on:
        return lambda writable, readable: ()
    more = tuple(Path(path).expanduser().absolute() for path in reads)
    return lambda writable, readable: prefix(writable, (*readable, *more))


@functools.cache
def describe() -> Sandbox:
    """What `prefix` enforces here, found out by trying it once."""
    if sys.platform == "darwin":
        return _with_macos()
    if sys.platform != "linux":
        return Sandbox(note="not available on this system; cargo runs with --offline and nothing more")
    try:
        done = subprocess.run(
            [*LAUNCHER, "--probe"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PROBE_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return Sandbox(note=f"the launcher does not run: {error}")
    return _read_probe(done.stdout.split(), done.stderr.strip())


def _read_probe(words: Sequence[str], complaint: str) -> Sandbox:
    isolated = "isolate" in words
    landlock = any(word.startswith("landlock:") for word in words)
    filtered = "filter" in words
    lacks: list[str] = []
    if not isolated:
        lacks.append("namespaces are refused" + (f" ({complaint.splitlines()[-1]})" if complaint else ""))
    if not landlock and not isolated:
        lacks.append("the kernel has no Landlock")
    works = (("--isolate", isolated), ("--landlock", landlock), ("--filter", filtered))
    return Sandbox(
        options=tuple(option for option, is_on in works if is_on) if isolated or landlock else (),
        network_off=isolated or (landlock and filtered),
        reads_limited=isolated or landlock,
        writes_limited=isolated or landlock,
        processes_end=isolated,
        note="; ".join(lacks),
    )


def _with_macos() -> Sandbox:
    reason = sandbox_macos.why_not()
    if reason:
        return Sandbox(note=reason)
    note = "processes that a command leaves behind stay confined, but are not ended"
    return Sandbox(("sandbox-exec",), network_off=True, reads_limited=True, writes_limited=True, note=note)
