"""Who may speak with the trace server: this user, from this machine, with the token.

A web page in the user's browser must not. It cannot read the token; it cannot claim our origin; and a name
that was made to point at 127.0.0.1 (DNS rebinding) shows in the Host header.
"""

import hmac
import json
from collections.abc import Iterable
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

PROTOCOL = "rusta.v1"
_OPEN_PATHS = frozenset(("/", "/openapi.json"))
_HEADERS = (
    (b"cache-control", b"no-store"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"cross-origin-resource-policy", b"same-origin"),
)


class Guard:
    """ASGI middleware that lets only the right requests through.

    Args:
        token: what a client has to show, as ``Authorization: Bearer`` or, for WebSockets, as the
            subprotocol ``token.…`` beside ``rusta.v1``.
        hosts: the values of the Host header that mean this server.
        max_body_n_bytes: longer bodies are refused.
    """

    def __init__(self, app: ASGIApp, *, token: str, hosts: Iterable[str], max_body_n_bytes: int) -> None:
        self.app, self.token = app, token
        self.hosts = frozenset(host.lower() for host in hosts)
        self.max_body_n_bytes = max_body_n_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check, then pass on."""
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        refusal = self._refusal(scope, headers)
        if refusal is not None:
            await _refuse(scope, receive, send, *refusal)
            return
        if scope["type"] == "websocket":
            await self.app(scope, receive, send)
            return
        await self.app(scope, _Limited(receive, self.max_body_n_bytes), _with_headers(send))

    def _refusal(self, scope: Scope, headers: dict[str, str]) -> tuple[int, str] | None:
        if headers.get("host", "").lower() not in self.hosts:
            return 421, "This server answers under its own address only."
        origin = headers.get("origin")
        if origin is not None and origin.lower().removeprefix("http://") not in self.hosts:
            return 403, "Requests of other sites are refused."
        if headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
            return 403, "Requests of other sites are refused."
        if not headers.get("content-length", "0").isdigit():
            return 400, "Content-Length is no number."
        if int(headers.get("content-length", "0")) > self.max_body_n_bytes:
            return 413, f"At most {self.max_body_n_bytes} bytes are read."
        if scope["path"] not in _OPEN_PATHS and not self._knows_token(headers):
            return 401, "Send the token: Authorization: Bearer TOKEN. `rusta trace serve` says where it is."
        return None

    def _knows_token(self, headers: dict[str, str]) -> bool:
        shown = headers.get("authorization", "").removeprefix("Bearer ").strip()
        if not shown:
            offered = [part.strip() for part in headers.get("sec-websocket-protocol", "").split(",")]
            shown = next((part.removeprefix("token.") for part in offered if part.startswith("token.")), "")
        return hmac.compare_digest(shown.encode(), self.token.encode())


class TooLong(Exception):
    """A body went on beyond what was announced and allowed."""


class _Limited:
    """`receive` that ends a body which is longer than allowed."""

    def __init__(self, receive: Receive, n_bytes: int) -> None:
        self.receive, self.left = receive, n_bytes

    async def __call__(self) -> Message:
        message = await self.receive()
        if message["type"] == "http.request":
            self.left -= len(message.get("body", b""))
            if self.left < 0:
                raise TooLong
        return message


def _with_headers(send: Send) -> Send:
    async def patched(message: Message) -> None:
        if message["type"] == "http.response.start":
            present = {name for name, _ in message["headers"]}
            more = [header for header in _HEADERS if header[0] not in present]
            message = {**message, "headers": [*message["headers"], *more]}
        await send(message)

    return patched


def problem(status: int, detail: str, **more: Any) -> bytes:  # noqa: ANN401  JSON
    """The body of a refusal: problem details (RFC 9457)."""
    titles = {
        400: "Bad request",
        401: "No or wrong token",
        403: "Forbidden",
        404: "Not found",
        405: "Method not allowed",
        409: "Conflict",
        413: "Too long",
        415: "Wrong kind of content",
        421: "Wrong address",
        422: "Not valid",
        429: "Too much at once",
        500: "An error of Rusta's own",
    }
    return json.dumps(
        {"title": titles.get(status, "Error"), "status": status, "detail": detail, **more}
    ).encode()


async def _refuse(scope: Scope, receive: Receive, send: Send, status: int, detail: str) -> None:
    if scope["type"] == "websocket":
        await receive()  # the connect
        await send({"type": "websocket.close", "code": 1008, "reason": detail[:100]})
        return
    body = problem(status, detail)
    headers = [
        (b"content-type", b"application/problem+json"),
        (b"content-length", str(len(body)).encode()),
        *_HEADERS,
    ]
    if status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
