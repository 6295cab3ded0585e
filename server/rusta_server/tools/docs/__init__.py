"""The documentation on this machine: what is there, what is asked of it, and anchors into it.

This is the navigator's whole public surface; the modules beside it are its inside.
"""

from .anchor import Anchor, Block, Resolution, Section, State, anchor
from .first_paragraph import anchor_for, html_folder

__all__ = ["Anchor", "Block", "Resolution", "Section", "State", "anchor", "anchor_for", "html_folder"]
