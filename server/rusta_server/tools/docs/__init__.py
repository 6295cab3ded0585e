"""The documentation on this machine: what is there, what is asked of it, and anchors into it.

This is the navigator's whole public surface; the modules beside it are its inside.
"""

from .anchor import Anchor, Block, Resolution, Section, State, anchor
from .build import build
from .explained import Explained
from .search import Hit, Query
from .store import Docs, NoDocs, NotIndexed, open_docs
from .toolchain import REMEDY, Toolchain, toolchain

__all__ = [
    "REMEDY",
    "Anchor",
    "Block",
    "Docs",
    "Explained",
    "Hit",
    "NoDocs",
    "NotIndexed",
    "Query",
    "Resolution",
    "Section",
    "State",
    "Toolchain",
    "anchor",
    "build",
    "open_docs",
    "toolchain",
]
