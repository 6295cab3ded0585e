"""The pump: every message goes to the other side as it came; a few are seen or changed by features.

On the path of a keystroke only id and method are read. All state is in `Session`; what features want is
in `Hooks`.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from typing import TYPE_CHECKING, Any

from msgspec import UNSET

from ..config import UNTRUSTED, Config
from ..errors import RustaError
from ..session import Id, Session, Waiting, is_own
from . import answers, guard, jsonrpc, mirror, settings, tracking
from .child import Program
from .framing import Fault
from .hooks import Hooks
from .jsonrpc import Code, Envelope
from .mirror import Mirror
from .transport import Channel
from .upstream import State, Upstream

if TYPE_CHECKING:
    from .client import RustaLanguageServer

log = logging.getLogger(__name__)

_IDLE_S = 0.5
_WATCH_S = 2.0
_LATE_ID_PREFIX = "rusta-generation-"


class Proxy:
    """One editor and its rust-analyzer.

    Attributes:
        session: the connection's state.
        documents: the open documents.
        analyzer: the rust-analyzer child; ask it with ``await analyzer.request(...)``.
        hooks: what features asked for.
        answering: the editor's requests that a feature is answering.
        loop: the event loop all of this runs on.
    """

    def __init__(
        self,
        channel: Channel,
        hooks: Hooks,
        config: Config,
        find: Callable[[Config], Awaitable[Program]],
        *,
        max_body_n_bytes: int,
    ) -> None:
        self.loop = asyncio.get_running_loop()
        self.session = Session(config=config)
        self.documents = Mirror()
        self.hooks = hooks
        self.analyzer = Upstream(self.session, self, lambda: find(self.config), max_body_n_bytes)
        self._channel = channel
        self._client: RustaLanguageServer | None = None
        self.answering: dict[Id, asyncio.Task[None]] = {}
        self._background: set[asyncio.Task[Any]] = set()
        self._catch_up: asyncio.TimerHandle | None = None

    @property
    def config(self) -> Config:
        """Rusta's settings."""
        return self.session.config

    @property
    def client(self) -> "RustaLanguageServer":
        """pygls's server towards the editor; available once `initialize` was answered."""
        if self._client is None:
            from .client import RustaLanguageServer

            self._client = RustaLanguageServer(self)
        return self._client

    @property
    def has_client(self) -> bool:
        """Whether `client` was used yet."""
        return self._client is not None

    async def run(self) -> int:
        """Serve until the editor leaves; returns the exit code the protocol asks for."""
        pump = asyncio.create_task(self._pump())
        watch = asyncio.create_task(self._watch_client())
        try:
            await asyncio.wait((pump, watch), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (pump, watch):
                task.cancel()
            await asyncio.gather(pump, watch, return_exceptions=True)
            await self._close()
        return 0 if self.session.shutdown else 1

    def write_to_client(self, body: bytes) -> None:
        """Send the editor a message."""
        self._channel.write(body)

    def notify_client(self, method: str, params: object) -> None:
        """Send the editor a notification made of plain JSON values."""
        self._channel.write(jsonrpc.notification(method, params))

    def background(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Run ``work`` as a task of this connection."""
        task = self.loop.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background_done)
        return task

    # From the editor.

    async def _pump(self) -> None:
        while not self.session.exit and (item := await self._channel.read()) is not None:
            if isinstance(item, Fault):
                self._client_fault(item)
                continue
            try:
                self._from_client(item)
            except jsonrpc.Malformed as error:
                self._channel.reject(item)
                self._client_fault(Fault(f"not a JSON-RPC message: {error}", item[:4096]))
            except Exception:
                log.exception("a message of the editor could not be handled")
            await self.analyzer.drain()

    def _from_client(self, body: bytes) -> None:
        envelope = jsonrpc.peek(body)
        if envelope.method is None:
            self._client_answer(envelope, body)
        elif envelope.id is UNSET or envelope.id is None:
            self._client_notification(envelope.method, body)
        else:
            self._client_request(envelope.id, envelope.method, body)

    def _client_request(self, id: Id, method: str, body: bytes) -> None:
        self.session.shutdown = self.session.shutdown or method == "shutdown"
        hooks = self.hooks
        if method == "initialize":
            settings.read_initialize(self, id, body)
            if self.config.trusted:
                self.analyzer.start()
            else:
                self.analyzer.forgo(UNTRUSTED)
            return
        if method in hooks.methods or (
            method == "workspace/executeCommand" and answers.is_our_command(self, body)
        ):
            self.client.handle(body)
            return
        if any(method in wanted for wanted in (hooks.claims, hooks.befores, hooks.afters, hooks.besides)):
            self._hooked_request(id, method, body)
            return
        self._forward(id, Waiting(method), body)

    def _hooked_request(self, id: Id, method: str, body: bytes) -> None:
        params = original = jsonrpc.member(body, "params")
        for claim in self.hooks.claims.get(method, ()):
            if guard.call(partial(claim.claims, self, params), f"{method} {id!r}"):
                work = claim.answer(self, params)
                self.answering[id] = self.background(answers.answer(self, id, method, work))
                return
        for patch in self.hooks.befores.get(method, ()):
            changed = guard.call(partial(patch, self, params), f"{method} {id!r}")
            params = params if changed is None else changed
        if params is not original:
            body = guard.replace(body, f"{method} {id!r}", params=params)
        self._forward(id, Waiting(method, params), body)

    def _forward(self, id: Id, waiting: Waiting, body: bytes) -> None:
        self.session.waiting[id] = waiting
        sent = self.analyzer.send(body)
        if waiting.method in self.hooks.besides:
            waiting.companions = answers.accompany(self, id, waiting)
        if not sent:
            self.session.waiting.pop(id, None)
            answers.without_analyzer(self, id, waiting)

    def _client_notification(self, method: str, body: bytes) -> None:
        session = self.session
        for observer in self.hooks.client_observers.get(method, ()):
            params = jsonrpc.member(body, "params")
            changed = guard.call(partial(observer, self, params), method)
            body = body if changed is None else guard.replace(body, method, params=changed)
        if method in mirror.SYNC:
            self.documents.feed(method, body)
            if self._catch_up is None:
                self._catch_up = self.loop.call_later(_IDLE_S, self._idle)
            if self.analyzer.state is State.RESTARTING and session.ready:
                return  # the replay brings the text
        elif method == "$/cancelRequest" and answers.cancel(self, body):
            return
        elif method == "window/workDoneProgress/cancel" and answers.is_our_progress(self, body):
            self.client.handle(body)
            return
        elif method == "workspace/didChangeConfiguration":
            body = session.configuration = settings.patch_notification(self, body)
        elif method == "workspace/didChangeWorkspaceFolders":
            settings.note_folders(self, body)
        elif method == "initialized":
            session.initialized = True
            self.background(self._ready())
        elif method == "exit":
            session.exit = True
        self.analyzer.send(body)

    def _client_answer(self, envelope: Envelope, body: bytes) -> None:
        id = envelope.id
        if is_own(id):
            if self._client is not None and self._client.awaits(id):
                self._client.handle(body)
            return
        asked = self.session.asked.pop(id, None)  # type: ignore[arg-type]
        if asked is not None and asked.method == "workspace/configuration":
            body = settings.patch_answer(self, asked, body)
        if self.session.generation:
            prefix = f"{_LATE_ID_PREFIX}{self.session.generation}:"
            if not isinstance(id, str) or not id.startswith(prefix):
                return  # the rust-analyzer that asked is gone
            body = jsonrpc.replace(body, id=jsonrpc.decode(id.removeprefix(prefix)))
        if self.analyzer.state is State.RUNNING:
            self.analyzer.send(body)

    def _client_fault(self, fault: Fault) -> None:
        log.error("from the editor: %s", fault.reason)
        id, is_request = jsonrpc.guess(fault.head)
        message = f"Rusta could not read a message: {fault.reason}"
        if id is not None and not is_request and not is_own(id):
            self.analyzer.send(jsonrpc.error(id, Code.INTERNAL_ERROR, message))
        else:
            self._channel.write(jsonrpc.error(id, Code.PARSE_ERROR, message))

    # From rust-analyzer; `upstream.Listener`.

    def on_analyzer_message(self, body: bytes) -> None:
        """Pass a message on to the editor."""
        envelope = jsonrpc.peek(body)
        id, method = envelope.id, envelope.method
        if method is None:
            if is_own(id):
                self.analyzer.resolve(id, body)  # type: ignore[arg-type]
                return
            waiting = self.session.waiting.pop(id, None)  # type: ignore[arg-type]
            if waiting is None or (waiting.params is None and waiting.method != "initialize"):
                self._channel.write(body)
            elif waiting.method == "initialize":
                self._channel.write(settings.merge_initialize(self, body))
            elif waiting.companions or waiting.method in self.hooks.afters:
                self.background(answers.patch(self, id, waiting, body))  # type: ignore[arg-type]
            else:
                self._channel.write(body)
        elif id is UNSET:
            self._channel.write(self._analyzer_notification(method, body))
        else:
            self._channel.write(self._analyzer_request(id, method, body))  # type: ignore[arg-type]

    def on_analyzer_fault(self, fault: Fault) -> None:
        """Say so where somebody waits for the broken message."""
        log.error("from rust-analyzer: %s", fault.reason)
        id, is_request = jsonrpc.guess(fault.head)
        if id is None or is_request:
            return
        body = jsonrpc.error(
            id, Code.INTERNAL_ERROR, f"rust-analyzer's answer could not be read: {fault.reason}"
        )
        if is_own(id):
            self.analyzer.resolve(id, body)
        elif waiting := self.session.waiting.pop(id, None):
            answers.part(waiting)
            self._channel.write(body)

    def on_analyzer_crash(self, reason: str) -> None:
        """See `answers.after_crash`."""
        answers.after_crash(self, reason)

    def on_analyzer_failed(self, reason: str) -> None:
        """See `answers.after_failure`."""
        answers.after_failure(self, reason)

    def replay(self) -> list[bytes]:
        """What a fresh rust-analyzer has to be told after `initialize`."""
        messages = [jsonrpc.notification("initialized", {})] if self.session.initialized else []
        if self.session.configuration is not None:
            messages.append(self.session.configuration)
        messages += [jsonrpc.notification(mirror.OPEN, mirror.did_open(doc)) for doc in self.documents.all()]
        return messages

    def _analyzer_notification(self, method: str, body: bytes) -> bytes:
        if method in (tracking.PROGRESS, tracking.DIAGNOSTICS):
            tracking.note_notification(self.session, method, body)
        for observer in self.hooks.analyzer_observers.get(method, ()):
            changed = guard.call(partial(observer, self, jsonrpc.member(body, "params")), method)
            body = body if changed is None else guard.replace(body, method, params=changed)
        return body

    def _analyzer_request(self, id: Id, method: str, body: bytes) -> bytes:
        generation = self.session.generation
        if generation:
            # Its ids begin anew, and the editor may still be busy with the old ones.
            id = f"{_LATE_ID_PREFIX}{generation}:{jsonrpc.encode(id).decode()}"
            body = jsonrpc.replace(body, id=id)
        if method in (tracking.REGISTER, tracking.UNREGISTER):
            tracking.note_registration(self.session, method, jsonrpc.member(body, "params"))
        elif method == "workspace/configuration" and self.hooks.settings_patches:
            self.session.asked[id] = Waiting(method, jsonrpc.member(body, "params"))
        return body

    # The rest.

    async def _ready(self) -> None:
        await asyncio.to_thread(__import__, f"{__package__}.client")
        for moment in self.hooks.on_ready:
            await guard.wait(partial(moment, self), "the start of a feature", timeout_s=None)

    def _idle(self) -> None:
        self._catch_up = None
        self.documents.catch_up()

    def _background_done(self, task: asyncio.Task[Any]) -> None:
        self._background.discard(task)
        error = None if task.cancelled() else task.exception()
        if isinstance(error, RustaError):
            log.warning("work in the background ended: %s", error)  # whoever waits for it is told
        elif error is not None:
            log.error("work in the background failed", exc_info=error)

    async def _watch_client(self) -> None:
        """Return when the editor's process is gone, even if it left our input open."""
        while (pid := self.session.client_process_id) is None:
            await asyncio.sleep(_WATCH_S)
        if not guard.process_exists(pid):
            # Another machine's or container's process id says nothing here.
            await self.loop.create_future()
        while guard.process_exists(pid):
            await asyncio.sleep(_WATCH_S)
        log.error("the editor (process %d) is gone", pid)

    async def _close(self) -> None:
        if self._catch_up is not None:
            self._catch_up.cancel()
        for moment in self.hooks.on_close:
            await guard.wait(partial(moment, self), "the end of a feature", timeout_s=_WATCH_S)
        for task in tuple(self._background):
            task.cancel()
        await asyncio.gather(*self._background, return_exceptions=True)
        await self.analyzer.close()
        await self._channel.close()
