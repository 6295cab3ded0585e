"""Features may fail; rust-analyzer's answer may not. Every call into a feature goes through here."""

import asyncio
import logging
import os
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TypeVar

from . import jsonrpc

log = logging.getLogger(__name__)
T = TypeVar("T")

_SLOW_S = 0.05


def call(hook: Callable[[], T], what: str) -> T | None:
    """The hook's value; None, and a line in the log, if it raised."""
    started = time.perf_counter()
    try:
        return hook()
    except Exception:
        log.exception("a feature failed on %s; what was there goes through unchanged", what)
        return None
    finally:
        taken_s = time.perf_counter() - started
        if taken_s > _SLOW_S:
            log.warning("a feature held up %s for %.0f ms", what, taken_s * 1000)


async def wait(hook: Callable[[], Awaitable[T]], what: str, timeout_s: float | None) -> T | None:
    """What the hook gives; None, and a line in the log, if it raised or took longer than ``timeout_s``."""
    try:
        async with asyncio.timeout(timeout_s):
            return await hook()
    except TimeoutError:
        log.error("a feature took more than %s s on %s; it is left out", timeout_s, what)
    except Exception:
        log.exception("a feature failed on %s; what was there goes through unchanged", what)
    return None


def replace(body: bytes, what: str, **changed: object) -> bytes:
    """The message with members as a feature wants them; unchanged if they are no JSON."""
    patched = call(partial(jsonrpc.replace, body, **changed), what)
    return body if patched is None else patched


def process_exists(pid: int) -> bool:
    """Whether a process with this id is there, whoever owns it."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True
