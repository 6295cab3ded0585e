"""JSON-RPC envelopes: peek at id and method, patch single members, leave every other byte alone."""

import re
from enum import IntEnum
from typing import Any

import msgspec
from msgspec import UNSET, Raw, UnsetType

from ..session import Id


class Code(IntEnum):
    """Error codes of JSON-RPC and LSP."""

    PARSE_ERROR = -32700
    NOT_INITIALIZED = -32002
    INVALID_REQUEST = -32600
    METHOD_NOT_FOUND = -32601
    INTERNAL_ERROR = -32603
    REQUEST_CANCELLED = -32800
    REQUEST_FAILED = -32803


class Envelope(msgspec.Struct, gc=False):
    """What routing needs to know of a message. ``id`` is UNSET in a notification."""

    id: int | str | UnsetType | None = UNSET
    method: str | None = None


class Malformed(ValueError):
    """The body is not a JSON-RPC message."""


_envelope = msgspec.json.Decoder(Envelope)
_members = msgspec.json.Decoder(dict[str, Raw])
encode = msgspec.json.Encoder().encode
decode = msgspec.json.decode

_ID = re.compile(rb'"id"\s*:\s*(-?\d{1,18}|"(?:[^"\\]|\\.)*")')
_BODY = re.compile(rb'"(?:params|result|error)"\s*:')


def peek(body: bytes) -> Envelope:
    """Read id and method; the rest is checked for syntax and skipped, never built.

    Raises:
        Malformed: not JSON, or not an object.
    """
    try:
        return _envelope.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Malformed(str(error)) from error


def guess(head: bytes) -> tuple[Id | None, bool]:
    """The id in the first bytes of a broken message, if it shows, and whether it looks like a request."""
    outer = _BODY.split(head, maxsplit=1)[0]
    found = _ID.search(outer)
    if found is None:
        return None, b'"method"' in outer
    try:
        id = decode(found.group(1))
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None, False
    return id, b'"method"' in outer


def members(body: bytes) -> dict[str, Raw]:
    """The message's members, each still as it was sent."""
    return _members.decode(body)


def member(body: bytes, name: str) -> Any:  # noqa: ANN401  JSON
    """One decoded member; None where it is absent."""
    raw = members(body).get(name)
    return None if raw is None else decode(raw)


def replace(body: bytes, **changed: object) -> bytes:
    """The message with some members changed and every other one as it was sent."""
    return encode({**members(body), **changed})


def request(id: Id, method: str, params: object = None) -> bytes:
    """A request; without params when they are None."""
    message = {"jsonrpc": "2.0", "id": id, "method": method}
    return encode(message if params is None else {**message, "params": params})


def notification(method: str, params: object = None) -> bytes:
    """A notification; without params when they are None."""
    message = {"jsonrpc": "2.0", "method": method}
    return encode(message if params is None else {**message, "params": params})


def response(id: Id, result: object) -> bytes:
    """A successful answer."""
    return encode({"jsonrpc": "2.0", "id": id, "result": result})


def error(id: Id | None, code: int, message: str) -> bytes:
    """An answer that says what went wrong."""
    return encode({"jsonrpc": "2.0", "id": id, "error": {"code": int(code), "message": message}})
