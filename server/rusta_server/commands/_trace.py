"""The trace of a command."""

from collections.abc import Sequence
from contextlib import AbstractContextManager

from rich.console import Console
from rich.markup import escape

from ..config import Config
from ..orchestrator.explain import Explanation
from ..trace import tracing as traces
from ..trace.ledger import Ledger
from ..trace.record import Kind
from ..trace.tracing import Trace


def tracing(config: Config, console: Console) -> AbstractContextManager[Trace]:
    """Begin a trace for what happens in the block; says on the console if none can be kept."""

    def say(error: OSError) -> None:
        reason = escape(error.strerror or str(error))
        console.print(f"[yellow]no trace is kept:[/] {reason}", soft_wrap=True)

    return traces.tracing(Ledger(config.cache / "ledger"), say)


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
