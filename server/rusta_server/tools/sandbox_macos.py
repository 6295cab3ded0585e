"""The same rules as a profile for macOS's `sandbox-exec`.

The profile is tried on the machine (`why_not`) before anything relies on it. Rusta's own tests look at
its text only: they have not run on macOS.
"""

import os
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from .sandbox_env import is_secret

_PROGRAM = "/usr/bin/sandbox-exec"
_TIMEOUT_S = 20.0

_BASE = """(version 1)
(deny default)
(allow process-exec)
(allow process-fork)
(allow process-info* (target same-sandbox))
(allow signal (target same-sandbox))
(allow sysctl-read)
(allow ipc-posix-shm)
(allow file-read-metadata)
(allow file-ioctl (literal "/dev/null"))
(allow file-write-data (literal "/dev/null") (literal "/dev/zero"))
(allow mach-lookup (global-name "com.apple.system.opendirectoryd.libinfo"))
(deny network*)
"""


def prefix(writable: Sequence[Path], readable: Sequence[Path]) -> tuple[str, ...]:
    """The launcher to put in front of a command."""
    unset = [part for name, value in os.environ.items() if is_secret(name, value) for part in ("-u", name)]
    # /private/var/folders is shared by all programs, so the scratch folder moves to one of the command's own.
    inside = os.environ.get("TMPDIR", "")
    if not any(Path(inside).is_relative_to(folder) for folder in writable):
        inside = str(writable[0])
    return (_PROGRAM, "-p", profile(writable, readable), "/usr/bin/env", *unset, f"TMPDIR={inside}")


def profile(writable: Sequence[Path], readable: Sequence[Path]) -> str:
    """The rules in sandbox-exec's language; the last rule that fits a file counts."""
    reads = "".join(f"(allow file-read* (subpath {_quoted(path)}))\n" for path in _real(readable))
    writes = "".join(
        f"(allow file-read* file-write* (subpath {_quoted(path)}))\n" for path in _real(writable)
    )
    return _BASE + reads + writes


def why_not() -> str:
    """Why the profile cannot be relied on here; empty if it kept what it promises."""
    if not Path(_PROGRAM).exists():
        return f"{_PROGRAM} is not there; cargo runs with --offline and nothing more"
    with tempfile.TemporaryDirectory() as name:
        inside, outside = Path(name, "inside"), Path(name, "outside")
        inside.mkdir()
        outside.write_text("outside")
        launcher = prefix([inside], [Path("/usr"), Path("/bin"), Path("/System"), Path("/dev")])
        tries = (
            ("nothing runs in it", ["/bin/sh", "-c", f"echo x > {inside}/x"], True),
            ("it does not stop reading", ["/bin/cat", str(outside)], False),
            ("it does not stop writing", ["/bin/sh", "-c", f"echo x > {name}/new"], False),
            ("it does not stop the network", ["/usr/bin/nc", "-z", "-w1", "127.0.0.1", "1"], False),
        )
        for complaint, command, wanted in tries:
            try:
                done = subprocess.run(
                    [*launcher, *command], capture_output=True, timeout=_TIMEOUT_S, check=False
                )
            except (OSError, subprocess.TimeoutExpired):
                return "sandbox-exec does not answer; cargo runs with --offline and nothing more"
            if (done.returncode == 0) != wanted:
                return f"sandbox-exec was tried, but {complaint}; cargo runs with --offline and nothing more"
    return ""


def _real(paths: Sequence[Path]) -> list[Path]:
    """The kernel compares real paths; /tmp and /var are links on macOS."""
    return list(dict.fromkeys(path.resolve() for path in paths))


def _quoted(path: Path) -> str:
    text = str(path).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'
