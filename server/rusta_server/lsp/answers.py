"""Answers that do not simply come from rust-analyzer: ours, patched ones, and those for want of it."""

import asyncio
import logging
from collections.abc import Awaitable
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec

from ..session import Companion, Id, Waiting
from . import capabilities, guard, jsonrpc, settings, tracking
from .jsonrpc import Code
from .upstream import State

if TYPE_CHECKING:
    from .proxy import Proxy

log = logging.getLogger(__name__)

_ERROR, _WARNING = 1, 2  # window/showMessage


class _Command(msgspec.Struct):
    command: str


class _Cancel(msgspec.Struct):
    id: int | str


class _Token(msgspec.Struct):
    token: int | str


async def answer(proxy: "Proxy", id: Id, method: str, work: Awaitable[Any]) -> None:
    """Answer with what ``work`` gives."""
    try:
        proxy.write_to_client(jsonrpc.response(id, await work))
    except asyncio.CancelledError:
        proxy.write_to_client(jsonrpc.error(id, Code.REQUEST_CANCELLED, "cancelled"))
        raise
    except Exception as error:
        log.exception("%s %r failed", method, id)
        proxy.write_to_client(jsonrpc.error(id, Code.INTERNAL_ERROR, f"Rusta: {method} failed: {error}"))
    finally:
        proxy.answering.pop(id, None)


async def patch(proxy: "Proxy", id: Id, waiting: Waiting, body: bytes | None) -> None:
    """Let features change rust-analyzer's answer; ``body`` is None when there is none."""
    result = None if body is None else jsonrpc.member(body, "result")
    failed = body is None or "error" in jsonrpc.members(body)
    changed = False
    what = f"{waiting.method} {id!r}"
    for hook in proxy.hooks.afters[waiting.method]:
        patch_it = partial(hook.patch, proxy, waiting.params, result)
        patched = await guard.wait(patch_it, what, hook.timeout_s)
        if patched is not None:
            result, changed = patched, True
    if failed and body is not None:
        part(waiting)
    else:
        for companion in waiting.companions:
            patched = await _last(companion, result)
            if patched is not None:
                result, changed = patched, True
    if changed and failed:
        answered = guard.call(partial(jsonrpc.response, id, result), what)
    else:
        answered = guard.replace(body, what, result=result) if changed and body else body
    failure = f"{waiting.method} failed: {proxy.analyzer.failure}"
    proxy.write_to_client(answered or body or jsonrpc.error(id, Code.REQUEST_FAILED, failure))


def accompany(proxy: "Proxy", id: Id, waiting: Waiting) -> tuple[Companion, ...]:
    """Begin what features do beside a request that was just sent."""
    companions = []
    for hook in proxy.hooks.besides[waiting.method]:
        answer: asyncio.Future[Any] = proxy.loop.create_future()
        patch_it = partial(hook.patch, proxy, waiting.params, answer)
        work = guard.wait(patch_it, f"{waiting.method} {id!r}", timeout_s=None)
        companions.append(Companion(proxy.background(work), answer, hook.grace_s(proxy)))
    return tuple(companions)


def part(waiting: Waiting) -> None:
    """End what features do beside a request that rust-analyzer does not answer with a result."""
    for companion in waiting.companions:
        companion.work.cancel()


async def _last(companion: Companion, result: Any) -> Any:  # noqa: ANN401  JSON
    """The patched result if it is ready in time; else None, and the work goes on for itself."""
    if not companion.answer.done():
        companion.answer.set_result(result)
    done, _ = await asyncio.wait((companion.work,), timeout=companion.grace_s)
    return companion.work.result() if done and not companion.work.cancelled() else None


