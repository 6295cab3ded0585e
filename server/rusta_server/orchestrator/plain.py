"""Rusta's values as plain JSON and back, for traces.

Bytes become text where they are UTF-8, else ``{"base64": …}``. What never enters a decision stays out: the
compiler's rendered text, and the package id, which holds a path of this machine.
"""

import base64
from typing import Any, TypeVar

import attrs
import cattrs
from cattrs.gen import make_dict_structure_fn, make_dict_unstructure_fn, override

from ..candidates import Candidate
from ..patch.edit import Edit
from ..patch.shadow import NoTests, Tested
from ..tools.diagnostic import Checked, CouldNotCheck, Diagnostic, Span
from ..tools.process import Cancelled, TimedOut

T = TypeVar("T")

_OUTCOMES: dict[str, type] = {
    "checked": Checked,
    "could_not_check": CouldNotCheck,
    "timed_out": TimedOut,
    "cancelled": Cancelled,
    "tested": Tested,
    "no_tests": NoTests,
}


def to_plain(value: Any) -> Any:  # noqa: ANN401  JSON
    """A value as dicts, lists, strings and numbers."""
    return _CONVERTER.unstructure(value)


def from_plain(value: Any, kind: type[T]) -> T:  # noqa: ANN401  JSON
    """Read what `to_plain` wrote.

    Raises:
        cattrs.BaseValidationError: it is something else.
    """
    return _CONVERTER.structure(value, kind)


def outcome_to_plain(outcome: object) -> dict[str, Any]:
    """The outcome of a check or of a test run, with its kind."""
    name = next(name for name, kind in _OUTCOMES.items() if isinstance(outcome, kind))
    return {"outcome": name, **to_plain(outcome)}


def outcome_from_plain(value: dict[str, Any]) -> Any:  # noqa: ANN401  one of `_OUTCOMES`
    """Read what `outcome_to_plain` wrote.

    Raises:
        KeyError: no such kind of outcome.
    """
    rest = {key: item for key, item in value.items() if key != "outcome"}
    return from_plain(rest, _OUTCOMES[value["outcome"]])


def text_of(data: bytes) -> str | dict[str, str]:
    """Bytes as JSON."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(data).decode()}


def bytes_of(value: str | dict[str, str]) -> bytes:
    """Read what `text_of` wrote."""
    return value.encode() if isinstance(value, str) else base64.b64decode(value["base64"], validate=True)


def _converter() -> cattrs.Converter:
    converter = cattrs.Converter()
    converter.register_unstructure_hook(bytes, text_of)
    converter.register_structure_hook(bytes, lambda value, _: bytes_of(value))
    attrs.resolve_types(Diagnostic)  # its children are of its own class
    converter.register_unstructure_hook(
        Diagnostic,
        make_dict_unstructure_fn(
            Diagnostic,
            converter,
            _cattrs_omit_if_default=True,
            rendered=override(omit=True),
            package=override(omit=True),
        ),
    )
    converter.register_structure_hook(
        Diagnostic,
        make_dict_structure_fn(
            Diagnostic, converter, rendered=override(omit=True), package=override(omit=True)
        ),
    )
    for kind in (Span, Candidate, Edit):
        converter.register_unstructure_hook(
            kind, make_dict_unstructure_fn(kind, converter, _cattrs_omit_if_default=True)
        )
    return converter


_CONVERTER = _converter()
