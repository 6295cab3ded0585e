"""Where edits come from. Everything here proposes; nothing here knows whether it is right.

A source is a function from a `Context` to candidates, one module each, registered in `SOURCES` below.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property

import tree_sitter
import tree_sitter_rust
from attrs import define, field, frozen

from ..patch.edit import Edit
from ..tools.diagnostic import Diagnostic

LANGUAGE = tree_sitter.Language(tree_sitter_rust.language())
_CALL_LIKE_MACRO = re.compile(
    rb"\b(println|print|eprintln|eprint|format|write|writeln|panic|assert|assert_eq|assert_ne|debug_assert"
    rb"|debug_assert_eq|debug_assert_ne|dbg)!\("
)


@frozen
class Score:
    """What the byte model thinks of an edit: natural logarithms of probabilities.

    Attributes:
        total: of the whole edit.
        mean: of its tokens, on average.
        least: of the token that the model would have expected least.
    """

    total: float
    mean: float
    least: float


@frozen
class Candidate:
    """A proposed edit for one diagnostic.

    Attributes:
        source: where it comes from: ``rustc``, ``assist``, ``rule/<name>``, ``model``, or ``rustc+model``
            where the model filled a hole of the compiler's suggestion.
        title: what it does, in the imperative: "Borrow `name` instead of moving it".
        prior: the chance, before any check, that this is what the programmer meant (0 to 1); it orders
            the checks.
        has_placeholder: the text contains a hole like `/* value */` that somebody must fill.
        score: the byte model's opinion, if it was asked.
    """

    source: str
    title: str
    edits: tuple[Edit, ...]
    prior: float = 0.5
    has_placeholder: bool = False
    score: Score | None = None


@define(slots=False)
class Source:
    """One file as it was checked: its bytes and, made on first use, its syntax tree."""

    path: str
    text: bytes = field(repr=False)

    @cached_property
    def tree(self) -> tree_sitter.Tree:
        """The syntax tree; broken code has ERROR and MISSING nodes."""
        return tree_sitter.Parser(LANGUAGE).parse(self.text)

    @cached_property
    def expanded(self) -> tree_sitter.Tree:
        """The tree of the same text in which the usual macros are calls, so that their arguments are parsed.

        `println!(…)` is read as `println_(…)`: the offsets stay the same. `syntax.text_of` undoes it.
        """
        return tree_sitter.Parser(LANGUAGE).parse(_CALL_LIKE_MACRO.sub(rb"\1_(", self.text))

    @property
    def root(self) -> tree_sitter.Node:
        """The tree's root node."""
        return self.tree.root_node

    def node_at(self, start: int, end: int) -> tree_sitter.Node:
        """The smallest named node that covers the bytes [start, end)."""
        return self.root.named_descendant_for_byte_range(start, end) or self.root

    def slice(self, node: tree_sitter.Node) -> str:
        """The text of `node`."""
        return self.text[node.start_byte : node.end_byte].decode(errors="replace")


@frozen
class Context:
    """What a source may look at: one diagnostic, its siblings, and the files as they were checked.

    Attributes:
        files: workspace-relative path → `Source`, loaded when looked up; raises KeyError for a path
            outside the workspace.
        edition: of the package, ``2015`` to ``2024``.
    """

    diagnostic: Diagnostic
    siblings: Sequence[Diagnostic]
    files: Mapping[str, Source]
    edition: str = "2021"


Propose = Callable[[Context], Iterable[Candidate]]
Rank = Callable[[Context, Sequence[Candidate]], Sequence[Candidate]]
"""Takes what others propose and gives it back with better priors and with candidates of its own."""
