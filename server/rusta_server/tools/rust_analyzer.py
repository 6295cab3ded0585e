"""A small client of rust-analyzer without an editor, for the command line and for measurements.

Paths are relative to the root that was given at the start, offsets are bytes: `start` asks rust-analyzer
for utf-8 positions, so a column is a number of bytes.
"""

import contextlib
import itertools
import json
import os
import queue
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from attrs import field, frozen

from ..errors import RustaError

Json = Any

REQUEST_TIMEOUT_S = 10.0
_SHUTDOWN_TIMEOUT_S = 2.0
# Answers that mean "the text has changed under the question, ask again".
_CONTENT_MODIFIED, _SERVER_CANCELLED = -32801, -32802
_N_RETRIES = 5
_RETRY_PAUSE_S = 0.05


class AnalyzerError(RustaError):
    """rust-analyzer ended, did not answer in time, or answered with an error."""


@frozen
class TextEdit:
    """Replace the bytes [start, end) of the file ``path`` by ``text``."""

    path: str
    start: int
    end: int
    text: bytes


@frozen
class Action:
    """A quick fix or an assist that rust-analyzer offers.

    Attributes:
        id: rust-analyzer's own name for it, such as ``auto_import``; empty if it does not say.
        kind: ``quickfix``, ``refactor.rewrite``, …
        edits: what it changes; empty until it is resolved.
    """

    id: str
    title: str
    kind: str
    edits: tuple[TextEdit, ...] = ()
    raw: Mapping[str, Json] = field(factory=dict, eq=False, repr=False)


Wanted = Callable[[Action], bool]


def lone_files(files: Mapping[Path, str], sysroot_src: Path | None) -> Json:
    """A project of files that belong to no cargo workspace; ``files`` gives the edition of each."""
    crates = [
        {"root_module": str(path), "edition": edition, "deps": [], "cfg": ["test", "debug_assertions"]}
        for path, edition in files.items()
    ]
    project: dict[str, Json] = {"crates": crates}
    if sysroot_src is not None:
        project["sysroot_src"] = str(sysroot_src)
    return project


