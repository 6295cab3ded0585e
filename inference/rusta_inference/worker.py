"""The engine in a process of its own.

Decoding is Python between many short calls of onnxruntime. In a thread of the language server it would hold
the interpreter, and where compilers keep all processors busy a message could wait for it for ten milliseconds
and more. A process of low priority delays nothing, and if it dies, only the model is gone.

    worker = Worker.start(folder)                  # or Missing, which says why
    read = worker.prefill(prompt.tokens)
    scores = worker.score(read, answers)
    written = worker.generate(prompt, n=8)

The process is this module, started with one end of a socket pair. It answers one request at a time, ends when
the other end is closed, however that happened, and is started again if it died.
"""

import os
import signal
import socket
import subprocess
import sys
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from attrs import define, field, frozen

from .codec import Answer, Prompt
from .decode import N_CANDIDATES, Generated, generate
from .engine import N_THREADS, Cancelled, Engine, Prefix, Score
from .manifest import Manifest, Missing

START_S = 30.0
"""How long the process may take until it is ready; it takes half a second on a quiet machine."""
MOST_STARTS = 3
"""A process that keeps dying is not started again."""
_POLL_S = 0.01
"""How often the caller's `cancelled` is asked."""
_NICENESS = 5
_REMEMBERED = 4
"""Prompts whose state the process keeps."""


class Lost(Exception):
    """The process died while it was working on a request. The next request starts another one."""


@frozen
class Read:
    """A prompt that the process has read.

    Attributes:
        confidence: the model's own opinion, before it writes anything, that it will be right: 0 to 1.
    """

    tokens: tuple[int, ...] = field(repr=False)
    confidence: float


@define(eq=False)
class Worker:
    """The process, seen from outside. May be asked from several threads; one waits for the other."""

    manifest: Manifest
    _folder: Path
    _n_threads: int
    _process: "subprocess.Popen[bytes]" = field(repr=False)
    _connection: Connection = field(repr=False)
    _n_starts: int = 1
    _n_requests: int = 0
    _closed: bool = False
    _lock: threading.Lock = field(factory=threading.Lock, repr=False)

    @classmethod
    def start(cls, folder: Path, *, n_threads: int = N_THREADS) -> "Worker | Missing":
        """Start the process, and wait until it has opened a folder of weights."""
        started = _start(folder, n_threads)
        if isinstance(started, Missing):
            return started
        manifest, process, connection = started
        return cls(manifest, folder, n_threads, process, connection)

    @property
    def pid(self) -> int:
        """Of the process."""
        return self._process.pid

    def prefill(self, tokens: Sequence[int], *, cancelled: Callable[[], bool] = lambda: False) -> Read:
        """As `Engine.prefill`. Raises Lost as well."""
        tokens = tuple(tokens)
        return Read(tokens, self._ask("prefill", cancelled, tokens))

    def score(
        self, read: Read, answers: Sequence[Sequence[int]], *, cancelled: Callable[[], bool] = lambda: False
    ) -> tuple[Score, ...]:
        """As `Engine.score`. Raises Lost as well."""
        scores: tuple[Score, ...] = self._ask("score", cancelled, read.tokens, list(map(tuple, answers)))
        return scores

    def generate(
        self,
        prompt: Prompt,
        *,
        n: int = N_CANDIDATES,
        begin: Sequence[int] = (),
        accept: Callable[[Answer], bool] = lambda _: True,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> Generated:
        """As `decode.generate`; `accept` runs here, between two steps there. Raises Lost as well."""
        written: Generated = self._ask("generate", cancelled, prompt, n, tuple(begin), accept=accept)
        return written

    def close(self) -> None:
        """End the process. Later requests raise Lost."""
        self._closed = True
        self._connection.close()
        self._process.wait()

    def _ask(
        self,
        name: str,
        cancelled: Callable[[], bool],
        *arguments: object,
        accept: Callable[[Answer], bool] = lambda _: True,
    ) -> Any:  # noqa: ANN401  each method knows what it gets
        with self._lock:
            self._revive()
            self._n_requests += 1
            number, told = self._n_requests, False
            try:
                self._connection.send((number, name, arguments))
                kind, value = "", None
                while kind not in ("done", "raise"):
                    if not told and cancelled():
                        self._connection.send((number, "cancel"))
                        told = True
                    if not self._connection.poll(_POLL_S):
                        continue
                    kind, value = self._connection.recv()
                    if kind == "accept?":
                        self._connection.send((number, accept(value)))
            except BaseException as error:
                # It died, or the caller gave up in the middle of what it is saying: begin anew.
                self._process.kill()
                self._process.wait()
                if isinstance(error, EOFError | OSError):
                    raise Lost(f"the model's process ended during {name!r}") from error
                raise
        if isinstance(value, Exception):
            raise value
        return value

    def _revive(self) -> None:
        """Start the process again if it died.

        Raises:
            Lost: it is closed, died too often, or the weights are gone.
        """
        if self._closed:
            raise Lost("the model's process was closed")
        if self._process.poll() is None:
            return
        if self._n_starts == MOST_STARTS:
            raise Lost(f"the model's process died {MOST_STARTS} times")
        self._connection.close()
        started = _start(self._folder, self._n_threads)
        if isinstance(started, Missing):
            raise Lost(started.reason)
        self.manifest, self._process, self._connection = started
        self._n_starts += 1


def _start(folder: Path, n_threads: int) -> "tuple[Manifest, subprocess.Popen[bytes], Connection] | Missing":
    ours, theirs = socket.socketpair()
    with theirs:
        # Not even the folder it is started in may add modules (-P): it is the user's.
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", __name__, str(theirs.fileno()), str(folder), str(n_threads)],
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )
    connection = Connection(ours.detach())
    try:
        opened = (
            connection.recv() if connection.poll(START_S) else Missing("the model's process did not start")
        )
    except (EOFError, OSError):
        opened = Missing("the model's process ended while it started")
    if isinstance(opened, Missing):
        connection.close()
        process.kill()
        process.wait()
        return opened
    return opened, process, connection


