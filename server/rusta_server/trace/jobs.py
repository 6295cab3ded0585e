"""Work that was asked for and is done one after the other, by a few workers, each job cancellable."""

import itertools
import logging
import queue
import threading
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Annotated, Any

from attrs import evolve, frozen
from msgspec import Meta

from ..errors import RustaError
from ..shapes import Text, TraceId

log = logging.getLogger(__name__)


class Status(StrEnum):
    """What became of a job so far."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


OVER = (Status.DONE, Status.FAILED, Status.CANCELLED)


@frozen
class Job:
    """One piece of work.

    Attributes:
        kind: what is to be done, such as ``propose``.
        arguments: with what, a JSON object.
        trace: the id of the trace it writes, as soon as that is known.
        result: a JSON value, when it is done.
        error: why it failed, for a person.
    """

    id: Annotated[int, Meta(ge=1)]
    kind: Text
    arguments: Mapping[str, Any]
    status: Status = Status.QUEUED
    trace: TraceId | None = None
    result: Any = None
    error: str | None = None


class Handle:
    """What the function that does a job is given, to hear of a cancellation and to name its trace."""

    def __init__(self, jobs: "Jobs", id: int) -> None:
        self._jobs, self._id = jobs, id
        self.cancelled = threading.Event()

    def traced(self, trace: str) -> None:
        """Say which trace the job writes."""
        self._jobs._change(self._id, trace=trace)


Do = Callable[[Mapping[str, Any], Handle], Any]


class Full(RustaError):
    """Too much is waiting already."""


class Jobs:
    """The queue and its workers; may be used from every thread."""

    def __init__(self, kinds: Mapping[str, Do], *, n_workers: int = 1, max_waiting: int = 64) -> None:
        self.kinds = kinds
        self._max_waiting, self._kept = max_waiting, 1000
        self._jobs: dict[int, Job] = {}
        self._handles: dict[int, Handle] = {}
        self._waiting: queue.SimpleQueue[int | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._workers = [
            threading.Thread(target=self._work, name=f"job-{n}", daemon=True) for n in range(n_workers)
        ]
        for worker in self._workers:
            worker.start()

    def add(self, kind: str, arguments: Mapping[str, Any]) -> Job:
        """Queue a job.

        Raises:
            KeyError: there is no such kind.
            Full: too many are waiting.
        """
        if kind not in self.kinds:
            raise KeyError(kind)
        with self._lock:
            if sum(job.status is Status.QUEUED for job in self._jobs.values()) >= self._max_waiting:
                raise Full("too many jobs are waiting", hint="Try again later.")
            job = Job(next(self._numbers), kind, arguments)
            self._jobs[job.id] = job
            self._handles[job.id] = Handle(self, job.id)
            self._forget()
        self._waiting.put(job.id)
        return job

    def get(self, id: int) -> Job | None:
        """A job as it is now."""
        with self._lock:
            return self._jobs.get(id)

    def all(self) -> list[Job]:
        """All jobs that are known, the newest first."""
        with self._lock:
            return list(self._jobs.values())[::-1]

    def cancel(self, id: int) -> Job | None:
        """Stop a job: one that waits at once, one that runs at the next occasion; one that is over stays."""
        with self._lock:
            job = self._jobs.get(id)
            if job is None:
                return None
            self._handles[id].cancelled.set()
            if job.status is Status.QUEUED:
                job = self._jobs[id] = evolve(job, status=Status.CANCELLED)
            return job

    def stop(self, timeout_s: float = 10.0) -> None:
        """Cancel everything and let the workers end."""
        for job in self.all():
            self.cancel(job.id)
        for _ in self._workers:
            self._waiting.put(None)
        for worker in self._workers:
            worker.join(timeout_s)

    def _work(self) -> None:
        while (id := self._waiting.get()) is not None:
            with self._lock:
                job = self._jobs.get(id)
                if job is None or job.status is not Status.QUEUED:
                    continue
                self._jobs[id] = evolve(job, status=Status.RUNNING)
                handle = self._handles[id]
            try:
                result = self.kinds[job.kind](job.arguments, handle)
            except RustaError as error:
                status = Status.CANCELLED if handle.cancelled.is_set() else Status.FAILED
                self._change(id, status=status, error=f"{error} {error.hint or ''}".strip())
            except Exception:
                log.exception("job %d (%s) failed", id, job.kind)
                self._change(id, status=Status.FAILED, error="An error of Rusta's own; the log has it.")
            else:
                status = Status.CANCELLED if handle.cancelled.is_set() else Status.DONE
                self._change(id, status=status, result=result)

    def _change(self, id: int, **fields: Any) -> None:  # noqa: ANN401  of a Job
        with self._lock:
            if id in self._jobs:
                self._jobs[id] = evolve(self._jobs[id], **fields)

    def _forget(self) -> None:
        """Let go of the oldest that are over."""
        over = [id for id, job in self._jobs.items() if job.status in OVER]
        for id in over[: max(len(self._jobs) - self._kept, 0)]:
            del self._jobs[id], self._handles[id]
