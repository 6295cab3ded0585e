"""What a person made of the fixes they were offered: one line of JSON each, append-only, on this machine.

Nothing is kept unless the person has switched it on. The file is the user's alone; at a megabyte it is set
aside as ``feedback.1.jsonl`` in place of an older one, so it cannot grow without bound.
"""

import hashlib
import json
import os
import time
from pathlib import Path
from typing import Literal

from attrs import asdict, field, frozen

from ..trace.secrets import clean_value

Verdict = Literal["accepted", "undone", "ignored"]
VERDICTS: tuple[Verdict, ...] = ("accepted", "undone", "ignored")
VERSION = 1
MAX_N_BYTES = 1 << 20
_FILE = "feedback.jsonl"


@frozen
class Feedback:
    """What became of one fix.

    Attributes:
        what: it was taken; it was taken and then taken back; it was looked at and left.
        code: of the error it mends.
        source: of the candidate it was made of.
        level: how far it was proven, `V1` to `V3`.
        confidence: how sure Rusta was of it.
        time_s: when, in seconds since 1970.
    """

    what: Verdict
    code: str | None
    source: str
    title: str
    level: str
    confidence: float
    time_s: float = field(factory=time.time)


def file_of(cache: Path, project: Path | None) -> Path:
    """Where it is kept: for one project alone, or for all that the person works at."""
    if project is None:
        return cache / _FILE
    return cache / "projects" / hashlib.sha256(os.fsencode(project)).hexdigest()[:16] / _FILE


def keep(file: Path, feedback: Feedback) -> None:
    """Append a line; secrets are taken out first.

    Raises:
        OSError: the disk does not take it.
    """
    line = json.dumps(clean_value({"v": VERSION, **asdict(feedback)}), ensure_ascii=False) + "\n"
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
    descriptor = os.open(file, flags, 0o600)
    try:
        os.write(descriptor, line.encode())
        is_full = os.fstat(descriptor).st_size > MAX_N_BYTES
    finally:
        os.close(descriptor)
    if is_full:
        file.replace(file.with_name(f"{file.stem}.1{file.suffix}"))
