"""Which of many small programs compile alone: asked of rustc in batches, for starting it costs the most."""

import json
import os
import subprocess
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

BATCH: Final = 100
TIMEOUT_S: Final = 60.0
# Errors of one phase hide those of the next; there are few phases.
_ROUNDS = 6
_FLAGS = ("--crate-type=lib", "--emit=metadata", "--cap-lints=allow", "--error-format=json")


def version() -> str:
    """What the compiler says it is, in one line."""
    return subprocess.run(["rustc", "--version"], capture_output=True, text=True, check=True).stdout.strip()


def which_compile(texts: Sequence[str], edition: str) -> list[bool]:
    """For each program, whether it compiles by itself.

    Programs are first compiled together, each in a module of its own. Those that an error points into are
    compiled alone, because they may only need to be: a path from the crate's root, an exported macro.
    """
    batches = [texts[start : start + BATCH] for start in range(0, len(texts), BATCH)]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        together = pool.map(lambda batch: _batch(batch, edition), batches)
        verdicts = [verdict for batch in together for verdict in batch]
        alone = [index for index, verdict in enumerate(verdicts) if not verdict]
        for index, verdict in zip(alone, pool.map(lambda i: compiles(texts[i], edition), alone), strict=True):
            verdicts[index] = verdict
    return verdicts


def compiles(text: str, edition: str) -> bool:
    """Whether rustc has no error to report for this program as a library crate."""
    return _errors(text, edition) == []


def _batch(texts: Sequence[str], edition: str) -> list[bool]:
    """Which programs compile beside each other; none, if the batch cannot be told apart."""
    good = set(range(len(texts)))
    for _ in range(_ROUNDS):
        lines: list[str] = []
        owner: list[int] = []
        for index in sorted(good):
            module = [f"mod __m{index} {{", *texts[index].split("\n"), "}"]
            lines += module
            owner += [index] * len(module)
        errors = _errors("\n".join(lines), edition)
        if errors == []:
            return [index in good for index in range(len(texts))]
        if errors is None:
            break
        bad = {owner[line - 1] for line in errors if line <= len(owner)}
        if not bad:
            break
        good -= bad
    return [False] * len(texts)


def _errors(text: str, edition: str) -> list[int] | None:
    """The lines that errors point at; [] if it compiles, None if rustc does not say or does not end."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "program.rs"
        source.write_text(text, encoding="utf-8")
        argv = ["rustc", *_FLAGS, f"--edition={edition}", "--out-dir", folder, str(source)]
        try:
            done = subprocess.run(argv, capture_output=True, timeout=TIMEOUT_S, cwd=folder, check=False)
        except subprocess.TimeoutExpired:
            return None
    if done.returncode == 0:
        return []
    found: list[int] = []
    for line in done.stderr.splitlines():
        try:
            message = json.loads(line)
        except ValueError:
            return None  # the compiler itself fell over
        if message.get("level") == "error":
            found += [
                span["line_start"]
                for span in map(_outermost, message["spans"])
                if span["is_primary"] and span["file_name"] == str(source)
            ]
    return found or None


def _outermost(span: dict) -> dict:  # type: ignore[type-arg]  # rustc's JSON
    """Where a span begins in the program itself, if it lies in a macro of the standard library."""
    while span.get("expansion"):
        primary = span["is_primary"]
        span = {**span["expansion"]["span"], "is_primary": primary}
    return span
