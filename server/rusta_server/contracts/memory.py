"""What Rusta remembers of a project, as it is carried from one machine to another."""

import datetime
from collections.abc import Mapping
from typing import Annotated, Literal

from attrs import frozen
from msgspec import Meta

from ..shapes import Count, Probability, RelativePath, Sha256, Text, TraceId
from .graph import Graph
from .patch import Patch

Fingerprint = Annotated[str, Meta(pattern="^[0-9a-f]{16}$", max_length=16)]


@frozen
class EpisodeKey:
    """What an episode is found by.

    Attributes:
        diagnostic: the fingerprint of the diagnostic.
        crate: the name of the crate it was in.
        pattern: the symbols it spoke of, with what differs from case to case left out.
    """

    diagnostic: Fingerprint
    crate: Text
    pattern: str


@frozen
class Episode:
    """A fix that was shown, and what the person did with it.

    Attributes:
        level: how far it was proven.
        rests_on: the files it was proven on, by hash; it is forgotten when one of them changes.
        day: when it was last used.
        ttl_days: how long it is kept after that.
        n_accepted, n_undone, n_ignored: what became of it, each time it was shown.
    """

    key: EpisodeKey
    patch: Patch
    level: Literal["v1", "v2", "v3"]
    rests_on: Mapping[RelativePath, Sha256]
    day: datetime.date
    ttl_days: Count
    n_accepted: Count = 0
    n_undone: Count = 0
    n_ignored: Count = 0
    trace: TraceId | None = None


@frozen
class Preference:
    """A habit of the person.

    Attributes:
        name: `conversion`, `error-handling`.
        value: what is preferred: `into`, `question-mark`.
        weight: how sure that is.
    """

    name: Text
    value: Text
    weight: Probability


@frozen
class Bundle:
    """Everything that is remembered of a project.

    Attributes:
        v: the version of this format.
        memory: how much was kept.
        project: its name.
    """

    memory: Literal["short", "project", "full"]
    project: Text
    graph: Graph | None = None
    episodes: tuple[Episode, ...] = ()
    preferences: tuple[Preference, ...] = ()
    v: Literal[1] = 1