class Analyzer:
    """A running rust-analyzer. Use it as a context manager: its process group is dead afterwards.

    Questions come from one thread at a time.
    """

    def __init__(self, child: "subprocess.Popen[bytes]", root: Path) -> None:
        self._child, self._root = child, root
        self._ids = itertools.count(1)
        self._answers: queue.Queue[Json] = queue.Queue()
        self._sent: dict[str, tuple[int, bytes]] = {}
        self._on_disk: dict[str, bytes | None] = {}
        self._published: dict[str, list[Json]] = {}
        self._ready = threading.Event()
        self._ended = threading.Event()
        self._write_lock = threading.Lock()
        self._reader = threading.Thread(target=self._read, name="rust-analyzer", daemon=True)
        self._pulls = False

    @classmethod
    def start(
        cls,
        root: Path,
        command: Sequence[str],
        *,
        environment: Mapping[str, str] | None = None,
        project: Json = None,
    ) -> "Analyzer":
        """Start rust-analyzer on the workspace in ``root`` and shake hands with it.

        Args:
            command: the program, perhaps behind a launcher.
            environment: added to ours (RUST_SRC_PATH, where the std sources lie elsewhere).
            project: a project description such as `lone_files` makes, in place of the Cargo.toml.

        Raises:
            AnalyzerError: it does not start or does not answer.
        """
        try:
            child = subprocess.Popen(
                list(command),
                cwd=root,
                env={**os.environ, **(environment or {}), "CARGO_NET_OFFLINE": "true"},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        except OSError as error:
            raise AnalyzerError(
                f"{command[0]} does not start: {error.strerror}.", hint="rusta doctor"
            ) from error
        analyzer = cls(child, root.resolve())
        analyzer._reader.start()
        try:
            analyzer._initialize(project)
        except BaseException:
            analyzer.close()
            raise
        return analyzer

    def __enter__(self) -> "Analyzer":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, stack: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Ask it to leave, then make sure."""
        if self._child.poll() is None:
            with contextlib.suppress(AnalyzerError, OSError):
                self.request("shutdown", None, timeout_s=_SHUTDOWN_TIMEOUT_S)
                self._notify("exit", None)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._child.pid, signal.SIGKILL)
        self._child.wait()
        self._reader.join(_SHUTDOWN_TIMEOUT_S)
        for pipe in (self._child.stdin, self._child.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()

    def wait_until_ready(self, timeout_s: float) -> bool:
        """Wait until it has read the workspace; whether it has."""
        deadline = time.monotonic() + timeout_s
        while not self._ready.wait(0.02):
            if self._ended.is_set() or time.monotonic() > deadline:
                return False
        return True

    # Texts

    def show(self, path: str, text: bytes) -> None:
        """Let it see ``text`` as the content of ``path``; nothing is sent if that is what it sees."""
        known = self._sent.get(path)
        if known is not None:
            if known[1] != text:
                self.change(path, text)
        elif self._disk(path) != text:
            self.open(path, text)

    def open(self, path: str, text: bytes) -> None:
        """Open a document, as an editor would."""
        document = {"uri": self._uri(path), "languageId": "rust", "version": 1, "text": text.decode()}
        self._sent[path] = (1, text)
        self._notify("textDocument/didOpen", {"textDocument": document})

    def change(self, path: str, text: bytes) -> None:
        """Replace the text of an open document."""
        version = self._sent[path][0] + 1
        self._sent[path] = (version, text)
        self._notify(
            "textDocument/didChange",
            {
                "textDocument": {"uri": self._uri(path), "version": version},
                "contentChanges": [{"text": text.decode()}],
            },
        )

    # Questions

    def diagnostics(self, path: str) -> list[Json]:
        """rust-analyzer's own diagnostics of a file, as it sends them (columns are bytes).

        Raises:
            AnalyzerError: no answer.
        """
        if not self._pulls:
            return self._published.get(path, [])
        answer = self.request("textDocument/diagnostic", {"textDocument": {"uri": self._uri(path)}})
        items: list[Json] = (answer or {}).get("items", [])
        return items

    def actions(self, path: str, start: int, end: int, wanted: Wanted = lambda action: True) -> list[Action]:
        """The resolved quick fixes and assists at the bytes [start, end), in rust-analyzer's order.

        Args:
            wanted: asked before an action's edits are computed, which takes time.

        Raises:
            AnalyzerError: no answer to the list; an action that cannot be resolved is left out.
        """
        text = self._text(path)
        params = {
            "textDocument": {"uri": self._uri(path)},
            "range": {"start": _position(text, start), "end": _position(text, end)},
            "context": {"diagnostics": [], "triggerKind": 1},
        }
        listed = self.request("textDocument/codeAction", params) or []
        found = []
        for raw in listed:
            action = _action(raw)
            if not wanted(action):
                continue
            try:
                resolved = raw if "edit" in raw else self.request("codeAction/resolve", raw)
                edits = self._edits((resolved or {}).get("edit"))
            except AnalyzerError:
                if self._ended.is_set():
                    raise
                continue
            if edits:
                found.append(Action(action.id, action.title, action.kind, edits, raw))
        return found

    def request(self, method: str, params: Json, *, timeout_s: float = REQUEST_TIMEOUT_S) -> Json:
        """Ask and wait; the question is asked again if the text changed under it.

        Raises:
            AnalyzerError: an error, silence, or the end of the process.
        """
        error: Json = {}
        for attempt in range(_N_RETRIES):
            answer = self._ask(method, params, timeout_s)
            if "error" not in answer:
                return answer.get("result")
            error = answer["error"]
            if error.get("code") not in (_CONTENT_MODIFIED, _SERVER_CANCELLED):
                break
            time.sleep(_RETRY_PAUSE_S * (attempt + 1))
        raise AnalyzerError(f"rust-analyzer: {error.get('message')} ({method})")

    # Below the questions

    def _initialize(self, project: Json) -> None:
        options: dict[str, Json] = {
            "checkOnSave": False,
            "cachePriming": {"enable": False},
            "diagnostics": {"experimental": {"enable": True}},
            "cargo": {"buildScripts": {"enable": False}},
            "procMacro": {"enable": False},
        }
        if project is not None:
            options["linkedProjects"] = [project]
        resolve = {"properties": ["edit"]}
        capabilities = {
            "general": {"positionEncodings": ["utf-8"]},
            # Without resource operations one action that makes a file turns the whole list into an error.
            "workspace": {
                "workspaceEdit": {
                    "documentChanges": True,
                    "resourceOperations": ["create", "rename", "delete"],
                }
            },
            "textDocument": {
                "codeAction": {
                    "codeActionLiteralSupport": {"codeActionKind": {"valueSet": ["quickfix", "refactor"]}},
                    "dataSupport": True,
                    "resolveSupport": resolve,
                },
                "diagnostic": {},
                "hover": {"contentFormat": ["markdown"]},
            },
            "experimental": {"serverStatusNotification": True, "snippetTextEdit": False},
        }
        answer = self.request(
            "initialize",
            {
                "processId": os.getpid(),
                "rootUri": self._root.as_uri(),
                "workspaceFolders": [{"uri": self._root.as_uri(), "name": self._root.name}],
                "capabilities": capabilities,
                "initializationOptions": options,
            },
        )
        offered = answer["capabilities"]
        if offered.get("positionEncoding") != "utf-8":
            raise AnalyzerError(
                "this rust-analyzer does not speak utf-8 positions.", hint="rusta setup --again"
            )
        self._pulls = "diagnosticProvider" in offered
        self._notify("initialized", {})

    def _ask(self, method: str, params: Json, timeout_s: float) -> dict[str, Json]:
        number = next(self._ids)
        message = {"jsonrpc": "2.0", "id": number, "method": method}
        self._write(message if params is None else {**message, "params": params})
        deadline = time.monotonic() + timeout_s
        while True:
            try:
                answer = self._answers.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                self._notify("$/cancelRequest", {"id": number})
                raise AnalyzerError(
                    f"rust-analyzer did not answer {method} within {timeout_s:g} s."
                ) from None
            if answer is None:
                self._answers.put(None)
                raise AnalyzerError(f"rust-analyzer ended while it was asked {method}.", hint="rusta doctor")
            if answer.get("id") == number:
                return dict(answer)
            # A late answer to a question that was given up.

    def _notify(self, method: str, params: Json) -> None:
        message = {"jsonrpc": "2.0", "method": method}
        self._write(message if params is None else {**message, "params": params})

    def _write(self, message: Json) -> None:
        body = json.dumps(message).encode()
        assert self._child.stdin is not None
        try:
            with self._write_lock:
                self._child.stdin.write(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))
                self._child.stdin.flush()
        except (OSError, ValueError) as error:
            raise AnalyzerError("rust-analyzer has ended.", hint="rusta doctor") from error

    def _read(self) -> None:
        """The reader thread: answers into the queue, the rest where it belongs."""
        assert self._child.stdout is not None
        try:
            while (message := _read_message(self._child.stdout)) is not None:
                if "method" not in message:
                    self._answers.put(message)
                elif "id" in message:
                    self._write({"jsonrpc": "2.0", "id": message["id"], "result": _reply(message)})
                else:
                    self._take_note(message["method"], message.get("params") or {})
        except (OSError, ValueError, AnalyzerError):
            pass
        self._ended.set()
        self._answers.put(None)

    def _take_note(self, method: str, params: Mapping[str, Json]) -> None:
        if method == "experimental/serverStatus" and params.get("quiescent"):
            self._ready.set()
        elif method == "textDocument/publishDiagnostics":
            path = self._path(params["uri"])
            if path is not None:
                self._published[path] = params["diagnostics"]

    def _edits(self, workspace_edit: Json) -> tuple[TextEdit, ...]:
        """The edits in bytes; none if one lies outside the root or makes, moves or removes a file."""
        if not workspace_edit:
            return ()
        changes = [(uri, edits) for uri, edits in (workspace_edit.get("changes") or {}).items()]
        for change in workspace_edit.get("documentChanges") or ():
            if "textDocument" not in change:
                return ()
            changes.append((change["textDocument"]["uri"], change["edits"]))
        found = []
        for uri, edits in changes:
            path = self._path(uri)
            if path is None:
                return ()
            text = self._text(path)
            for edit in edits:
                start, end = (_offset(text, edit["range"][side]) for side in ("start", "end"))
                found.append(TextEdit(path, start, end, edit["newText"].encode()))
        return tuple(found)

    def _text(self, path: str) -> bytes:
        sent = self._sent.get(path)
        text = sent[1] if sent is not None else self._disk(path)
        if text is None:
            raise AnalyzerError(f"{path} cannot be read.")
        return text

    def _disk(self, path: str) -> bytes | None:
        if path not in self._on_disk:
            try:
                self._on_disk[path] = (self._root / path).read_bytes()
            except OSError:
                self._on_disk[path] = None
        return self._on_disk[path]

    def _uri(self, path: str) -> str:
        return self._root.as_uri() + "/" + quote(path)

    def _path(self, uri: str) -> str | None:
        path = Path(unquote(urlsplit(uri).path))
        return path.relative_to(self._root).as_posix() if path.is_relative_to(self._root) else None


def _action(raw: Mapping[str, Json]) -> Action:
    data = raw.get("data")
    # "auto_import:QuickFix:0:" – the name comes first.
    name = data["id"].split(":")[0] if isinstance(data, dict) and isinstance(data.get("id"), str) else ""
    return Action(name, raw.get("title", ""), raw.get("kind") or "", (), raw)


def _reply(message: Mapping[str, Json]) -> Json:
    """Answers to rust-analyzer's own questions: nothing is configured, everything is registered."""
    if message["method"] == "workspace/configuration":
        return [None for _ in (message.get("params") or {}).get("items", ())]
    return None


def _read_message(stream: Any) -> dict[str, Json] | None:  # noqa: ANN401  a buffered binary pipe
    """One message, or None at the end of the stream.

    Raises:
        ValueError: what came is not a message.
    """
    length: int | None = None
    while line := stream.readline():
        if line == b"\r\n":
            if length is None:
                raise ValueError("a message without a length")
            body = stream.read(length)
            if len(body) < length:
                return None
            message = json.loads(body)
            if not isinstance(message, dict):
                raise ValueError("not a message")
            return message
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
    return None


def _position(text: bytes, offset: int) -> dict[str, int]:
    line_start = text.rfind(b"\n", 0, offset) + 1
    return {"line": text.count(b"\n", 0, offset), "character": offset - line_start}


def _offset(text: bytes, position: Mapping[str, int]) -> int:
    start = 0
    for _ in range(position["line"]):
        newline = text.find(b"\n", start)
        if newline < 0:
            return len(text)
        start = newline + 1
    end = text.find(b"\n", start)
    return min(start + position["character"], len(text) if end < 0 else end)
