"""What texts and numbers of records must look like: schemas say it, and whoever reads a record checks it."""

from typing import Annotated

from msgspec import Meta

Sha256 = Annotated[str, Meta(pattern="^[0-9a-f]{64}$", max_length=64)]
TraceId = Annotated[str, Meta(pattern="^[0-9]{8}T[0-9]{6}-[0-9a-f]{8}$", max_length=24)]
Count = Annotated[int, Meta(ge=0)]
Probability = Annotated[float, Meta(ge=0, le=1)]
Text = Annotated[str, Meta(min_length=1)]
# Relative to the workspace, with `/` between its parts; never out of it.
RelativePath = Annotated[str, Meta(pattern=r"^(?!/)(?!(?:[^\\]*/)?\.\.(?:/|$))[^\\\u0000]+$", min_length=1)]
# A semantic version: of a package, a toolchain, a plugin.
Version = Annotated[str, Meta(pattern=r"^[0-9]+\.[0-9]+\.[0-9]+(?:[-+][0-9A-Za-z.+-]+)?$", max_length=64)]
