"""The trace server: jobs, traces and their live streams for programs and browsers on this machine."""

import asyncio
import base64
import hashlib
import io
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from importlib.resources import files
from typing import Any

from attrs import asdict, frozen
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.types import ASGIApp
from starlette.websockets import WebSocket, WebSocketDisconnect

from ..errors import RustaError
from . import canonical, script
from .check import check
from .foreign import HoldsSecrets, secrets_in
from .guard import PROTOCOL, Guard, TooLong, problem
from .jobs import Full, Job, Jobs
from .ledger import Ledger, begin_id, is_id, read, read_file, write_whole
from .live import follow
from .openapi import GREATEST, document
from .record import BadTrace, Step, to_line

MAX_BODY_N_BYTES = 16 << 20
_PAGE = 1000
Handler = Callable[[Request], Awaitable[Response]]
_MOST_TRACES = 200


@frozen
class Abilities:
    """What the server can do beyond reading traces; given by who starts it.

    Attributes:
        anchor: an anchor by its id, as JSON, or None.
        replay: play a trace back by its id; returns JSON.
    """

    anchor: Callable[[str], Mapping[str, Any] | None]
    replay: Callable[[str], Mapping[str, Any]]


def app(ledger: Ledger, jobs: Jobs, abilities: Abilities, *, token: str, hosts: tuple[str, ...]) -> ASGIApp:
    """The ASGI application.

    Args:
        token: see `Guard`.
        hosts: the ``host:port`` under which it is reached.
    """
    server = _Server(ledger, jobs, abilities)
    routes = [
        Route("/", server.page, methods=["GET"]),
        Route("/openapi.json", server.openapi, methods=["GET"]),
        Route("/job", server.add_job, methods=["POST"]),
        Route("/jobs", server.list_jobs, methods=["GET"]),
        _route("/job/{id}", GET=server.get_job, DELETE=server.cancel_job),
        _route("/traces", GET=server.list_traces, POST=server.ingest),
        Route("/traces/{id}", server.get_trace, methods=["GET"]),
        Route("/payloads/{sha}", server.get_payload, methods=["GET"]),
        Route("/anchors/{id:path}", server.get_anchor, methods=["GET"]),
        Route("/replay/{id}", server.replay, methods=["POST"]),
        Route("/stream", server.stream_events, methods=["GET"]),
        WebSocketRoute("/stream", server.stream_socket),
    ]
    inner = Starlette(
        routes=routes,
        exception_handlers={
            HTTPException: _on_http,
            HoldsSecrets: _on_secrets,
            BadTrace: _on_bad_trace,
            RustaError: _on_rusta,
            TooLong: _on_too_long,
            Exception: _on_bug,
        },
    )
    return Guard(inner, token=token, hosts=hosts, max_body_n_bytes=MAX_BODY_N_BYTES)


def _route(path: str, **handlers: Handler) -> Route:
    """One path with a handler for each method."""

    async def choose(request: Request) -> Response:
        method = "GET" if request.method == "HEAD" else request.method
        return await handlers[method](request)

    return Route(path, choose, methods=list(handlers))


