"""What a plugin says of itself. It gets nothing that is not granted."""

from enum import StrEnum
from typing import Annotated, Literal

from attrs import frozen
from msgspec import Meta

from ..shapes import Count, RelativePath, Sha256, Text, Version


class Grant(StrEnum):
    """What a plugin may ask for; all of it only reads."""

    FILES = "files.read"
    DIAGNOSTICS = "diagnostics.read"
    DOCS = "docs.search"
    INDEX = "index.query"


@frozen
class Limits:
    """What a call may use.

    Attributes:
        fuel: instructions.
        memory_bytes: memory.
        time_s: seconds.
    """

    fuel: Count
    memory_bytes: Count
    time_s: Annotated[float, Meta(gt=0)]


@frozen
class Manifest:
    """A plugin.

    Attributes:
        v: the version of this format.
        abi: the version of the interface it was made for.
        licence: an SPDX expression.
        module: the WebAssembly file beside the manifest.
        sha256: of that file.
        tools: the tools it offers, named like Rusta's own.
        grants: what it asks for; the person decides.
    """

    name: Annotated[str, Meta(pattern="^[a-z][a-z0-9-]*$", max_length=64)]
    version: Version
    abi: Version
    licence: Text
    module: RelativePath
    sha256: Sha256
    tools: Annotated[
        tuple[Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*$")], ...], Meta(min_length=1)
    ]
    limits: Limits
    grants: tuple[Grant, ...] = ()
    v: Literal[1] = 1
