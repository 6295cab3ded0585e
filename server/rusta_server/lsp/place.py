"""A position in an open document, with all that is needed to look at it from a thread."""

from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from .checked import LastChecks, Said
from .library import Library, current
from .mirror import OpenDocument

if TYPE_CHECKING:
    from ..orchestrator.explain import Documentation
    from .proxy import Proxy


@frozen(slots=False, eq=False)
class Place:
    """A position and what was known when somebody asked about it.

    Attributes:
        position: line and character, as in the request.
        documents: all that are open.
        said: what the last checks said.
        docs: the documentation, or what stands in for it.
        version: rustc's.
        root: the workspace's folder.
        key: the same for the same position while neither text, checks nor documentation change.
    """

    document: OpenDocument
    position: dict[str, int]
    documents: tuple[OpenDocument, ...] = field(repr=False)
    said: tuple[Said, ...] = field(repr=False)
    docs: "Documentation | None" = field(repr=False)
    version: str
    root: Path | None
    key: tuple[object, ...] = field(repr=False)

    @cached_property
    def offset(self) -> int:
        """The position in bytes."""
        return self.document.index.offset(self.position)

    @cached_property
    def buffers(self) -> dict[Path, bytes]:
        """The texts of the open files, see `texts_of`."""
        return texts_of(self.documents)


def texts_of(documents: Iterable[OpenDocument]) -> dict[Path, bytes]:
    """The texts of open files, by their names without links."""
    return {one.path.resolve(): one.index.data for one in documents if one.path}


def place_of(proxy: "Proxy", params: Any) -> Place | None:  # noqa: ANN401  JSON
    """The place that the params of a request name; None if it is none in an open document."""
    try:
        document = proxy.documents.get(params["textDocument"]["uri"])
        line, character = int(params["position"]["line"]), int(params["position"]["character"])
    except (KeyError, TypeError, ValueError):
        return None
    if document is None:
        return None
    checks, docs = proxy.session.state(LastChecks), current(proxy)
    return Place(
        document=document,
        position={"line": line, "character": character},
        documents=tuple(proxy.documents.all()),
        said=tuple(checks.said.values()),
        docs=docs,
        version=proxy.session.state(Library).version,
        root=proxy.session.root,
        key=(document.uri, document.version, line, character, checks.n_checks, type(docs)),
    )