class _Server:
    """The handlers of one application."""

    def __init__(self, ledger: Ledger, jobs: Jobs, abilities: Abilities) -> None:
        self.ledger, self.jobs, self.abilities = ledger, jobs, abilities

    async def page(self, request: Request) -> Response:
        html, policy = _page()
        return HTMLResponse(html, headers={"content-security-policy": policy})

    async def openapi(self, request: Request) -> Response:
        return JSONResponse(document(sorted(self.jobs.kinds)))

    # Jobs.

    async def add_job(self, request: Request) -> Response:
        body = await _json_object(request)
        kind, arguments = body.get("kind"), body.get("arguments", {})
        if not isinstance(kind, str) or kind not in self.jobs.kinds:
            kinds = ", ".join(sorted(self.jobs.kinds))
            raise HTTPException(422, f"`kind` must be one of {kinds}.")
        if not isinstance(arguments, dict):
            raise HTTPException(422, "`arguments` must be an object.")
        try:
            job = self.jobs.add(kind, arguments)
        except Full as error:
            raise HTTPException(429, str(error)) from error
        return JSONResponse(_job(job), 202, headers={"location": f"/job/{job.id}"})

    async def list_jobs(self, request: Request) -> Response:
        return JSONResponse({"jobs": [_job(job) for job in self.jobs.all()]})

    async def get_job(self, request: Request) -> Response:
        return JSONResponse(_job(_found(self.jobs.get(_number(request.path_params["id"])), "job")))

    async def cancel_job(self, request: Request) -> Response:
        return JSONResponse(_job(_found(self.jobs.cancel(_number(request.path_params["id"])), "job")))

    # Traces.

    async def list_traces(self, request: Request) -> Response:
        _only(request, "limit", "before")
        limit = _query_number(request, "limit", default=50, least=1, most=_MOST_TRACES)
        before = request.query_params.get("before")
        if before is not None and not is_id(before):
            raise HTTPException(422, "`before` must be the id of a trace.")
        ids = await run_in_threadpool(self.ledger.ids)
        older = [id for id in ids if before is None or id < before][::-1]
        page = older[:limit]
        told = await run_in_threadpool(lambda: [self.ledger.summary(id) for id in page])
        return JSONResponse({"traces": told, "next": page[-1] if len(older) > limit else None})

    async def get_trace(self, request: Request) -> Response:
        _only(request, "from", "limit")
        start = _query_number(request, "from", default=0)
        limit = _query_number(request, "limit", default=_PAGE, least=1, most=_PAGE)
        path = self._path(request.path_params["id"])

        def load() -> tuple[list[dict[str, Any]], bool]:
            steps: list[dict[str, Any]] = []
            for step in read(path, start=start):
                if len(steps) == limit:
                    return steps, True
                steps.append(asdict(step))
            return steps, False

        steps, more = await run_in_threadpool(load)
        next_ = start + len(steps) if more else None
        return JSONResponse({"id": path.stem, "steps": steps, "next": next_})

    async def ingest(self, request: Request) -> Response:
        if _content_type(request) != "application/x-ndjson":
            raise HTTPException(415, "Send a trace as application/x-ndjson.")
        _only(request, "keep_secrets")
        keep_secrets = _query_switch(request, "keep_secrets")
        data = await request.body()
        steps = await run_in_threadpool(_checked_steps, data)
        if not keep_secrets and (found := await run_in_threadpool(secrets_in, data, steps)):
            raise HoldsSecrets(
                "The trace", found, hint="Take it out before the steps are hashed, or send keep_secrets=true."
            )
        id = begin_id()
        await run_in_threadpool(write_whole, self.ledger.path(id), data)
        answer = {"id": id, "n_steps": len(steps), "head": steps[-1].sha}
        return JSONResponse(answer, 201, headers={"location": f"/traces/{id}"})

    async def get_payload(self, request: Request) -> Response:
        sha = request.path_params["sha"]
        if not re.fullmatch(r"[0-9a-f]{64}", sha):
            raise HTTPException(404, "No such payload.")
        if not self.ledger.has_blob(sha):
            raise HTTPException(404, "No such payload.")
        value = await run_in_threadpool(self.ledger.blob, sha)
        return Response(canonical.encode(value), media_type="application/json")

    async def get_anchor(self, request: Request) -> Response:
        found = await run_in_threadpool(self.abilities.anchor, request.path_params["id"])
        return JSONResponse(_found(found, "anchor"))

    async def replay(self, request: Request) -> Response:
        path = self._path(request.path_params["id"])
        return JSONResponse(await run_in_threadpool(self.abilities.replay, path.stem))

    # Streams.

    async def stream_events(self, request: Request) -> Response:
        """Server-sent events; a client that comes back sends the last id it saw."""
        _only(request, "trace", "from")
        last = request.headers.get("last-event-id", "")
        start = (
            int(last) + 1 if last.isdigit() and len(last) < 11 else _query_number(request, "from", default=0)
        )
        path = self._path(request.query_params.get("trace", ""))
        stop = asyncio.Event()

        async def events() -> AsyncIterator[bytes]:
            idle = 0
            try:
                async for step in follow(path, start=start, stop=stop):
                    if step is not None:
                        idle = 0
                        yield b"id: %d\nevent: step\ndata: %s\n\n" % (step.seq, to_line(step).rstrip())
                    elif (idle := idle + 1) % 50 == 0:
                        yield b": still here\n\n"
            except (BadTrace, OSError) as error:  # OSError: it was cleared away meanwhile
                yield b"event: broken\ndata: %s\n\n" % json.dumps(str(error)).encode()
            finally:
                stop.set()

        return StreamingResponse(events(), media_type="text/event-stream")

    async def stream_socket(self, socket: WebSocket) -> None:
        """The same over a WebSocket: a step a message."""
        offered = [part.strip() for part in socket.headers.get("sec-websocket-protocol", "").split(",")]
        start = socket.query_params.get("from", "0")
        try:
            path = self._path(socket.query_params.get("trace", ""))
            number = int(start) if start.isdigit() and len(start) < 11 else _bad("`from` must be a number.")
        except (RustaError, HTTPException) as error:
            await socket.close(1008, str(getattr(error, "detail", error))[:100])
            return
        await socket.accept(subprotocol=PROTOCOL if PROTOCOL in offered else None)
        stop = asyncio.Event()
        listening = asyncio.create_task(_until_gone(socket, stop))
        try:
            async for step in follow(path, start=number, stop=stop):
                if step is not None:
                    await socket.send_text(to_line(step).decode().rstrip())
        except (BadTrace, OSError) as error:
            await socket.close(1011, str(error)[:100])
        except (WebSocketDisconnect, RuntimeError):
            pass
        finally:
            stop.set()
            listening.cancel()

    def _path(self, id: str) -> Any:  # noqa: ANN401  Path
        try:
            path = self.ledger.path(id)
        except BadTrace as error:
            raise HTTPException(404, "No such trace.") from error
        if not path.is_file():
            raise HTTPException(404, "No such trace.")
        return path


