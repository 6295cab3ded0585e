"""The project graph: what is defined in a project and how it hangs together."""

from enum import StrEnum
from typing import Literal

from attrs import frozen

from ..shapes import Count, RelativePath, Sha256, Text


class NodeKind(StrEnum):
    """What a node stands for."""

    CRATE = "crate"
    MODULE = "module"
    STRUCT = "struct"
    ENUM = "enum"
    UNION = "union"
    TRAIT = "trait"
    IMPL = "impl"
    FN = "fn"
    CONST = "const"
    STATIC = "static"
    TYPE = "type"
    MACRO = "macro"


class EdgeKind(StrEnum):
    """How one symbol depends on another."""

    DEFINES = "defines"
    USES = "uses"
    CALLS = "calls"
    IMPLEMENTS = "implements"
    BOUNDS = "bounds"


@frozen
class Place:
    """A piece of source: the bytes [start, end) of a file."""

    path: RelativePath
    start: Count
    end: Count


@frozen
class Node:
    """A symbol.

    Attributes:
        id: stays the same when the symbol moves: `semver::Version::parse`.
        name: the last part of it.
        place: None for a crate, and for what is not in the workspace.
        sha256: of its source; another one means that it was changed.
    """

    id: Text
    kind: NodeKind
    name: Text
    place: Place | None = None
    sha256: Sha256 | None = None


@frozen
class Edge:
    """One symbol depends on another; both are given by their ids."""

    source: Text
    target: Text
    kind: EdgeKind


@frozen
class Graph:
    """The graph of a project.

    Attributes:
        v: the version of this format.
        project: its name.
    """

    project: Text
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    v: Literal[1] = 1
