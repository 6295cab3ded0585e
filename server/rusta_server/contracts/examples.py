"""One document of each kind that fits its contract, and one that does not, with the reason."""

import copy
import datetime
from collections.abc import Mapping
from typing import Any

from attrs import evolve, frozen

from ..patch.result import ResultCode
from ..tools.diagnostic import Diagnostic, Span
from ..tools.docs.anchor import anchor, section
from ..trace import canonical
from ..trace.jobs import Job, Status
from ..trace.record import NO_STEP, VERSION, Kind, Step, seal
from .dataset import Card, ErrorClass, Point, Provenance, Selector, Triplet
from .golden import Citation, FinalState, Golden, Snapshot, Spent
from .graph import Edge, EdgeKind, Graph, Node, NodeKind, Place
from .memory import Bundle, Episode, EpisodeKey, Preference
from .methods import CheckParams
from .metrics import Metrics, Report, Share
from .patch import Edit, Minimality, Outcome, Patch, Size
from .plugin import Grant, Limits, Manifest
from .policy import Policy, ProjectFile
from .protocol import Call
from .registry import write


@frozen
class Example:
    """A value that fits, and a change to its JSON after which it does not.

    Attributes:
        why: what the change does wrong.
        where: the path of what is changed.
        to: what is put there.
    """

    value: Any
    why: str
    where: tuple[str | int, ...]
    to: Any


def valid(example: Example) -> Any:  # noqa: ANN401  JSON
    """The document that fits."""
    return canonical.decode(write(example.value))


def invalid(example: Example) -> Any:  # noqa: ANN401  JSON
    """The document that does not."""
    document = copy.deepcopy(valid(example))
    part = document
    for name in example.where[:-1]:
        part = part[name]
    part[example.where[-1]] = example.to
    return document


_BROKEN = b'fn main() {\n    let a = String::new();\n    let b = a;\n    println!("{a}{b}");\n}\n'
_FIXED = _BROKEN.replace(b"let b = a;", b"let b = &a;")
_BEFORE, _AFTER = canonical.sha_of(_BROKEN), canonical.sha_of(_FIXED)
_AT = _BROKEN.index(b"a;\n    println")
_QUOTE = "There can only be one owner at a time."
_TRACE = "20261121T100000-ab12cd34"

_ANCHOR = anchor(
    section(
        "book@1.95.0",
        "ch04-01-what-is-ownership/ownership-rules",
        kind="heading",
        title="Ownership Rules",
        link="file:///doc/book/ch04-01-what-is-ownership.html#ownership-rules",
        texts=[("heading", "Ownership Rules"), ("text", _QUOTE)],
    ),
    _QUOTE,
)
_DIAGNOSTIC = Diagnostic(
    code="E0382",
    level="error",
    message="borrow of moved value: `a`",
    spans=(
        Span("src/main.rs", 73, 74, 4, 16, 4, True, "value borrowed here after move", None, None, False, "a"),
    ),
    children=(),
)
_PATCH = Patch(
    edits=(Edit("src/main.rs", _AT, _AT, "&"),),
    before={"src/main.rs": _BEFORE},
    minimality=Minimality(Size(4, 12), Size(2, 1), 3, True),
    result=Outcome(ResultCode.APPLIED, "20261121-100000-ab12cd", ("src/main.rs",)),
    rollback=Outcome(ResultCode.REVERTED, "20261121-100001-ab12cd", ("src/main.rs",)),
)


def _steps() -> tuple[Step, ...]:
    bare = Step(
        v=VERSION,
        seq=0,
        prev=NO_STEP,
        kind=Kind.PLAN,
        what="search",
        span=None,
        input_sha=None,
        output_sha=None,
        input=None,
        output=None,
        citations=(),
        p=None,
        tau=None,
        decision=None,
        t=0.0,
        sha="",
    )
    budget = {"budget": {"max_checks": 60}}
    plan = seal(evolve(bare, input=budget, input_sha=canonical.sha(budget)))
    asked: dict[str, Any] = {"variant": {}, "all_targets": True}
    found = {"outcome": "cancelled"}
    probe = evolve(bare, seq=1, prev=plan.sha, kind=Kind.PROBE, what="cargo.check", t=0.25)
    probe = evolve(probe, input=asked, input_sha=canonical.sha(asked))
    probe = seal(evolve(probe, output=found, output_sha=canonical.sha(found)))
    claim = evolve(
        bare, seq=2, prev=probe.sha, kind=Kind.DECIDE, what="claim", span="src/main.rs:4:16", t=0.5
    )
    claim = evolve(claim, citations=(_ANCHOR.id,), p=0.9, tau=0.7, decision="said: every anchor resolves")
    return plan, probe, seal(claim)


