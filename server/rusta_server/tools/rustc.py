"""rustc on one file that belongs to no package."""

import json
import os
import re
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from .diagnostic import Checked, CouldNotCheck, Diagnostic, parse
from .process import Cancel, Cancelled, Finished, TimedOut, run

CheckOutcome = Checked | CouldNotCheck | TimedOut | Cancelled

_MAIN = re.compile(rb"^\s*(pub\s+)?(async\s+)?fn\s+main\s*(<[^>]*>)?\(", re.M)


def crate_type(text: bytes, mode: str = "auto") -> str:
    """``bin``, ``lib`` or ``test``; ``auto`` is a program if the file has a function `main`."""
    if mode != "auto":
        return mode
    return "bin" if _MAIN.search(text) else "lib"


def check(
    file: Path,
    *,
    edition: str,
    mode: str = "auto",
    flags: Sequence[str] = (),
    launcher: Sequence[str] = (),
    timeout_s: float,
    cancel: Cancel | None = None,
) -> CheckOutcome:
    """Compile `file` down to metadata, which runs every check short of code generation."""
    kind = crate_type(file.read_bytes(), mode)
    with tempfile.TemporaryDirectory(dir=file.parent, prefix=".rusta-out-") as out:
        command = [
            *launcher,
            "rustc",
            f"--edition={edition}",
            *(["--test"] if kind == "test" else [f"--crate-type={kind}"]),
            "--error-format=json",
            "--emit=metadata",
            f"--out-dir={out}",
            *flags,
            file.name,
        ]
        try:
            ended = run(command, cwd=file.parent, env=environment(), timeout_s=timeout_s, cancel=cancel)
        except FileNotFoundError:
            return CouldNotCheck("rustc was not found", "install Rust: https://rustup.rs")
    if not isinstance(ended, Finished):
        return ended
    diagnostics = tuple(_messages(ended.stderr))
    if ended.code != 0 and not any(d.is_error for d in diagnostics):
        return CouldNotCheck(f"rustc failed: {_last_line(ended.stderr)}")
    return Checked(diagnostics)


def environment() -> dict[str, str]:
    """The environment for the compiler: ours, without what would change its output."""
    drop = {
        "RUSTC_WRAPPER",
        "RUSTC_WORKSPACE_WRAPPER",
        "CARGO_TARGET_DIR",
        "CARGO_BUILD_TARGET_DIR",
        "CARGO_TERM_COLOR",
    }
    return {key: value for key, value in os.environ.items() if key not in drop}


def _messages(output: bytes) -> Iterator[Diagnostic]:
    for line in output.splitlines():
        if line.startswith(b"{"):
            raw = json.loads(line)
            if raw.get("$message_type", "diagnostic") == "diagnostic":
                yield parse(raw)


def _last_line(output: bytes) -> str:
    lines = output.decode(errors="replace").strip().splitlines()
    return lines[-1] if lines else "without a message"