def without_analyzer(proxy: "Proxy", id: Id, waiting: Waiting) -> None:
    """Answer a request that cannot be sent."""
    if waiting.method == "shutdown":
        proxy.write_to_client(jsonrpc.response(id, None))
    elif proxy.analyzer.state is State.IDLE:
        part(waiting)
        proxy.write_to_client(jsonrpc.error(id, Code.NOT_INITIALIZED, "`initialize` has to come first"))
    elif waiting.companions or waiting.method in proxy.hooks.afters:
        proxy.background(patch(proxy, id, waiting, None))
    else:
        message = f"{waiting.method} failed: {proxy.analyzer.failure}"
        proxy.write_to_client(jsonrpc.error(id, Code.REQUEST_FAILED, message))


def after_crash(proxy: "Proxy", reason: str) -> None:
    """Answer what was in flight and take back what the dead process left at the editor."""
    _fail_waiting(proxy, f"{reason}; Rusta is starting it again")
    for message in tracking.take_back(proxy.session):
        proxy.write_to_client(message)
    _report(proxy, _WARNING, f"{reason}; starting it again.", health="warning")


def after_failure(proxy: "Proxy", reason: str) -> None:
    """Go on without rust-analyzer."""
    waiting = proxy.session.waiting
    initialize = next((id for id, request in waiting.items() if request.method == "initialize"), None)
    if initialize is not None:
        del waiting[initialize]
        body = jsonrpc.response(initialize, capabilities.alone())
        proxy.write_to_client(settings.merge_initialize(proxy, body))
    _fail_waiting(proxy, reason)
    for message in tracking.take_back(proxy.session):
        proxy.write_to_client(message)
    kind = _ERROR if proxy.config.trusted else _WARNING
    proxy.notify_client("window/showMessage", {"type": kind, "message": f"Rusta: {reason}"})
    _report(proxy, kind, reason, health="error")


def is_our_command(proxy: "Proxy", body: bytes) -> bool:
    """Whether a `workspace/executeCommand` names a command of ours."""
    if not proxy.hooks.commands:
        return False
    try:
        command = msgspec.convert(jsonrpc.member(body, "params"), _Command).command
    except msgspec.ValidationError:
        return False
    return command in proxy.hooks.commands


def is_our_progress(proxy: "Proxy", body: bytes) -> bool:
    """Whether a `window/workDoneProgress/cancel` means a progress of ours."""
    try:
        token = msgspec.convert(jsonrpc.member(body, "params"), _Token).token
    except msgspec.ValidationError:
        return False
    return proxy.has_client and token in proxy.client.work_done_progress.tokens


def cancel(proxy: "Proxy", body: bytes) -> bool:
    """Cancel a request that runs here; False when it is rust-analyzer's."""
    if not proxy.has_client and not proxy.answering:
        return False
    try:
        id = msgspec.convert(jsonrpc.member(body, "params"), _Cancel).id
    except msgspec.ValidationError:
        return False
    if task := proxy.answering.get(id):
        task.cancel()
        return True
    if proxy.has_client and proxy.client.awaits(id):
        proxy.client.handle(body)
        return True
    return False


def _fail_waiting(proxy: "Proxy", reason: str) -> None:
    waiting, proxy.session.waiting = proxy.session.waiting, {}
    for id, request in waiting.items():
        part(request)
        if request.method == "initialize":
            proxy.session.waiting[id] = request  # the next process answers it
        elif request.method == "shutdown":
            proxy.write_to_client(jsonrpc.response(id, None))
        else:
            message = f"{request.method} failed: {reason}"
            proxy.write_to_client(jsonrpc.error(id, Code.REQUEST_FAILED, message))


def _report(proxy: "Proxy", kind: int, message: str, *, health: str) -> None:
    proxy.notify_client("window/logMessage", {"type": kind, "message": f"Rusta: {message}"})
    experimental = proxy.session.client_capabilities.get("experimental")
    if isinstance(experimental, dict) and experimental.get("serverStatusNotification"):
        status = {"health": health, "quiescent": health == "error", "message": message}
        proxy.notify_client("experimental/serverStatus", status)