_GRAPH = Graph(
    project="demo",
    nodes=(
        Node("demo", NodeKind.CRATE, "demo"),
        Node("demo::main", NodeKind.FN, "main", Place("src/main.rs", 0, len(_BROKEN)), _BEFORE),
    ),
    edges=(Edge("demo", "demo::main", EdgeKind.DEFINES),),
)

EXAMPLES: Mapping[str, Example] = {
    "anchor": Example(_ANCHOR, "a hash has 64 digits", ("sha256",), "af3666d6"),
    "bundle": Example(
        Bundle(
            memory="project",
            project="demo",
            graph=_GRAPH,
            episodes=(
                Episode(
                    EpisodeKey(_DIAGNOSTIC.fingerprint, "demo", "String moved"),
                    _PATCH,
                    "v3",
                    {"src/main.rs": _BEFORE},
                    datetime.date(2026, 11, 21),
                    90,
                    n_accepted=1,
                    trace=_TRACE,
                ),
            ),
            preferences=(Preference("conversion", "into", 0.8),),
        ),
        "no such day",
        ("episodes", 0, "day"),
        "2026-11-31",
    ),
    "card": Example(
        Card(
            codes=("E0382",),
            message="borrow of moved value: `(?P<name>[^`]+)`",
            here=("`{name}` was moved away before this use.",),
            why=(
                Point(
                    (Selector("book", "ch04-01-what-is-ownership/ownership-rules", _QUOTE),),
                    ("Every value has exactly one owner.",),
                ),
            ),
        ),
        "a sentence that cites nothing is not said",
        ("why", 0, "cite"),
        [],
    ),
    "golden": Example(
        Golden(
            snapshot=Snapshot({"src/main.rs": _BEFORE}, "1.95.0", "0.1.0"),
            steps=_steps(),
            final_state=FinalState({"src/main.rs": _AFTER}, "v3", 0, n_passed=4, n_failed=0),
            citations=(Citation("Every value has exactly one owner.", (_ANCHOR,)),),
            metrics=Spent(n_lines=2, n_checks=2, seconds=0.4),
        ),
        "a claim needs at least one anchor",
        ("citations", 0, "anchors"),
        [],
    ),
    "graph": Example(_GRAPH, "no such kind of edge", ("edges", 0, "kind"), "likes"),
    "job": Example(
        Job(1, "explain", {"subject": "E0382"}, Status.DONE, _TRACE, {"explanations": []}),
        "no such status",
        ("status",),
        "almost",
    ),
    "metrics": Example(
        Report(
            suite="natural",
            rusta="0.1.0",
            all=Metrics(3, compile_fix=Share(2, 3), diff_lines_median=2.0, ece=0.06),
            slices={ErrorClass.MOVES: Metrics(3, compile_fix=Share(2, 3))},
        ),
        "more fixed than there were",
        ("all", "compile_fix", "n"),
        4,
    ),
    "patch": Example(_PATCH, "it leads out of the workspace", ("edits", 0, "path"), "../.bashrc"),
    "plugin": Example(
        Manifest(
            name="unused-deps",
            version="0.1.0",
            abi="1.0.0",
            licence="MIT",
            module="unused_deps.wasm",
            sha256=canonical.sha_of(b"\0asm"),
            tools=("deps.unused",),
            limits=Limits(fuel=10_000_000, memory_bytes=16 << 20, time_s=1.0),
            grants=(Grant.FILES, Grant.INDEX),
        ),
        "there is no way to be granted writing",
        ("grants", 0),
        "files.write",
    ),
    "policy": Example(
        ProjectFile(Policy(max_lines=10, never_touch=("src/generated/**",))),
        "no fix could be that small",
        ("policy", "max_lines"),
        0,
    ),
    "protocol": Example(
        Call(1, "cargo.check", CheckParams({"src/main.rs": _AFTER})),
        "no such tool",
        ("method",),
        "shell.run",
    ),
    "provenance": Example(
        Provenance(
            name="semver",
            version="1.0.14",
            kind="crate",
            licence="MIT OR Apache-2.0",
            source="debian:librust-semver-dev",
            sha256=canonical.sha_of(b"the archive"),
            admitted=True,
            reason="both licences are permissive",
        ),
        "nothing is admitted without a licence",
        ("licence",),
        "",
    ),
    "trace": Example(_steps()[2], "a probability is at most 1", ("p",), 1.5),
    "triplet": Example(
        Triplet(
            broken={"src/main.rs": _BROKEN.decode()},
            diagnostic=_DIAGNOSTIC,
            fix=evolve(_PATCH, minimality=None, result=None, rollback=None),
            klass=ErrorClass.MOVES,
            operator="drop-borrow",
            edition="2021",
            split="train",
            provenance=(canonical.sha_of(b"the ledger's entry"),),
        ),
        "nothing is learned from what has no source",
        ("provenance",),
        [],
    ),
}
