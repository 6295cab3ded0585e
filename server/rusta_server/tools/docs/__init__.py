"""The documentation on this machine: what is there, what is asked of it, and anchors into it.

This is the navigator's whole public surface; the modules beside it are its inside.
"""

from .anchor import Anchor, Block, Resolution, Section, State, anchor
from .build import build
from .reason import anchor_for
from .store import Docs, NoDocs, NotIndexed, open_docs
from .toolchain import REMEDY, Toolchain, toolchain

__all__ = [
    "REMEDY",
    "Anchor",
    "Block",
    "Docs",
    "NoDocs",
    "NotIndexed",
    "Resolution",
    "Section",
    "State",
    "Toolchain",
    "anchor",
    "anchor_for",
    "build",
    "open_docs",
    "toolchain",
]
