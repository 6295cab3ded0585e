"""The documentation for a command: opened, and indexed first where that was not done yet."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from ..config import Config
from ..errors import RustaError
from ..orchestrator.explain import Documentation
from ..tools.docs import Docs, Explained, NoDocs, NotIndexed, Toolchain, build, open_docs, toolchain
from ..tools.process import Cancelled

T = TypeVar("T")


def ask(config: Config, cwd: Path, console: Console, question: Callable[[Docs | NoDocs], T]) -> T:
    """What the documentation answers; an index that turns out to be damaged is made anew and asked again.

    Raises:
        RustaError: as `opened`.
    """
    docs = opened(config, cwd, console)
    try:
        answer = question(docs)
    except Exception:
        if isinstance(docs, NoDocs) or not docs.is_damaged:
            raise
    else:
        if isinstance(docs, NoDocs) or not docs.is_damaged:
            return answer
    return question(opened(config, cwd, console))


def opened(config: Config, cwd: Path, console: Console) -> Docs | NoDocs:
    """The documentation of the toolchain that is used in `cwd`; shows progress while it is indexed.

    Raises:
        RustaError: there is no rustc, or the index cannot be written.
    """
    here = toolchain(cwd)
    if here is None:
        raise RustaError(
            "rustc was not found.", hint="Install Rust from https://rustup.rs, then: rusta doctor"
        )
    found = open_docs(config.cache, here)
    return indexed(config, here, console) if isinstance(found, NotIndexed) else found


def at_hand(config: Config, cwd: Path) -> Documentation | None:
    """What can be cited without making an index first; None where there is no rustc."""
    here = toolchain(cwd)
    if here is None:
        return None
    found = open_docs(config.cache, here)
    return found if isinstance(found, Docs) else Explained(here)


def indexed(config: Config, here: Toolchain, console: Console, *, force: bool = False) -> Docs | NoDocs:
    """Make the index and show progress.

    Raises:
        RustaError: it cannot be written, or there is no documentation.
    """
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        TaskProgressColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("indexing the Rust documentation, once", total=1.0)
        made = build(
            config.cache, here, progress=lambda share, _: bar.update(task, completed=share), force=force
        )
    assert not isinstance(made, Cancelled)  # nobody could
    return made
