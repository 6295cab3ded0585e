"""Rusta: a local Rust programmer that lives in the editor."""

__version__ = "0.1.0"
