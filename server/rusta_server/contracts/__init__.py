"""What the parts say to each other and keep for later, as types, from which the schemas are made."""

from .registry import CONTRACTS, BadDocument, Contract, read, write

__all__ = ["CONTRACTS", "BadDocument", "Contract", "read", "write"]
