"""The JSON Schemas (2020-12) of the contracts."""

import inspect
import re
from typing import Any

from .registry import Contract

DIALECT = "https://json-schema.org/draft/2020-12/schema"

Json = dict[str, Any]


def schema(contract: Contract) -> Json:
    """The schema of a contract; what it says of types and fields comes from their docstrings."""
    shape = contract.shape()
    definitions = shape.pop("$defs")
    for definition in definitions.values():
        _describe(definition)
        _require_constants(definition)
    return {
        "$schema": DIALECT,
        "$id": f"urn:rusta:{contract.name}:{contract.version}",
        "title": contract.name,
        "x-version": contract.version,
        **_bare(shape),
        "$defs": _bare(dict(sorted(definitions.items()))),
    }


_ATTRIBUTE = re.compile(r"^ {4}(\w+(?:, \w+)*): ", re.MULTILINE)
_SENTENCE_END = re.compile(r"(?<=[.!?])\s")


def _describe(definition: Json) -> None:
    """Put a docstring's first sentence at the type, and what it says of fields at these."""
    head, _, fields = (
        inspect.cleandoc(definition.get("description", "")).replace("``", "`").partition("\n\nAttributes:\n")
    )
    if head:
        definition["description"] = " ".join(_SENTENCE_END.split(head)[0].split())
    _, *parts = _ATTRIBUTE.split(fields)
    for names, text in zip(parts[::2], parts[1::2], strict=True):
        for name in names.split(", "):
            definition["properties"][name].setdefault("description", " ".join(text.split()))


def _require_constants(definition: Json) -> None:
    """A field that can have one value only says what the document is, so it is never left out."""
    constant = [
        name for name, part in definition.get("properties", {}).items() if len(part.get("enum", ())) == 1
    ]
    if constant:
        definition["required"] = sorted({*definition["required"], *constant})


def _bare(part: Any) -> Any:  # noqa: ANN401  JSON
    """As plain JSON, without what is OpenAPI's own."""
    if isinstance(part, dict):
        return {key: _bare(value) for key, value in part.items() if key != "discriminator"}
    return [_bare(value) for value in part] if isinstance(part, list | tuple) else part
