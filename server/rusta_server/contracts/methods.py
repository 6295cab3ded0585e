"""What tools can be asked and what they answer: the types of each method's parameters and result."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import msgspec
from attrs import frozen
from msgspec import Meta

from ..shapes import Count, Probability, RelativePath, Sha256, Text
from ..tools.diagnostic import Diagnostic
from ..tools.docs.anchor import State
from .graph import EdgeKind, Node, Place
from .memory import Fingerprint
from .patch import Base64, Edit, Outcome, Patch

# A variant of the workspace: the files that differ from the disk, by the hash of their new content.
Variant = Mapping[RelativePath, Sha256]
LevelName = Literal["v1", "v2", "v3"]


@frozen
class CheckParams:
    """Compile a variant.

    Attributes:
        variant: the files that differ, by the hash of their new content.
        all_targets: also what only tests, examples and benches need.
    """

    variant: Variant
    all_targets: bool = True


@frozen
class TestParams:
    """Run the tests of a variant.

    Attributes:
        variant: the files that differ, by the hash of their new content.
    """

    __test__ = False  # not a test for pytest

    variant: Variant


class Checked(msgspec.Struct, frozen=True, tag_field="outcome", tag="checked"):
    """The compiler ran to its end, with or without errors."""

    diagnostics: tuple[Diagnostic, ...]


class CouldNotCheck(msgspec.Struct, frozen=True, tag_field="outcome", tag="could_not_check"):
    """The compiler could not be asked."""

    reason: str
    hint: str | None = None


class TimedOut(msgspec.Struct, frozen=True, tag_field="outcome", tag="timed_out"):
    """It was ended because its time was up."""

    after_s: Annotated[float, Meta(ge=0)]


class Cancelled(msgspec.Struct, frozen=True, tag_field="outcome", tag="cancelled"):
    """It was ended because nobody waits for it any more."""


class Tested(msgspec.Struct, frozen=True, tag_field="outcome", tag="tested"):
    """The tests ran to their end."""

    n_passed: Count
    n_failed: Count
    output: str = ""


class NoTests(msgspec.Struct, frozen=True, tag_field="outcome", tag="no_tests"):
    """There was nothing to run."""


@frozen
class PositionParams:
    """Ask about a place in a file.

    Attributes:
        path: relative to the workspace.
        offset: in bytes.
        file: the SHA-256 of the file that the offset counts in.
    """

    path: RelativePath
    offset: Count
    file: Sha256


@frozen
class TypeOf:
    """The type of an expression as rust-analyzer writes it; null if it knows none."""

    type: str | None


@frozen
class Places:
    """Places in the workspace, by file and offset."""

    places: tuple[Place, ...]


@frozen
class AssistsParams:
    """Ask rust-analyzer how a diagnostic could be mended.

    Attributes:
        start: where it begins in the file, in bytes.
        file: the SHA-256 of the file.
    """

    code: str | None
    message: str
    path: Text | None
    start: Count | None
    file: Sha256 | None


@frozen
class RankParams:
    """Ask the byte model what it makes of candidates for a diagnostic, and for its own.

    Attributes:
        start: where the diagnostic begins in the file, in bytes.
        file: the SHA-256 of the file.
        candidates: the SHA-256 of the candidates' canonical JSON.
    """

    code: str | None
    message: str
    path: Text | None
    start: Count | None
    file: Sha256 | None
    candidates: Sha256


@frozen
class Score:
    """What the byte model thinks of an edit: natural logarithms of probabilities.

    Attributes:
        total: of the whole edit.
        mean: of its tokens, on average.
        least: of the token that it would have expected least.
    """

    total: float
    mean: float
    least: float


@frozen
class Candidate:
    """A proposed edit for one diagnostic.

    Attributes:
        source: `rustc`, `assist`, `rule/NAME`, `model` or `rustc+model`.
        title: what it does, in the imperative.
        prior: the chance, before any check, that it is what was meant.
        has_placeholder: there is a hole in it that somebody must fill.
        score: the byte model's opinion, if it was asked.
    """

    source: Text
    title: str
    edits: tuple[Edit, ...]
    prior: Probability = 0.5
    has_placeholder: bool = False
    score: Score | None = None


@frozen
class ReadParams:
    """Read a file.

    Attributes:
        path: relative to the workspace; one outside of it is not found.
    """

    path: Text


@frozen
class FileContent:
    """A file.

    Attributes:
        sha: its SHA-256; null if there is no such file.
        content: null if there is no such file, or if there is a secret in it.
    """

    sha: Sha256 | None
    content: str | Base64 | None


@frozen
class UpdateParams:
    """Take changed files into the index.

    Attributes:
        changed: by hash; null for one that is gone.
    """

    changed: Mapping[RelativePath, Sha256 | None]


@frozen
class IndexState:
    """The size of the index."""

    n_files: Count
    n_nodes: Count
    n_edges: Count


@frozen
class IndexParams:
    """Ask the project graph.

    Attributes:
        question: what is asked.
        symbol: the node it is asked of; null for the whole project.
        edges: only these kinds count; all if empty.
        k: how many answers, at most.
    """

    question: Literal["node", "neighbours", "blast-radius", "cycles", "hotspots", "centrality"]
    symbol: Text | None = None
    edges: tuple[EdgeKind, ...] = ()
    k: Annotated[int, Meta(ge=1)] = 20


@frozen
class Ranked:
    """A node and what it scored in this question; comparable within one answer only."""

    node: Node
    score: float = 0.0


@frozen
class IndexAnswer:
    """Nodes, best first; for cycles also the cycles, as ids."""

    nodes: tuple[Ranked, ...]
    cycles: tuple[tuple[Text, ...], ...] = ()


@frozen
class SearchParams:
    """Search the documentation on this machine; everything that is known may be given.

    Attributes:
        symbol: the path of an item.
        code: of a diagnostic.
        message, labels: of that diagnostic.
        corpora: look only there; everywhere if empty.
    """

    words: str = ""
    symbol: str = ""
    code: str = ""
    message: str = ""
    labels: tuple[str, ...] = ()
    corpora: tuple[Text, ...] = ()
    k: Annotated[int, Meta(ge=1)] = 5


@frozen
class Hit:
    """A section that was found.

    Attributes:
        corpus: with its version.
        id: of the section, unique in its corpus.
        link: where a person can read it, on this machine.
        score: comparable within one answer only.
    """

    corpus: Text
    id: Text
    title: str
    link: Text
    score: float


@frozen
class AnchorParams:
    """Look up everything that is cited for a subject: a code, a name or a place."""

    subject: Text


@frozen
class ProposeParams:
    """Search for fixes.

    Attributes:
        path: of the crate or file; null for the whole workspace.
        diagnostic: only for this one, by its fingerprint.
        level: the least proof that is asked for.
    """

    path: RelativePath | None = None
    diagnostic: Fingerprint | None = None
    level: LevelName | None = None


@frozen
class Proposal:
    """A verified fix.

    Attributes:
        source: of the candidate it was made of.
        level: how far it is proven.
        changed_lines: how many lines go or come.
        guess: whether Rusta is less sure of it than an answer must be (τ_answer).
        citations: ids of the anchors that justify it.
        confidence: how sure Rusta is that it is right; null where that is not known.
    """

    title: str
    source: Text
    level: LevelName
    changed_lines: Count
    guess: bool
    patch: Patch
    citations: Annotated[tuple[Text, ...], Meta(min_length=1)]
    confidence: Probability | None = None


@frozen
class Proposals:
    """Verified fixes, best first; none is an answer, too."""

    fixes: tuple[Proposal, ...]


@frozen
class ApplyParams:
    """Write a patch into the user's files, if the policy allows it."""

    patch: Patch
    title: str = ""


