"""A trace in one file, to be carried elsewhere; and clearing what nobody needs any more."""

import fcntl
import gzip
import io
import os
import tarfile
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

from attrs import frozen

from ..errors import RustaError
from . import canonical
from .foreign import HoldsSecrets, secrets_in
from .ledger import MAX_BLOB_BYTES, Ledger, open_file, read, read_file, write_whole
from .record import BadTrace, Step

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
        with open_file(path) as file:
            steps = list(read_file(file))  # first: only a file that holds is taken into memory
            file.seek(0)
            whole = file.read()
    except OSError as error:
        raise BadTrace(f"no trace {id}: {error.strerror}") from error
    members = [(f"{id}.jsonl", whole[: whole.rfind(b"\n") + 1])]
    for sha in sorted(set(blobs_of(steps))):
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


def import_(ledger: Ledger, source: Path, *, keep_secrets: bool = False) -> str:
    """Take over a trace that `export` wrote; returns its id. Nothing is kept unless everything holds.

    Raises:
        BadTrace: chain or blobs do not hold, something is missing or does not belong there.
        HoldsSecrets: it holds secrets, and they are not to be kept.
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
    if not keep_secrets and (found := secrets_in(lines, steps, blobs)):
        raise HoldsSecrets(
            source.name,
            found,
            hint="Have it made anew without that, or take it as it is: rusta trace import --keep-secrets …",
        )
    if os.path.lexists(target) and _content(target) != lines:
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
        n_removed = _remove_old(ledger.path(id), now - max_age_s, unless=_is_written)
        if n_removed is not None:
            n_traces, n_bytes = n_traces + 1, n_bytes + n_removed
    needed: set[str] = set()
    for id in ledger.ids():
        try:
            needed.update(blobs_of(read(ledger.path(id))))
        except FileNotFoundError:  # another process clears, too
            continue
        except (BadTrace, OSError):
            return Cleared(n_traces, 0, n_bytes)
    n_blobs = 0
    for path in (ledger.folder / "blobs").glob("??/*"):
        if path.parent.name + path.name in needed:
            continue
        n_removed = _remove_old(path, now - _YOUNG_S)
        if n_removed is not None:
            n_blobs, n_bytes = n_blobs + 1, n_bytes + n_removed
    return Cleared(n_traces, n_blobs, n_bytes)


def _remove_old(
    path: Path, before: float, *, unless: Callable[[Path], bool] = lambda path: False
) -> int | None:
    """Remove a file last written before a time; its size, or None if it stays or is gone."""
    try:
        status = path.lstat()
        if status.st_mtime >= before or unless(path):
            return None
        path.unlink()
    except FileNotFoundError:
        return None
    return status.st_size


def blobs_of(steps: Iterator[Step] | list[Step]) -> Iterator[str]:
    """The hashes of the payloads that are not in the lines themselves."""
    for step in steps:
        for sha, inline in ((step.input_sha, step.input), (step.output_sha, step.output)):
            if sha is not None and inline is None:
                yield sha


def _unpack(source: Path) -> tuple[str, bytes, dict[str, bytes]]:
    id, lines, blobs = "", b"", dict[str, bytes]()
    try:
        # Unpacked here, not by `tarfile`: that takes a member's name into memory however long it is.
        with gzip.open(source) as packed:
            unpacked = packed.read(MAX_BUNDLE_BYTES + 1)
        if len(unpacked) > MAX_BUNDLE_BYTES:
            raise BadTrace(f"{source.name}: more than {MAX_BUNDLE_BYTES} bytes")
        with tarfile.open(fileobj=io.BytesIO(unpacked), mode="r:") as tar:
            for entry in tar:
                if not entry.isreg() or entry.size > MAX_BLOB_BYTES:
                    raise BadTrace(f"{source.name}: {entry.name[:80]!r} does not belong into a trace")
                file = tar.extractfile(entry)
                data = file.read() if file else b""
                if entry.name.endswith(".jsonl") and not id:
                    id, lines = entry.name.removesuffix(".jsonl"), data
                elif entry.name.startswith("blobs/") and canonical.sha_of(data) == entry.name[6:]:
                    blobs[entry.name[6:]] = data
                else:
                    raise BadTrace(f"{source.name}: {entry.name[:80]!r} is not what its name says")
    except (tarfile.TarError, EOFError, gzip.BadGzipFile, zlib.error, ValueError) as error:
        raise BadTrace(f"{source.name}: not an exported trace ({error})") from error
    except OSError as error:
        raise RustaError(f"{source}: {error.strerror or error}") from error
    return id, lines, blobs


def _content(path: Path) -> bytes:
    with open_file(path) as file:
        return file.read(MAX_BUNDLE_BYTES)


def _is_written(path: Path) -> bool:
    """Whether some process has the trace open for writing."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return False
