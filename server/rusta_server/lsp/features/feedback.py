"""What a person made of a fix: `rusta/feedback`.

For the connection it is remembered in any case; it is written down (`...memory.feedback`) only where the
editor says that the person wants that, and the policy allows it.
"""

import asyncio
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import define, evolve, field

from ...errors import RustaError
from ...memory.feedback import VERDICTS, Feedback, file_of, keep
from ...orchestrator import policy
from ..fixes import Fixes
from ..hooks import Hooks

if TYPE_CHECKING:
    from ..proxy import Proxy

log = logging.getLogger(__name__)


@define
class Heard:
    """The feature's state: what was last heard of each fix, by its number."""

    of: dict[int, Feedback] = field(factory=dict)


def register(hooks: Hooks) -> None:
    """Announce the request."""
    hooks.method("rusta/feedback", _feedback)


async def _feedback(proxy: "Proxy", params: Any) -> dict[str, bool | str]:  # noqa: ANN401  JSON
    """`rusta/feedback` {"fix", "what", "keep"?}: a fix was `accepted`, `undone` or `ignored`.

    `fix` is the number in `data.rusta` of its code action, `keep` whether to write it down. Returns {"kept"},
    with the policy's "rule" where it was asked.
    """
    params = params if isinstance(params, dict) else {}
    number, what = params.get("fix"), params.get("what")
    if not isinstance(number, int) or what not in VERDICTS:
        raise RustaError("`fix` must be the number of a fix, and `what` accepted, undone or ignored")
    heard = proxy.session.state(Heard).of
    fixes = proxy.session.state(Fixes)
    ready = next((one for one in fixes.ready if one.number == number), None)
    if ready is not None:
        offer = ready.offer
        told = Feedback(
            what=what,
            code=offer.diagnostic.code,
            source=offer.source,
            title=offer.title,
            level=offer.level.name,
            confidence=round(offer.confidence, 4),
        )
    elif number in heard:
        told = evolve(heard[number], what=what)
    else:
        raise RustaError(f"there is no fix {number}")
    heard[number] = told
    if params.get("keep") is not True:
        return {"kept": False}
    config = proxy.config
    decision = policy.may_keep(config)
    if not decision.allowed:
        return {"kept": False, "rule": decision.rule}
    project = (proxy.session.root or Path.cwd()) if config.memory == "project" else None
    try:
        await asyncio.to_thread(keep, file_of(config.cache, project), told)
    except OSError as error:
        log.warning("feedback could not be kept: %s", error)
        return {"kept": False, "rule": decision.rule}
    return {"kept": True, "rule": decision.rule}