async def _until_gone(socket: WebSocket, stop: asyncio.Event) -> None:
    try:
        while (await socket.receive())["type"] != "websocket.disconnect":
            pass
    finally:
        stop.set()


def _checked_steps(data: bytes) -> list[Step]:
    if not data.endswith(b"\n"):
        raise BadTrace("the last line is not whole")
    steps = list(read_file(io.BytesIO(data)))
    if not steps:
        raise BadTrace("the trace is empty")
    faults = check(script.of_steps(steps)).faults
    if faults:
        raise BadTrace("; ".join(f"step {fault.line - 2}: {fault.what}" for fault in faults[:5]))
    return steps


def _job(job: Job) -> dict[str, Any]:
    return {**asdict(job), "id": job.id, "status": str(job.status)}


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 11 else -1


def _query_number(request: Request, name: str, *, default: int, least: int = 0, most: int = GREATEST) -> int:
    text = request.query_params.get(name)
    if text is None:
        return default
    number = _number(text)
    if not least <= number <= most:
        raise HTTPException(422, f"`{name}` must be a number between {least} and {most}.")
    return number


def _query_switch(request: Request, name: str) -> bool:
    text = request.query_params.get(name, "false")
    if text not in ("true", "false"):
        raise HTTPException(422, f"`{name}` must be true or false.")
    return text == "true"


def _only(request: Request, *names: str) -> None:
    unknown = next((name for name in request.query_params if name not in names), None)
    if unknown is not None:
        raise HTTPException(422, f"There is no parameter {unknown[:40]!r}.")


def _bad(detail: str) -> int:
    raise HTTPException(422, detail)


def _found(value: Any, what: str) -> Any:  # noqa: ANN401
    if value is None:
        raise HTTPException(404, f"No such {what}.")
    return value


def _content_type(request: Request) -> str:
    return request.headers.get("content-type", "").split(";")[0].strip().lower()


async def _json_object(request: Request) -> dict[str, Any]:
    if _content_type(request) != "application/json":
        raise HTTPException(415, "Send application/json.")
    try:
        body = canonical.decode(await request.body())
    except ValueError as error:
        raise HTTPException(400, f"This is no JSON: {error}.") from error
    if not isinstance(body, dict):
        raise HTTPException(422, "Send a JSON object.")
    return body


def _problem(
    status: int,
    detail: str,
    headers: Mapping[str, str] | None = None,
    **more: Any,  # noqa: ANN401  JSON
) -> Response:
    return Response(
        problem(status, detail, **more), status, dict(headers or {}), media_type="application/problem+json"
    )


async def _on_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return _problem(error.status_code, error.detail, error.headers)


async def _on_bad_trace(request: Request, error: Exception) -> Response:
    return _problem(422, str(error))


async def _on_secrets(request: Request, error: Exception) -> Response:
    assert isinstance(error, HoldsSecrets)
    return _problem(422, f"{error} {error.hint}", secrets=[asdict(one) for one in error.secrets])


async def _on_rusta(request: Request, error: Exception) -> Response:
    hint = getattr(error, "hint", None)
    return _problem(409, f"{error} {hint or ''}".strip())


async def _on_too_long(request: Request, error: Exception) -> Response:
    return _problem(413, f"At most {MAX_BODY_N_BYTES} bytes are read.")


async def _on_bug(request: Request, error: Exception) -> Response:
    return _problem(500, "The log of the server has more.")


def _page() -> tuple[str, str]:
    """The page with its script and style inside, and a policy that allows only these."""
    folder = files(__package__).joinpath("page")
    style = folder.joinpath("page.css").read_text(encoding="utf-8")
    code = folder.joinpath("page.js").read_text(encoding="utf-8")
    html = folder.joinpath("page.html").read_text(encoding="utf-8")
    html = html.replace("/* style */", style).replace("/* script */", code)
    policy = (
        "default-src 'none'; connect-src 'self'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'; "
        f"script-src 'sha256-{_hash(code)}'; style-src 'sha256-{_hash(style)}'; img-src data:"
    )
    return html, policy


def _hash(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
