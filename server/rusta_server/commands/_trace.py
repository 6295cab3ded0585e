"""The trace of a command."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from attrs import define
from rich.console import Console
from rich.markup import escape

from ..config import Config
from ..orchestrator.explain import Explanation
from ..trace.ledger import Ledger, Writer, begin
from ..trace.record import Kind


@define
class Trace:
    """A trace's writer that gives up, and says so, when the disk does not take it: the work goes on."""

    writer: Writer | None
    console: Console

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
            _say(self.console, error)
            self.close()

    def close(self) -> None:
        """Let go of the file."""
        if self.writer is not None:
            with suppress(OSError):
                self.writer.close()
            self.writer = None


@contextmanager
def tracing(config: Config, console: Console) -> Iterator[Trace]:
    """Begin a trace for what happens in the block."""
    try:
        trace = Trace(begin(Ledger(config.cache / "ledger")), console)
    except OSError as error:
        _say(console, error)
        trace = Trace(None, console)
    writer = trace.writer
    try:
        yield trace
    finally:
        if writer is not None and trace.writer is not None:
            with suppress(OSError):
                writer.close()


def _say(console: Console, error: OSError) -> None:
    reason = escape(error.strerror or str(error))
    console.print(f"[yellow]no trace is kept:[/] {reason}", soft_wrap=True)


def note_explanation(trace: Trace, subject: str, found: Sequence[Explanation]) -> None:
    """Write an explanation down: what was looked up, what is claimed, on what it rests."""
    trace.add(Kind.PLAN, "explain", input={"command": "explain", "subject": subject})
    claims = [(part.heading, claim) for one in found for part in one.parts for claim in part.claims]
    looked_up = {
        citation.anchor.id: str(citation.state) for _, claim in claims for citation in claim.citations
    }
    trace.add(Kind.PROBE, "docs.anchor", input={"subject": subject}, output=looked_up)
    for heading, claim in claims:
        trace.add(
            Kind.DECIDE,
            "claim",
            input={"part": heading, "text": claim.text, "quotes": [c.anchor.quote for c in claim.citations]},
            citations=tuple(citation.anchor.id for citation in claim.citations),
            decision="said: every anchor resolves",
        )
    if not claims:
        trace.add(Kind.DECIDE, "abstain", decision="unknown: nothing that could be cited")