def main() -> None:
    """The process: answers requests until the other end of the socket is closed."""
    fd, folder, n_threads = sys.argv[1:]
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C in a terminal is for the one who started this
    os.nice(_NICENESS)
    connection = Connection(int(fd))
    engine = Engine.open(Path(folder), n_threads=int(n_threads))
    try:
        if isinstance(engine, Missing):
            connection.send(engine)
            return
        connection.send(engine.manifest)
        answering = _Answering(engine, connection)
        while True:
            message = connection.recv()
            if len(message) == 3:  # else it belongs to a request that is done: a cancellation came too late
                answering.answer(*message)
    except (EOFError, OSError):
        return


class _Answering:
    """The requests, seen from inside."""

    def __init__(self, engine: Engine, connection: Connection) -> None:
        self._engine = engine
        self._connection = connection
        self._prefixes: OrderedDict[tuple[int, ...], Prefix] = OrderedDict()
        self._number = 0

    def answer(self, number: int, name: str, arguments: tuple[Any, ...]) -> None:
        """Do what is asked, and send what it gives or raises."""
        self._number = number
        try:
            value = self._do(name, arguments)
        except (ValueError, Cancelled) as error:
            self._connection.send(("raise", error))
        else:
            self._connection.send(("done", value))

    def _do(self, name: str, arguments: tuple[Any, ...]) -> object:
        match name:
            case "prefill":
                return self._prefill(*arguments)
            case "score":
                return self._score(*arguments)
            case _:
                return self._generate(*arguments)

    def _prefill(self, tokens: tuple[int, ...]) -> float:
        return self._prefix(tokens).confidence

    def _score(self, tokens: tuple[int, ...], answers: list[tuple[int, ...]]) -> tuple[Score, ...]:
        return self._engine.score(self._prefix(tokens), answers, cancelled=self._cancelled)

    def _generate(self, prompt: Prompt, n: int, begin: tuple[int, ...]) -> Generated:
        try:
            prefix = self._prefix(prompt.tokens)
        except Cancelled:
            return Generated((), cancelled=True)
        return generate(
            self._engine,
            prompt,
            n=n,
            prefix=prefix,
            begin=begin,
            accept=self._accept,
            cancelled=self._cancelled,
        )

    def _prefix(self, tokens: tuple[int, ...]) -> Prefix:
        prefix = self._prefixes.pop(tokens, None)
        if prefix is None:
            prefix = self._engine.prefill(tokens, cancelled=self._cancelled)
        self._prefixes[tokens] = prefix
        if len(self._prefixes) > _REMEMBERED:
            self._prefixes.popitem(last=False)
        return prefix

    def _cancelled(self) -> bool:
        while self._connection.poll():
            number, what = self._connection.recv()
            if (number, what) == (self._number, "cancel"):
                return True
        return False

    def _accept(self, answer: Answer) -> bool:
        self._connection.send(("accept?", answer))
        number, what = self._connection.recv()
        if what == "cancel":
            raise Cancelled
        assert number == self._number, "an opinion about something else"
        return bool(what)


if __name__ == "__main__":
    main()
