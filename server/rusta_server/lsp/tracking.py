"""What rust-analyzer set up at the editor, noted so that it can be taken back when rust-analyzer dies."""

import logging
from typing import Any

import msgspec

from ..session import Session
from . import jsonrpc

log = logging.getLogger(__name__)

PROGRESS = "$/progress"
DIAGNOSTICS = "textDocument/publishDiagnostics"
REGISTER = "client/registerCapability"
UNREGISTER = "client/unregisterCapability"


class _Kind(msgspec.Struct):
    kind: str = ""


class _ProgressParams(msgspec.Struct):
    token: int | str
    value: _Kind | Any = None


class _Progress(msgspec.Struct):
    params: _ProgressParams


class _PublishParams(msgspec.Struct):
    uri: str


class _Publish(msgspec.Struct):
    params: _PublishParams


_progress = msgspec.json.Decoder(_Progress)
_publish = msgspec.json.Decoder(_Publish)


def note_notification(session: Session, method: str, body: bytes) -> None:
    """Keep the session's books for a notification of rust-analyzer."""
    try:
        if method == DIAGNOSTICS:
            session.published.add(_publish.decode(body).params.uri)
        elif method == PROGRESS:
            params = _progress.decode(body).params
            kind = params.value.get("kind") if isinstance(params.value, dict) else None
            token = jsonrpc.encode(params.token).decode()
            if kind == "begin":
                session.progress.add(token)
            elif kind == "end":
                session.progress.discard(token)
    except msgspec.DecodeError as error:
        log.warning("a %s of an unknown shape: %s", method, error)


def note_registration(session: Session, method: str, params: Any) -> None:  # noqa: ANN401  JSON
    """Keep the session's books for a dynamic (un)registration."""
    if method == REGISTER:
        for registration in params.get("registrations", ()):
            session.registrations[registration["id"]] = registration["method"]
    else:
        # The protocol's own spelling.
        for registration in params.get("unregisterations", ()):
            session.registrations.pop(registration["id"], None)


def take_back(session: Session) -> list[bytes]:
    """The messages to the editor that undo what a dead rust-analyzer left there."""
    messages = [
        jsonrpc.notification(
            PROGRESS,
            {"token": jsonrpc.decode(token), "value": {"kind": "end", "message": "rust-analyzer crashed"}},
        )
        for token in sorted(session.progress)
    ]
    messages += [
        jsonrpc.notification(DIAGNOSTICS, {"uri": uri, "diagnostics": []})
        for uri in sorted(session.published)
    ]
    if session.registrations:
        old = [{"id": id, "method": method} for id, method in session.registrations.items()]
        messages.append(jsonrpc.request(session.next_id(), UNREGISTER, {"unregisterations": old}))
    session.progress.clear()
    session.published.clear()
    session.registrations.clear()
    session.asked.clear()
    return messages
