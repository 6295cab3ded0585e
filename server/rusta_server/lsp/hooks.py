"""What features ask of the proxy. Filled once at the start, read only afterwards.

The signatures are explained in `features/__init__.py`.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

from attrs import define, field, frozen

if TYPE_CHECKING:
    from .proxy import Proxy

Json = Any

Before = Callable[["Proxy", Json], Json | None]
After = Callable[["Proxy", Json, Json], Awaitable[Json | None]]
Beside = Callable[["Proxy", Json, "asyncio.Future[Json]"], Awaitable[Json | None]]
Observer = Callable[["Proxy", Json], Json | None]
Answer = Callable[["Proxy", Json], Awaitable[Json]]
Claims = Callable[["Proxy", Json], bool]
Command = Callable[..., Awaitable[Json]]
Settings = Callable[["Proxy", dict[str, Json]], dict[str, Json]]
Moment = Callable[["Proxy"], Awaitable[None]]

AFTER_TIMEOUT_S = 1.0


@frozen
class AfterHook:
    """A patch of rust-analyzer's answers, with the time it may take."""

    patch: After
    timeout_s: float


@frozen
class BesideHook:
    """A patch that begins with the request, with the time it may take once rust-analyzer has answered."""

    patch: Beside
    grace_s: Callable[[Proxy], float]


@frozen
class Claim:
    """Requests of a shared method that are Rusta's to answer."""

    claims: Claims
    answer: Answer


@define
class Hooks:
    """The registry. Register with the methods; the proxy reads the fields."""

    befores: dict[str, list[Before]] = field(factory=lambda: defaultdict(list))
    afters: dict[str, list[AfterHook]] = field(factory=lambda: defaultdict(list))
    besides: dict[str, list[BesideHook]] = field(factory=lambda: defaultdict(list))
    claims: dict[str, list[Claim]] = field(factory=lambda: defaultdict(list))
    methods: dict[str, Answer] = field(factory=dict)
    commands: dict[str, Command] = field(factory=dict)
    client_observers: dict[str, list[Observer]] = field(factory=lambda: defaultdict(list))
    analyzer_observers: dict[str, list[Observer]] = field(factory=lambda: defaultdict(list))
    settings_patches: list[Settings] = field(factory=list)
    capability_patches: list[Mapping[str, Json]] = field(factory=list)
    on_ready: list[Moment] = field(factory=list)
    on_close: list[Moment] = field(factory=list)

    def before(self, method: str, patch: Before) -> None:
        """Patch the params of an editor's request before rust-analyzer sees it."""
        self.befores[method].append(patch)

    def after(self, method: str, patch: After, *, timeout_s: float = AFTER_TIMEOUT_S) -> None:
        """Patch rust-analyzer's result of an editor's request."""
        self.afters[method].append(AfterHook(patch, timeout_s))

    def beside(self, method: str, patch: Beside, *, grace_s: Callable[[Proxy], float]) -> None:
        """Patch rust-analyzer's result with work that begins together with the request."""
        self.besides[method].append(BesideHook(patch, grace_s))

    def claim(self, method: str, claims: Claims, answer: Answer) -> None:
        """Answer those requests of a shared method for which ``claims`` says so."""
        self.claims[method].append(Claim(claims, answer))

    def method(self, name: str, answer: Answer) -> None:
        """Answer a request of our own, `rusta/...`."""
        self.methods[name] = answer

    def command(self, name: str, run: Command) -> None:
        """Run a command of our own, `rusta....`, announced in the capabilities."""
        self.commands[name] = run

    def from_client(self, method: str, observer: Observer) -> None:
        """See (or, by returning params, change) a notification of the editor."""
        self.client_observers[method].append(observer)

    def from_analyzer(self, method: str, observer: Observer) -> None:
        """See (or, by returning params, change) a notification of rust-analyzer."""
        self.analyzer_observers[method].append(observer)

    def settings(self, patch: Settings) -> None:
        """Patch rust-analyzer's settings wherever they travel."""
        self.settings_patches.append(patch)

    def capabilities(self, extra: Mapping[str, Json]) -> None:
        """Add server capabilities; what rust-analyzer says wins where both say something."""
        self.capability_patches.append(extra)

    def ready(self, moment: Moment) -> None:
        """Called once, after the editor's `initialized`."""
        self.on_ready.append(moment)

    def close(self, moment: Moment) -> None:
        """Called once, when the connection ends; stop what runs in the background here."""
        self.on_close.append(moment)
