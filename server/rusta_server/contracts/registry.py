"""All contracts by name: their versions and types, and reading and writing what they describe."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from attrs import frozen

from ..errors import RustaError
from ..tools.docs.anchor import Anchor
from ..trace import canonical
from ..trace.jobs import Job
from ..trace.record import Step
from . import protocol
from .dataset import Card, Provenance, Triplet
from .golden import Golden
from .graph import Graph
from .memory import Bundle
from .metrics import Report
from .patch import Patch
from .plugin import Manifest
from .policy import ProjectFile


class BadDocument(RustaError):
    """A text, or a value, is not what its contract says."""


@frozen
class Contract:
    """What one kind of document is like.

    Attributes:
        version: semantic; see docs/adr/0007.
        types: of its values.
        convert: makes a value of JSON; raises ValueError where it does not fit.
        shape: makes the JSON Schema of `convert`.
    """

    name: str
    version: str
    types: tuple[type, ...]
    convert: Callable[[Any], Any]
    shape: Callable[[], dict[str, Any]]


def _of(name: str, version: str, type_: type) -> Contract:
    return Contract(
        name,
        version,
        (type_,),
        lambda raw: msgspec.convert(raw, type_),
        lambda: msgspec.json.schema(type_),
    )


CONTRACTS: Mapping[str, Contract] = {
    contract.name: contract
    for contract in (
        _of("anchor", "1.0.0", Anchor),
        _of("bundle", "1.0.0", Bundle),
        _of("card", "1.0.0", Card),
        _of("golden", "1.0.0", Golden),
        _of("graph", "1.0.0", Graph),
        _of("job", "1.0.0", Job),
        _of("metrics", "1.0.0", Report),
        _of("patch", "1.0.0", Patch),
        _of("plugin", "1.0.0", Manifest),
        _of("policy", "1.1.0", ProjectFile),
        Contract(
            "protocol",
            "1.1.0",
            (protocol.Call, protocol.Answer, protocol.Failure),
            protocol.convert,
            protocol.shape,
        ),
        _of("provenance", "1.0.0", Provenance),
        _of("trace", "1.0.0", Step),
        _of("triplet", "1.0.0", Triplet),
    )
}


def read(name: str, text: bytes) -> Any:  # noqa: ANN401  a value of the contract's type
    """Read a document. Fields that are not known are passed over.

    Raises:
        BadDocument: it is no JSON, or not what the contract says; the message names the place.
    """
    try:
        return CONTRACTS[name].convert(canonical.decode(text))
    except (ValueError, RecursionError) as error:
        raise BadDocument(f"{name}: {error}") from error


def write(value: object) -> bytes:
    """The canonical JSON of a value, which fits its contract.

    Raises:
        BadDocument: it does not fit, or is of no contract.
    """
    contract = next((one for one in CONTRACTS.values() if type(value) in one.types), None)
    if contract is None:
        raise BadDocument(f"no contract is about {type(value).__name__}")
    try:
        plain = msgspec.to_builtins(value, order="sorted")
        _require_finite(plain)
        contract.convert(plain)
        return canonical.encode(plain)
    except (ValueError, TypeError, RecursionError) as error:
        raise BadDocument(f"{contract.name}: {error}") from error


def _require_finite(plain: Any) -> None:  # noqa: ANN401  JSON
    """JSON has no infinity; the encoder would write null without a word."""
    match plain:
        case float() if not math.isfinite(plain):
            raise ValueError(f"not a finite number: {plain}")
        case dict():
            for part in plain.values():
                _require_finite(part)
        case list() | tuple():
            for part in plain:
                _require_finite(part)
