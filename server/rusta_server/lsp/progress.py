"""Work-done progress of our own in the editor."""

import contextlib
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING

from .capabilities import client_capability

if TYPE_CHECKING:
    from .proxy import Proxy

Report = Callable[[float, str], None]


@contextlib.asynccontextmanager
async def shown(proxy: "Proxy", title: str, on_cancel: Callable[[], None]) -> AsyncIterator[Report]:
    """Show progress where the editor can; its button calls `on_cancel`.

    Gives a function that takes how far it is, from 0 to 1, and a few words; any thread may call it.
    """
    if not client_capability(proxy, "window", "workDoneProgress"):
        yield lambda share, words: None
        return
    from lsprotocol import types

    progress, token = proxy.client.work_done_progress, proxy.session.next_id()
    await progress.create_async(token)
    progress.begin(token, types.WorkDoneProgressBegin(title=title, cancellable=True, percentage=0))
    progress.tokens[token].add_done_callback(lambda _: on_cancel())

    def report(share: float, words: str) -> None:
        step = types.WorkDoneProgressReport(message=words, percentage=round(100 * min(max(share, 0), 1)))
        proxy.loop.call_soon_threadsafe(progress.report, token, step)

    try:
        yield report
    finally:
        progress.end(token, types.WorkDoneProgressEnd())
        del progress.tokens[token]
