"""Traces on the disk: append-only JSON Lines, blobs named by their hash, nothing lost to a crash.

``<folder>/traces/<id>.jsonl`` holds a trace, ``<folder>/blobs/ab/cdef…`` what is too long for its lines.
Only the user can read them. A line that a crash tore off is cut away by the next writer; readers skip it.
"""

import errno
import fcntl
import os
import re
import secrets as random
import stat
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

from attrs import define, field, frozen

from . import canonical
from .record import INLINE_BYTES, NO_STEP, VERSION, BadTrace, Kind, Step, follows, from_line, seal, to_line
from .secrets import clean_value

_ID = re.compile(r"[0-9]{8}T[0-9]{6}-[0-9a-f]{8}")
_SHA = re.compile(r"[0-9a-f]{64}")
MAX_LINE_BYTES = 1 << 20
MAX_BLOB_BYTES = 64 << 20
_TAIL_BYTES = 1 << 14


@frozen
class Ledger:
    """The folder in which traces are kept."""

    folder: Path

    def path(self, id: str) -> Path:
        """Where a trace is.

        Raises:
            BadTrace: `id` has not the form of one (and so cannot point out of the folder).
        """
        if not is_id(id):
            raise BadTrace(f"no trace id: {id!r}", hint="rusta trace show lists them")
        return self.folder / "traces" / f"{id}.jsonl"

    def ids(self) -> list[str]:
        """All traces, the oldest first."""
        try:
            with os.scandir(self.folder / "traces") as entries:
                names = [entry.name for entry in entries if entry.is_file(follow_symlinks=False)]
        except OSError:
            return []
        stems = (name.removesuffix(".jsonl") for name in names if name.endswith(".jsonl"))
        return sorted(stem for stem in stems if is_id(stem))

    def summary(self, id: str) -> dict[str, str | None]:
        """What a trace is about and how it ended, from its first and last line; the chain is not verified."""
        told: dict[str, str | None] = {"id": id, "what": None, "outcome": None}
        try:
            with open_file(self.path(id)) as file:
                first = file.readline(MAX_LINE_BYTES)
                last = _last_line(file) or first
            begin, end = from_line(first), from_line(last)
        except (OSError, BadTrace):
            return told
        command = begin.input.get("command") if isinstance(begin.input, dict) else None
        return {**told, "what": command or begin.what, "outcome": end.decision}

    def blob(self, sha: str) -> Any:  # noqa: ANN401  JSON
        """A long payload.

        Raises:
            BadTrace: it is gone, or not what its name says.
        """
        if not _SHA.fullmatch(sha):
            raise BadTrace(f"no hash: {sha!r}")
        try:
            with open_file(_blob_path(self.folder, sha)) as file:
                data = file.read(MAX_BLOB_BYTES + 1)
        except OSError as error:
            raise BadTrace(f"the payload {sha[:12]} is gone: {error.strerror}") from error
        if canonical.sha_of(data) != sha:
            raise BadTrace(f"the payload {sha[:12]} is not what its name says")
        return canonical.decode(data)

    def has_blob(self, sha: str) -> bool:
        """Whether a payload of this hash is kept."""
        return _SHA.fullmatch(sha) is not None and _blob_path(self.folder, sha).is_file()

    def sync_blobs(self, shas: Iterable[str]) -> None:
        """Force payloads onto the disk."""
        for sha in shas:
            path = _blob_path(self.folder, sha)
            with _Descriptor(os.open(path, os.O_RDONLY | os.O_CLOEXEC)) as descriptor:
                os.fsync(descriptor.number)
            _sync_folder(path.parent)

    def put_blob(self, data: bytes, *, sync: bool = True) -> str:
        """Keep canonical JSON under its hash; returns the hash. Without `sync` the disk may take its time."""
        sha = canonical.sha_of(data)
        path = _blob_path(self.folder, sha)
        try:
            os.utime(path)  # it is needed again: `clear` leaves young ones alone
        except FileNotFoundError:
            write_whole(path, data, sync=sync)
        return sha