@frozen
class RevertParams:
    """Take a patch back, by the id that applying it gave."""

    id: Text


@frozen
class Method:
    """The types of a method's parameters and result."""

    params: Any
    result: Any


METHODS: Mapping[str, Method] = {
    "cargo.check": Method(CheckParams, Checked | CouldNotCheck | TimedOut | Cancelled),
    "cargo.test": Method(TestParams, Tested | NoTests | CouldNotCheck | TimedOut | Cancelled),
    "docs.anchor": Method(AnchorParams, Mapping[Text, State]),
    "docs.search": Method(SearchParams, tuple[Hit, ...]),
    "file.read": Method(ReadParams, FileContent),
    "index.query": Method(IndexParams, IndexAnswer),
    "index.update": Method(UpdateParams, IndexState),
    "model.rank": Method(RankParams, tuple[Candidate, ...]),
    "patch.apply": Method(ApplyParams, Outcome),
    "patch.propose": Method(ProposeParams, Proposals),
    "patch.revert": Method(RevertParams, Outcome),
    "ra.assists": Method(AssistsParams, tuple[Candidate, ...]),
    "ra.find_refs": Method(PositionParams, Places),
    "ra.goto_def": Method(PositionParams, Places),
    "ra.type_of": Method(PositionParams, TypeOf),
}
