"""The rust-analyzer child as a state machine: started, replayed after a crash, given up on, closed."""

import asyncio
import contextlib
import logging
import sys
import time
from asyncio.subprocess import Process
from collections.abc import Awaitable, Callable
from enum import Enum, auto
from typing import Any, Protocol

from attrs import define, field

from ..errors import RustaError
from ..session import Id, Session
from . import child, jsonrpc
from .child import Program
from .framing import MAX_BODY_N_BYTES, Fault
from .transport import FramedChannel

log = logging.getLogger(__name__)
_child_log = logging.getLogger("rusta.rust-analyzer")

MAX_CRASHES = 3
CRASH_WINDOW_S = 60.0
_BACKOFF_S = (0.0, 1.0)
_REPLAY_TIMEOUT_S = 60.0
_CLOSE_GRACE_S = 2.0
_LAST_WORDS_S = 0.5
_MAX_QUEUED = 10_000


class State(Enum):
    """Where the child is in its life."""

    IDLE = auto()
    RUNNING = auto()
    RESTARTING = auto()
    FAILED = auto()
    CLOSED = auto()


class RequestFailed(Exception):
    """rust-analyzer answered a request of ours with an error, or could not answer."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


class Listener(Protocol):
    """Who is told what happens to the child."""

    def on_analyzer_message(self, body: bytes) -> None:
        """rust-analyzer sent a message that is not an answer to a request of ours."""

    def on_analyzer_fault(self, fault: Fault) -> None:
        """rust-analyzer sent something that is no message."""

    def on_analyzer_crash(self, reason: str) -> None:
        """The process ended unasked; another one is about to start."""

    def on_analyzer_failed(self, reason: str) -> None:
        """There is no process any more and there will be none."""

    def replay(self) -> list[bytes]:
        """What a fresh rust-analyzer has to be told after `initialize`."""


@define(eq=False)
class Upstream:
    """The child and the requests of our own that it has not answered yet.

    Attributes:
        session: the connection's state.
        listener: the proxy.
        find: gives the program to start; may raise `RustaError`.
    """

    session: Session
    listener: Listener
    find: Callable[[], Awaitable[Program]]
    max_body_n_bytes: int = MAX_BODY_N_BYTES
    state: State = State.IDLE
    failure: str = "it was not started"
    _process: Process | None = None
    _channel: FramedChannel | None = None
    _queue: list[bytes] = field(factory=list)
    _own: dict[Id, asyncio.Future[bytes]] = field(factory=dict)
    _life: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int | None:
        """The child's process id, if there is one."""
        return None if self._process is None else self._process.pid

    def start(self) -> None:
        """Begin; ``session.initialize`` is the first message the child gets."""
        self.state = State.RESTARTING
        self._life = asyncio.create_task(self._live())

    def forgo(self, reason: str) -> None:
        """Say why there will be no child, in place of `start`."""
        self._fail(reason)

    def send(self, body: bytes) -> bool:
        """Send a message, or keep it until the child is back; False when there is no child any more."""
        if self.state is State.RUNNING and self._channel is not None:
            self._channel.write(body)
            return True
        if self.state is State.RESTARTING and len(self._queue) < _MAX_QUEUED:
            self._queue.append(body)
            return True
        return False

    async def drain(self) -> None:
        """Wait while the child does not keep up."""
        if self._channel is not None:
            await self._channel.drain()

    async def request(self, method: str, params: object = None, *, timeout_s: float = 10.0) -> Any:  # noqa: ANN401
        """Ask rust-analyzer and return the decoded result.

        Raises:
            RequestFailed: it answered with an error, or there is no rust-analyzer.
            TimeoutError: it took too long; the request is cancelled.
        """
        id = self.session.next_id()
        body = await self._ask(id, jsonrpc.request(id, method, params), self.send, timeout_s)
        answer = jsonrpc.decode(body)
        if "error" in answer:
            raise RequestFailed(answer["error"].get("code", 0), answer["error"].get("message", ""))
        return answer.get("result")

    def notify(self, method: str, params: object = None) -> None:
        """Send rust-analyzer a notification of our own."""
        self.send(jsonrpc.notification(method, params))

    def resolve(self, id: Id, body: bytes) -> None:
        """An answer to a request of ours has come."""
        future = self._own.pop(id, None)
        if future is not None and not future.done():
            future.set_result(body)

    async def close(self) -> None:
        """End the child for good; nothing of it is left when this returns."""
        if self.session.exit and self._life is not None:
            # It has been told to go, perhaps with answers still to come.
            await asyncio.wait((self._life,), timeout=_CLOSE_GRACE_S)
        self.state = State.CLOSED
        if self._process is not None:
            await child.end(self._process, grace_s=0.0 if self.session.exit else _CLOSE_GRACE_S)
        if self._life is not None:
            self._life.cancel()
            await asyncio.gather(self._life, return_exceptions=True)
        self._abandon("the connection is closed")

    async def _live(self) -> None:
        """Start the child, attend to it, start it again; until closed or given up."""
        while self.state is not State.CLOSED:
            try:
                program = await self.find()
                process = await child.start(program)
            except (RustaError, OSError) as error:
                hint = f" Try: {error.hint}" if isinstance(error, RustaError) and error.hint else ""
                self._fail(f"rust-analyzer cannot be started: {error}{hint}")
                return
            log.info("rust-analyzer started: %s, pid %d", program.argv[0], process.pid)
            code = await self._attend(process)
            if self._over():
                return
            reason = f"rust-analyzer {child.describe_exit(code)}"
            log.error("%s", reason)
            if self._too_often():
                self._fail(
                    f"{reason}, {MAX_CRASHES} times within {CRASH_WINDOW_S:.0f} s. Rusta does not start it "
                    "again; restart the language server when the cause is mended."
                )
                return
            self.state = State.RESTARTING
            self._queue.clear()  # its requests get an error from the listener
            self._abandon(reason)
            self.listener.on_analyzer_crash(reason)
            self.session.generation += 1
            await asyncio.sleep(_BACKOFF_S[min(len(self.session.crashes), len(_BACKOFF_S)) - 1])

    async def _attend(self, process: Process) -> int:
        """Pump the child's messages until it has ended; returns its exit code."""
        assert process.stdin is not None
        assert process.stdout is not None
        self._process = process
        channel = FramedChannel(process.stdout, process.stdin, self.max_body_n_bytes)
        self._channel = channel
        pump = asyncio.create_task(self._pump(channel))
        stderr = asyncio.create_task(_log_stderr(process))
        greet = asyncio.create_task(self._greet(channel))
        ended = asyncio.create_task(child.ended(process))
        try:
            await asyncio.wait((pump, ended), return_when=asyncio.FIRST_COMPLETED)
            await asyncio.wait((ended,), timeout=_LAST_WORDS_S)
            if not ended.done() and not self._over():
                log.error("rust-analyzer closed its output; ending it")
                child.kill_session(process.pid)
            code = await ended
            await asyncio.wait((pump, stderr), timeout=_LAST_WORDS_S)
            child.kill_session(process.pid)
            return code
        finally:
            self._channel = None
            for task in (pump, stderr, greet, ended):
                task.cancel()
            await asyncio.gather(pump, stderr, greet, ended, return_exceptions=True)

    async def _greet(self, channel: FramedChannel) -> None:
        """Bring a fresh child to where the editor is, then let the traffic through."""
        initialize = self.session.initialize
        assert initialize is not None
        if not self.session.ready:
            # The editor itself waits for this answer.
            channel.write(initialize)
        else:
            id = self.session.next_id()
            try:
                await self._ask(id, jsonrpc.replace(initialize, id=id), channel.write, _REPLAY_TIMEOUT_S)
            except TimeoutError:
                log.error("rust-analyzer did not answer `initialize` within %.0f s", _REPLAY_TIMEOUT_S)
                if self._process is not None:
                    child.kill_session(self._process.pid)
                return
            except RequestFailed:
                return  # crashed again; the next one gets the queue
            for body in self.listener.replay():
                channel.write(body)
        self.state = State.RUNNING
        queue, self._queue = self._queue, []
        for body in queue:
            channel.write(body)

    async def _pump(self, channel: FramedChannel) -> None:
        while (item := await channel.read()) is not None:
            if isinstance(item, Fault):
                self.listener.on_analyzer_fault(item)
                continue
            try:
                self.listener.on_analyzer_message(item)
            except jsonrpc.Malformed as error:
                channel.reject(item)
                self.listener.on_analyzer_fault(Fault(f"not a JSON-RPC message: {error}", item[:4096]))
            except Exception:
                log.exception("a message of rust-analyzer could not be handled")

    async def _ask(self, id: Id, body: bytes, send: Callable[[bytes], object], timeout_s: float) -> bytes:
        future: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._own[id] = future
        try:
            if send(body) is False:
                raise RequestFailed(jsonrpc.Code.REQUEST_FAILED, self.failure)
            async with asyncio.timeout(timeout_s):
                return await future
        except (TimeoutError, asyncio.CancelledError):
            self.notify("$/cancelRequest", {"id": id})
            raise
        finally:
            self._own.pop(id, None)

    def _over(self) -> bool:
        return self.state is State.CLOSED or self.session.exit

    def _too_often(self) -> bool:
        now = time.monotonic()
        crashes = self.session.crashes
        crashes.append(now)
        while crashes and now - crashes[0] > CRASH_WINDOW_S:
            crashes.popleft()
        return len(crashes) >= MAX_CRASHES

    def _fail(self, reason: str) -> None:
        self.state = State.FAILED
        self.failure = reason
        self._queue.clear()
        self._abandon(reason)
        self.listener.on_analyzer_failed(reason)

    def _abandon(self, reason: str) -> None:
        """Requests of our own that nobody will answer."""
        own, self._own = self._own, {}
        for future in own.values():
            if not future.done():
                future.set_exception(RequestFailed(jsonrpc.Code.REQUEST_FAILED, reason))
                # Whoever asked may be gone already.
                with contextlib.suppress(RequestFailed):
                    future.exception()


async def _log_stderr(process: Process) -> None:
    """rust-analyzer's own log goes to ours, and to standard error as editors expect it."""
    assert process.stderr is not None
    while True:
        try:
            line = await process.stderr.readline()
        except ValueError:  # a line longer than the buffer
            continue
        if not line:
            return
        text = line.decode("utf-8", "replace").rstrip()
        _child_log.info("%s", text)
        with contextlib.suppress(OSError, ValueError):
            print(text, file=sys.stderr, flush=True)