def payload(ledger: Ledger, step: Step, which: str) -> Any:  # noqa: ANN401  JSON
    """A step's whole ``input`` or ``output``, wherever it is kept; None if there is none.

    Raises:
        BadTrace: it is gone or was changed.
    """
    sha, inline = (step.input_sha, step.input) if which == "input" else (step.output_sha, step.output)
    if sha is None:
        return None
    if inline is None:
        return ledger.blob(sha)
    if canonical.sha(inline) != sha:
        raise BadTrace(f"step {step.seq}: its {which} is not what its hash says")
    return inline


@define
class Writer:
    """Appends the steps of one run. Used by one thread.

    Steps and payloads are handed to the system when they are written, and forced onto the disk (`fsync`) with
    a patch and at the end: what led to an act must not be forgotten after it. A search in between does not
    wait for the disk.
    """

    ledger: Ledger
    id: str
    _file: "_Descriptor"
    _last: Step | None
    _clock: Callable[[], float]
    _began: float = field(init=False)
    _unsynced: set[str] = field(init=False, factory=set)

    def __attrs_post_init__(self) -> None:
        self._began = self._clock()

    def add(
        self,
        kind: Kind,
        what: str,
        *,
        span: str | None = None,
        input: Any = None,  # noqa: ANN401  JSON
        output: Any = None,  # noqa: ANN401
        citations: tuple[str, ...] = (),
        p: float | None = None,
        tau: float | None = None,
        decision: str | None = None,
    ) -> Step:
        """Write one step; secrets are taken out first.

        Raises:
            OSError: the disk does not take it.
        """
        input_sha, short_input = self._keep(input)
        output_sha, short_output = self._keep(output)
        step = seal(
            Step(
                v=VERSION,
                seq=self._last.seq + 1 if self._last else 0,
                prev=self._last.sha if self._last else NO_STEP,
                kind=kind,
                what=what,
                span=clean_value(span),
                input_sha=input_sha,
                output_sha=output_sha,
                input=short_input,
                output=short_output,
                citations=tuple(clean_value(citations)),
                p=None if p is None else canonical.number(p),
                tau=None if tau is None else canonical.number(tau),
                decision=clean_value(decision),
                t=canonical.number(self._clock() - self._began),
                sha="",
            )
        )
        self._append(to_line(step))
        if kind is Kind.PATCH:
            self._sync()
        self._last = step
        return step

    def _append(self, line: bytes) -> None:
        """Add a line, or nothing: a part of one would be the end of the trace."""
        if len(line) > MAX_LINE_BYTES:
            raise OSError(errno.EFBIG, f"a step longer than {MAX_LINE_BYTES} bytes")
        whole = os.fstat(self._file.number).st_size
        try:
            _write(self._file.number, line)
        except OSError:
            os.ftruncate(self._file.number, whole)
            raise

    def _keep(self, value: Any) -> tuple[str | None, Any]:  # noqa: ANN401  JSON
        if value is None:
            return None, None
        value = clean_value(value)
        data = canonical.encode(value)
        if len(data) > INLINE_BYTES:
            sha = self.ledger.put_blob(data, sync=False)
            self._unsynced.add(sha)
            return sha, None
        return canonical.sha_of(data), value

    def _sync(self) -> None:
        self.ledger.sync_blobs(sorted(self._unsynced))
        self._unsynced.clear()
        os.fsync(self._file.number)

    def close(self) -> None:
        """Force everything onto the disk and let go of the file."""
        try:
            self._sync()
        finally:
            self._file.close()

    def __enter__(self) -> "Writer":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, stack: TracebackType | None
    ) -> None:
        self.close()


