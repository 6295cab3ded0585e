"""Everything that changes during one connection of an editor, in one place.

The proxy and the features read and write it on the event loop's thread only. It knows no LSP types:
what is kept here are ids, names and bytes.
"""

import asyncio
import itertools
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

from attrs import define, field

from .config import Config

Id = int | str
T = TypeVar("T")

OWN_ID_PREFIX = "rusta:"


@define
class Companion:
    """A feature's work beside a request.

    Attributes:
        work: gives the patched result, or None.
        answer: the work waits for it: rust-analyzer's result.
        grace_s: how long the result is waited for once rust-analyzer has answered.
    """

    work: asyncio.Task[Any]
    answer: asyncio.Future[Any]
    grace_s: float


@define
class Waiting:
    """A request of the editor that rust-analyzer has not answered yet.

    Attributes:
        method: its method.
        params: its decoded params; kept only where a feature wants to see the answer.
        companions: what features do meanwhile.
    """

    method: str
    params: Any = None
    companions: tuple[Companion, ...] = ()


@define
class Session:
    """The state of one connection.

    Attributes:
        config: Rusta's settings, from ``initializationOptions.rusta``.
        client_name: the editor's name as it introduced itself.
        client_capabilities: the editor's capabilities, as sent.
        root: the first workspace folder, if it is on this machine's disk.
        encoding: the position encoding rust-analyzer chose: utf-8, utf-16 or utf-32.
        client_process_id: the editor's process, watched where it is known.
        initialize: the `initialize` request that went to rust-analyzer, for a replay.
        ready: rust-analyzer (or Rusta alone) has answered `initialize`.
        initialized: the editor has sent `initialized`.
        configuration: the last `workspace/didChangeConfiguration`, for a replay.
        shutdown: the editor has asked for the shutdown.
        exit: the editor has sent `exit`.
        waiting: the editor's requests at rust-analyzer.
        asked: rust-analyzer's requests at the editor whose answer we want to see, by id as sent.
        registrations: dynamic registrations of rust-analyzer at the editor, id to method.
        progress: progress tokens of rust-analyzer that began and have not ended (JSON text).
        published: documents for which rust-analyzer published diagnostics.
        crashes: when rust-analyzer crashed, seconds on the monotonic clock.
        generation: how often rust-analyzer was started again.
    """

    config: Config = field(factory=Config)
    client_name: str = ""
    client_capabilities: dict[str, Any] = field(factory=dict)
    root: Path | None = None
    encoding: str = "utf-16"
    client_process_id: int | None = None
    initialize: bytes | None = None
    ready: bool = False
    initialized: bool = False
    configuration: bytes | None = None
    shutdown: bool = False
    exit: bool = False
    waiting: dict[Id, Waiting] = field(factory=dict)
    asked: dict[Id, Waiting] = field(factory=dict)
    registrations: dict[str, str] = field(factory=dict)
    progress: set[str] = field(factory=set)
    published: set[str] = field(factory=set)
    crashes: deque[float] = field(factory=deque)
    generation: int = 0
    _counter: Iterator[int] = field(factory=lambda: itertools.count(1))
    _states: dict[type, Any] = field(factory=dict)

    def next_id(self) -> str:
        """An id for a request of our own, in either direction; no editor uses this form."""
        return f"{OWN_ID_PREFIX}{next(self._counter)}"

    def state(self, kind: type[T]) -> T:
        """The one value of class ``kind`` that belongs to this connection, made on the first call."""
        if kind not in self._states:
            self._states[kind] = kind()
        value: T = self._states[kind]
        return value


def is_own(id: object) -> bool:
    """Whether a request with this id is Rusta's own."""
    return isinstance(id, str) and id.startswith(OWN_ID_PREFIX)
