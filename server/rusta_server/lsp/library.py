"""The toolchain's documentation: its index is opened, and built first where there is none.

It is built in a process of its own (`.indexer`) that ends with the connection. Until it is there, of the
documentation only the error codes are cited.
"""

import asyncio
import contextlib
import json
import logging
import sys
from asyncio.subprocess import Process
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import define, field

from . import child
from .progress import Report, shown

if TYPE_CHECKING:
    from ..orchestrator.explain import Documentation
    from ..tools.docs import Docs, Explained, Toolchain
    from .proxy import Proxy

log = logging.getLogger(__name__)

_WARNING = 2  # window/showMessage
_GRACE_S = 5.0  # in which the indexer takes away what it has begun
_LAST_WORDS_S = 0.3


@define
class Library:
    """The state.

    Attributes:
        toolchain: the one used in the workspace; None until it is known.
        is_located: set once that is known, or that there is none.
        docs: the open index; None while there is none.
        stand_in: knows error codes without an index.
        is_loaded: what looks for citations was imported.
        opening: ends when the index is open, or when there will be none.
    """

    toolchain: "Toolchain | None" = None
    is_located: asyncio.Event = field(factory=asyncio.Event)
    docs: "Docs | None" = None
    stand_in: "Explained | None" = None
    is_loaded: bool = False
    opening: asyncio.Task[None] | None = None

    @property
    def version(self) -> str:
        """The version of rustc; empty until it is known."""
        return self.toolchain.version if self.toolchain else ""


def begin(proxy: "Proxy") -> None:
    """Open the index in the background."""
    proxy.session.state(Library).opening = proxy.background(_open(proxy))


def current(proxy: "Proxy") -> "Documentation | None":
    """The open index, or what stands in for it; one that turned out to be damaged is made anew."""
    library = proxy.session.state(Library)
    if library.docs is not None and library.docs.is_damaged:
        library.docs = None
        begin(proxy)
    return library.docs or library.stand_in


async def close(proxy: "Proxy") -> None:
    """Stop what runs, and close the index."""
    library = proxy.session.state(Library)
    if library.opening is not None:
        library.opening.cancel()
        await asyncio.wait((library.opening,))
    if library.docs is not None:
        library.docs.close()


async def load(proxy: "Proxy") -> None:
    """Import what looks for citations, which takes longer than rust-analyzer's start."""
    await asyncio.to_thread(_load)
    proxy.session.state(Library).is_loaded = True


def _load() -> None:
    from ..orchestrator import cards
    from . import citing  # noqa: F401  the import is what is wanted

    cards.load()


async def _locate(proxy: "Proxy", folder: Path) -> None:
    library = proxy.session.state(Library)
    try:
        library.toolchain = await asyncio.to_thread(_toolchain, folder)
    finally:
        library.is_located.set()


def _toolchain(folder: Path) -> "Toolchain | None":
    from ..tools.docs import toolchain

    return toolchain(folder)


async def _open(proxy: "Proxy") -> None:
    library, cache = proxy.session.state(Library), proxy.config.cache
    # Which toolchain there is, rustup is asked, and a workspace can name one of its own.
    folder = (proxy.session.root or Path.cwd()) if proxy.config.trusted else Path.home()
    await asyncio.gather(_locate(proxy, folder), load(proxy))
    from ..tools.docs import Docs, Explained, NoDocs, NotIndexed, open_docs

    if library.toolchain is None:
        return
    library.stand_in = Explained(library.toolchain)
    found = await asyncio.to_thread(open_docs, cache, library.toolchain)
    if isinstance(found, NotIndexed) and await _build(proxy, folder):
        found = await asyncio.to_thread(open_docs, cache, library.toolchain)
    if isinstance(found, Docs):
        library.docs = found
    elif isinstance(found, NoDocs):
        message = f"Rusta cites the Rust documentation, which this toolchain lacks. To add it: {found.remedy}"
        proxy.notify_client("window/showMessage", {"type": _WARNING, "message": message})


async def _build(proxy: "Proxy", folder: Path) -> bool:
    """Build the index in a process of its own, with progress; whether it was built."""
    argv = (sys.executable, "-m", "rusta_server.lsp.indexer", str(proxy.config.cache), str(folder))
    process = await child.start(child.Program(argv))
    complaining = asyncio.create_task(_complain(process))
    stopped = asyncio.Event()
    try:
        async with shown(proxy, "Indexing the Rust documentation", stopped.set) as report:
            following = asyncio.create_task(_follow(process, report))
            stopping = asyncio.create_task(stopped.wait())
            await asyncio.wait((following, stopping), return_when=asyncio.FIRST_COMPLETED)
            for task in (following, stopping):
                task.cancel()
    finally:
        await child.end(process, grace_s=_GRACE_S)
        await asyncio.wait((complaining,), timeout=_LAST_WORDS_S)
        complaining.cancel()
    return process.returncode == 0


async def _follow(process: Process, report: Report) -> None:
    """Show how far it is, until it ends."""
    assert process.stdout is not None
    while line := await process.stdout.readline():
        with contextlib.suppress(ValueError, KeyError):
            said = json.loads(line)
            report(said["share"], said["what"])
    await child.ended(process)


async def _complain(process: Process) -> None:
    """What goes wrong there goes into our log."""
    assert process.stderr is not None
    while line := await process.stderr.readline():
        log.error("the indexer: %s", line.decode(errors="replace").rstrip())
