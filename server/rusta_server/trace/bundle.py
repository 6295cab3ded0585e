"""A trace in one file, to be carried elsewhere; and clearing what nobody needs any more."""

import fcntl
import gzip
import io
import os
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path

from attrs import frozen

from ..errors import RustaError
from . import canonical
from .ledger import Ledger, read, read_file, write_whole
from .record import BadTrace, Step

MAX_MEMBER_BYTES = 64 << 20
MAX_BUNDLE_BYTES = 512 << 20
# A blob is written before the line that names it; younger ones are left alone.
_YOUNG_S = 3600.0


def export(ledger: Ledger, id: str, target: Path) -> None:
    """Write a trace with its blobs into `target`: the same bytes for the same trace, wherever it is done.

    Raises:
        BadTrace: it is broken, or a blob is gone.
        OSError: `target` cannot be written.
    """
    path = ledger.path(id)
    try:
        whole = path.read_bytes()
    except OSError as error:
        raise BadTrace(f"no trace {id}: {error.strerror}") from error
    lines = whole[: whole.rfind(b"\n") + 1]
    members = [(f"{id}.jsonl", lines)]
    for sha in sorted(set(blobs_of(read(path)))):
        members.append((f"blobs/{sha}", canonical.encode(ledger.blob(sha))))
    packed = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=packed, mode="wb", mtime=0, filename="") as squeezed,
        tarfile.open(fileobj=squeezed, mode="w", format=tarfile.USTAR_FORMAT) as tar,
    ):
        for name, data in members:
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(data), 0o600
            tar.addfile(entry, io.BytesIO(data))
    write_whole(target, packed.getvalue())


def import_(ledger: Ledger, source: Path) -> str:
    """Take over a trace that `export` wrote; returns its id. Nothing is kept unless everything holds.

    Raises:
        BadTrace: chain or blobs do not hold, something is missing or does not belong there.
        RustaError: the file cannot be read, or another trace has the same id.
    """
    id, lines, blobs = _unpack(source)
    target = ledger.path(id)
    steps = list(read_file(io.BytesIO(lines)))
    if not steps:
        raise BadTrace(f"{source.name}: the trace is empty")
    named = set(blobs_of(steps))
    if named != set(blobs):
        missing, unknown = sorted(named - set(blobs)), sorted(set(blobs) - named)
        what = (
            f"the payload {missing[0][:12]} is missing"
            if missing
            else f"{unknown[0][:12]} belongs to no step"
        )
        raise BadTrace(f"{source.name}: {what}")
    if target.exists() and target.read_bytes() != lines:
        raise RustaError(f"another trace with the id {id} is here already; nothing was changed.")
    for data in blobs.values():
        ledger.put_blob(data)
    write_whole(target, lines)
    return id


@frozen
class Cleared:
    """What `clear` removed."""

    n_traces: int
    n_blobs: int
    n_bytes: int


def clear(ledger: Ledger, *, keep: int, max_age_s: float, now: float | None = None) -> Cleared:
    """Remove traces beyond the newest `keep` that are also older than `max_age_s`, and blobs nobody names.

    A trace that is being written stays. A broken one goes by the same rule; while it is here its blobs are
    not known, and then no blob is removed.
    """
    now = time.time() if now is None else now
    n_traces = n_bytes = 0
    ids = ledger.ids()
    for id in ids[: max(len(ids) - keep, 0)]:
        path = ledger.path(id)
        status = path.stat()
        if now - status.st_mtime > max_age_s and not _is_written(path):
            path.unlink()
            n_traces, n_bytes = n_traces + 1, n_bytes + status.st_size
    needed: set[str] = set()
    for id in ledger.ids():
        try:
            needed.update(blobs_of(read(ledger.path(id))))
        except BadTrace:
            return Cleared(n_traces, 0, n_bytes)
    n_blobs = 0
    for path in (ledger.folder / "blobs").glob("??/*"):
        status = path.stat()
        if path.parent.name + path.name not in needed and now - status.st_mtime > _YOUNG_S:
            path.unlink()
            n_blobs, n_bytes = n_blobs + 1, n_bytes + status.st_size
    return Cleared(n_traces, n_blobs, n_bytes)


def blobs_of(steps: Iterator[Step] | list[Step]) -> Iterator[str]:
    """The hashes of the payloads that are not in the lines themselves."""
    for step in steps:
        for sha, inline in ((step.input_sha, step.input), (step.output_sha, step.output)):
            if sha is not None and inline is None:
                yield sha


def _unpack(source: Path) -> tuple[str, bytes, dict[str, bytes]]:
    id, lines, blobs = "", b"", dict[str, bytes]()
    total = 0
    try:
        with tarfile.open(source, "r:gz") as tar:
            for entry in tar:
                total += entry.size
                if not entry.isreg() or entry.size > MAX_MEMBER_BYTES or total > MAX_BUNDLE_BYTES:
                    raise BadTrace(f"{source.name}: {entry.name[:80]!r} does not belong into a trace")
                file = tar.extractfile(entry)
                data = file.read() if file else b""
                if entry.name.endswith(".jsonl") and not id:
                    id, lines = entry.name.removesuffix(".jsonl"), data
                elif entry.name.startswith("blobs/") and canonical.sha_of(data) == entry.name[6:]:
                    blobs[entry.name[6:]] = data
                else:
                    raise BadTrace(f"{source.name}: {entry.name[:80]!r} is not what its name says")
    except (tarfile.TarError, EOFError, gzip.BadGzipFile) as error:
        raise BadTrace(f"{source.name}: not an exported trace ({error})") from error
    except OSError as error:
        raise RustaError(f"{source}: {error.strerror or error}") from error
    return id, lines, blobs


def _is_written(path: Path) -> bool:
    """Whether some process has the trace open for writing."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return False
