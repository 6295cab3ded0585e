"""A trace for what happens in a block. A disk that does not take it stops the trace, never the work."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from attrs import define

from .bundle import clear
from .ledger import Ledger, Writer, begin
from .record import Kind

# Old traces go when a new one begins: the newest stay, and those of the last days.
KEEP, KEEP_S = 500, 2 * 86400.0
_LOOK_EVERY = 50

OnLoss = Callable[[OSError], None]


@define
class Trace:
    """A trace's writer that gives up, and says so, when the disk does not take it."""

    writer: Writer | None
    on_loss: OnLoss

    @property
    def id(self) -> str | None:
        """The trace's id; None if there is no whole trace."""
        return self.writer.id if self.writer else None

    def add(self, kind: Kind, what: str, **fields: Any) -> None:  # noqa: ANN401  JSON
        """As `Writer.add`."""
        if self.writer is None:
            return
        try:
            self.writer.add(kind, what, **fields)
        except OSError as error:
            self.on_loss(error)
            self.close()

    def close(self) -> None:
        """Let go of the file."""
        if self.writer is not None:
            with suppress(OSError):
                self.writer.close()
            self.writer = None


@contextmanager
def tracing(ledger: Ledger, on_loss: OnLoss) -> Iterator[Trace]:
    """Begin a trace for the block; it is closed at its end."""
    with suppress(OSError):
        _clear_sometimes(ledger)
    try:
        trace = Trace(begin(ledger), on_loss)
    except OSError as error:
        on_loss(error)
        trace = Trace(None, on_loss)
    try:
        yield trace
    finally:
        trace.close()


def _clear_sometimes(ledger: Ledger) -> None:
    n_traces = len(ledger.ids())
    if n_traces > KEEP and n_traces % _LOOK_EVERY == 0:
        clear(ledger, keep=KEEP, max_age_s=KEEP_S)