def begin(ledger: Ledger, *, clock: Callable[[], float] = time.monotonic) -> Writer:
    """Start a new trace."""
    id = begin_id()
    path = ledger.path(id)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    file = _create(path)
    fcntl.flock(file.number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    _sync_folder(path.parent)
    return Writer(ledger, id, file, None, clock)


def is_id(text: str) -> bool:
    """Whether a text has the form of a trace's id."""
    return _ID.fullmatch(text) is not None


def begin_id() -> str:
    """A new trace's id; ids sort by time, to the microsecond."""
    now_ns = time.time_ns()
    began = time.strftime("%Y%m%dT%H%M%S", time.gmtime(now_ns // 10**9))
    return f"{began}-{now_ns % 10**9 // 1000:05x}{random.token_hex(2)[:3]}"


def resume(ledger: Ledger, id: str, *, clock: Callable[[], float] = time.monotonic) -> Writer:
    """Go on with a trace; a torn last line is cut away first.

    Raises:
        BadTrace: there is no such trace, its chain is broken, or another process is writing it.
    """
    path = ledger.path(id)
    try:
        file = _Descriptor(os.open(path, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW))
    except OSError as error:
        raise BadTrace(f"no trace {id}: {error.strerror}") from error
    try:
        try:
            fcntl.flock(file.number, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise BadTrace(f"another process is writing the trace {id}") from error
        last, whole = None, 0
        with open_file(path) as whole_file:
            for step, end in _steps(whole_file):
                last, whole = step, end
        if whole < path.stat().st_size:
            os.ftruncate(file.number, whole)
            os.fsync(file.number)
        return Writer(ledger, id, file, last, clock)
    except BaseException:
        file.close()
        raise


def read(path: Path, *, start: int = 0) -> Iterator[Step]:
    """The steps of a trace file from number `start` on, the chain verified, one at a time.

    A last line without its line break is what a crash left: it is passed over.

    Raises:
        BadTrace: a step is broken or does not follow the one before it.
        OSError: the file cannot be read.
    """
    with open_file(path) as file:
        for step in read_file(file):
            if step.seq >= start:
                yield step


def open_file(path: Path) -> BinaryIO:
    """Open a file of the ledger for reading.

    Raises:
        BadTrace: it is a link, a pipe or a device, and could lead elsewhere or never end.
        OSError: it cannot be opened.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENXIO):
            raise BadTrace(f"{path.name} is no file") from error
        raise
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise BadTrace(f"{path.name} is no file")
    return os.fdopen(descriptor, "rb")


def read_file(file: BinaryIO) -> Iterator[Step]:
    """The same of an open file."""
    return (step for step, _ in _steps(file))


def write_whole(path: Path, data: bytes, *, sync: bool = True) -> None:
    """Write a file that only the user can read: all of it, or nothing is there.

    Without `sync` a power failure may leave less than that.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(f".{path.name}.{random.token_hex(4)}")
    try:
        with _create(draft) as descriptor:
            _write(descriptor.number, data)
            if sync:
                os.fsync(descriptor.number)
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    if sync:
        _sync_folder(path.parent)


def _steps(file: BinaryIO) -> Iterator[tuple[Step, int]]:
    """Each step with the place in the file where it ends."""
    previous = None
    end = 0
    while line := file.readline(MAX_LINE_BYTES + 1):
        if not line.endswith(b"\n"):
            if len(line) > MAX_LINE_BYTES:
                raise BadTrace(f"a line longer than {MAX_LINE_BYTES} bytes")
            return
        step = from_line(line)
        follows(step, previous)
        end += len(line)
        yield step, end
        previous = step


def _last_line(file: BinaryIO) -> bytes:
    """The last whole line, without its line break; most are short, so little is read at first."""
    size = file.seek(0, os.SEEK_END)
    for n_bytes in (_TAIL_BYTES, MAX_LINE_BYTES + _TAIL_BYTES):
        file.seek(max(size - n_bytes, 0))
        tail = file.read(n_bytes)
        lines = tail[: tail.rfind(b"\n") + 1].splitlines()
        if len(lines) > 1 or n_bytes >= size:
            break
    return lines[-1] if lines else b""


@define
class _Descriptor:
    """A file descriptor that is closed once."""

    number: int

    def close(self) -> None:
        if self.number >= 0:
            os.close(self.number)
            self.number = -1

    def __enter__(self) -> "_Descriptor":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _create(path: Path) -> _Descriptor:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
    return _Descriptor(os.open(path, flags, 0o600))


def _write(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def _blob_path(folder: Path, sha: str) -> Path:
    return folder / "blobs" / sha[:2] / sha[2:]


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
