"""One working day of an editor in a minute: everything a person does with Rusta, over one transport."""

import asyncio
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from attrs import define, field

from rusta_server.lsp.convert import LineIndex

from .client import Message, RecordingClient
from .declared import Capabilities

Json = Any

LIBRARY = "src/lib.rs"
CRATE = {
    "Cargo.toml": '[package]\nname = "demo"\nversion = "0.1.0"\nedition = "2021"\n',
    LIBRARY: """\
//! Zählt 🦀 und 中文.
/// Wie oft ein Wort vorkommt.
pub fn frequency( words: &[String], wanted: &str ) -> Option<usize> {
    let /* 😀 */ count = 0;
    for word in words {
        if word.starts_with(wanted) {
            count += 1;
        }
    }
    Some(count)
}
""",
}
BROKEN, FIXED = "/* 😀 */ count = 0", "/* 😀 */ mut count = 0"
CODE = "E0384"
PROVEN_WITHIN_S = 600
ENDS_WITHIN_S = 120
ASK_AGAIN_S = 0.1

# Everything there is to ask without a declared capability; the rest is asked of the profiles that declare it.
OPTIONAL = {
    "textDocument/semanticTokens/full": "textDocument.semanticTokens",
    "textDocument/inlayHint": "textDocument.inlayHint",
    "textDocument/diagnostic": "textDocument.diagnostic",
    "textDocument/prepareRename": "textDocument.rename.prepareSupport",
    "completionItem/resolve": "textDocument.completion.completionItem.resolveSupport",
}


@define
class Recording:
    """What happened.

    Attributes:
        said: the client's capabilities.
        messages: everything that went over the wire, in order.
        malformed: answers that are no objects of the protocol.
        seen: what a person would have seen, by name.
        log: the server's log file.
        warnings: what pytest-lsp's own checks found.
        exit_code: of the server.
    """

    said: dict[str, Json]
    messages: list[Message] = field(factory=list)
    malformed: list[str] = field(factory=list)
    seen: dict[str, Json] = field(factory=dict)
    log: str = ""
    warnings: list[str] = field(factory=list)
    exit_code: int | None = None


async def record(profile: dict[str, Json], transport: str, folder: Path, cache: Path) -> Recording:
    """Play the session with a server of its own.

    Args:
        profile: `clientInfo` and `capabilities`, as the editor sends them in `initialize`.
        transport: stdio, tcp or ws.
        folder: an empty folder, for the crate.
        cache: the user's cache folder, with the index of the documentation.
    """
    root = folder / "demo"
    for name, text in CRATE.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    recording = Recording(profile["capabilities"])
    client = RecordingClient()
    recording.messages, recording.malformed = client.messages_seen, client.malformed
    env = {**os.environ, "XDG_CACHE_HOME": str(cache), "TMPDIR": str(folder)}
    server = await _connect(client, transport, env)
    try:
        await _Editor(client, root, profile, recording.seen).work()
        client.tell("exit", None)
        async with asyncio.timeout(ENDS_WITHIN_S):
            await client.until_closed()
        if transport != "stdio":
            server.terminate()  # it goes on to listen for others
        async with asyncio.timeout(ENDS_WITHIN_S):
            recording.exit_code = await server.wait()
    finally:
        if server.returncode is None:
            server.terminate()
            await server.wait()
        await client.stop()
    (log,) = (cache / "rusta/logs").glob(f"*-{server.pid}.log")
    recording.log = log.read_text()
    return recording


async def _connect(
    client: RecordingClient, transport: str, env: dict[str, str]
) -> asyncio.subprocess.Process:
    """Start a server and connect to it."""
    serve = [sys.executable, "-m", "rusta_server", "serve"]
    if transport == "stdio":
        await client.start_io(*serve, env=env)
        assert client._server is not None
        return client._server
    server = await asyncio.create_subprocess_exec(
        *serve,
        f"--{transport}",
        "127.0.0.1:0",
        stdin=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        env=env,
    )
    assert server.stderr is not None
    async with asyncio.timeout(60):
        line = (await server.stderr.readline()).decode()
    (port,) = re.findall(r"127\.0\.0\.1:(\d+)", line)
    connect = client.start_tcp if transport == "tcp" else client.start_ws
    await connect("127.0.0.1", int(port))
    return server


class _Editor:
    """The person and their editor: one document, and what is done with it."""

    def __init__(
        self, client: RecordingClient, root: Path, profile: dict[str, Json], seen: dict[str, Json]
    ) -> None:
        self._client = client
        self._root = root
        self._profile = profile
        self._capabilities = Capabilities(profile["capabilities"])
        self._seen = seen
        self._file = root / LIBRARY
        self._uri = self._file.as_uri()
        self._text = self._file.read_text()
        self._version = 1
        self._encoding = "utf-16"

    async def work(self) -> None:
        """Everything, from `initialize` to `shutdown`."""
        await self._begin()
        await self._read()
        offer = await self._search()
        await self._fix(offer)
        await self._explain(offer)
        await self._change()
        self._seen["shutdown"] = await self._client.ask("shutdown", None)

    async def _begin(self) -> None:
        client = self._client
        options = {
            "rusta": {"runTests": False},
            # Less to wait for.
            "cachePriming": {"enable": False},
            "completion": {"autoimport": {"enable": False}},
            "procMacro": {"enable": False},
            "cargo": {"buildScripts": {"enable": False}},
        }
        client.set_configuration({"rust-analyzer": options})
        client.capabilities = _structured(client, self._profile["capabilities"])
        result = await client.ask(
            "initialize",
            {
                "processId": os.getpid(),
                "rootUri": self._root.as_uri(),
                "workspaceFolders": [{"uri": self._root.as_uri(), "name": "demo"}],
                "initializationOptions": options,
                **self._profile,
            },
        )
        self._encoding = result["capabilities"].get("positionEncoding", "utf-16")
        self._seen["server"] = result["capabilities"]
        client.tell("initialized", {})
        item = {"uri": self._uri, "languageId": "rust", "version": 1, "text": self._text}
        client.tell("textDocument/didOpen", {"textDocument": item})

    async def _read(self) -> None:
        """Look around in the code."""
        ask, seen = self._client.ask, self._seen
        seen["hover"] = await self._until(
            "textDocument/hover", self._at("Option<"), lambda hover: hover and "“" in str(hover)
        )
        seen["definition"] = await ask("textDocument/definition", self._at("Option<"))
        seen["references"] = await ask(
            "textDocument/references", {**self._at("count)"), "context": {"includeDeclaration": True}}
        )
        seen["symbols"] = await ask("textDocument/documentSymbol", self._document())
        seen["signature"] = await ask("textDocument/signatureHelp", self._at("wanted) {"))
        completion = await ask("textDocument/completion", self._at("starts_with"))
        seen["completion"] = completion["items"] if isinstance(completion, dict) else completion
        data = [item for item in seen["completion"] if item.get("data")]
        if data and self._may_ask("completionItem/resolve"):
            await ask("completionItem/resolve", data[0])
        if self._may_ask("textDocument/semanticTokens/full"):
            seen["tokens"] = await ask("textDocument/semanticTokens/full", self._document())
        if self._may_ask("textDocument/inlayHint"):
            whole = {"start": self._position(""), "end": {"line": self._text.count("\n"), "character": 0}}
            seen["hints"] = await ask("textDocument/inlayHint", {**self._document(), "range": whole})
        seen["formatting"] = await ask(
            "textDocument/formatting",
            {**self._document(), "options": {"tabSize": 4, "insertSpaces": True}},
        )

    async def _search(self) -> Json:
        """Wait for the squiggle, then search for fixes on demand: once cancelled, once not."""
        client = self._client
        if self._may_ask("textDocument/diagnostic"):
            await client.ask("textDocument/diagnostic", self._document())
        await client.until(lambda: self._errors(CODE), "the check's error", PROVEN_WITHIN_S)
        self._seen["diagnostics"] = self._errors(CODE)
        command = {"command": "rusta.proposePatch", "arguments": [self._document()]}
        id, answer = client.start_asking("workspace/executeCommand", command)
        client.tell("$/cancelRequest", {"id": id})
        async with asyncio.timeout(PROVEN_WITHIN_S):
            self._seen["cancelled"] = await answer
        proposed = await client.ask("workspace/executeCommand", command)
        self._seen["offers"] = proposed["offers"]
        return proposed["offers"][0]

    async def _fix(self, offer: Json) -> None:
        """Take the fix from the lightbulb if the editor has one, else from the command."""
        errors = self._errors(CODE)
        params = {
            **self._document(),
            "range": {"start": errors[0]["range"]["start"], "end": errors[0]["range"]["start"]},
            "context": {"diagnostics": errors},
        }
        actions = await self._client.ask("textDocument/codeAction", params)
        ours = [action for action in actions or () if "rusta" in (action.get("data") or {})]
        self._seen["actions"] = actions or []
        self._seen["ours"] = [action["title"] for action in actions or () if "[V2" in action["title"]]
        edit = offer["edit"]
        if self._seen["ours"]:
            action = next(action for action in actions if action["title"] == self._seen["ours"][0])
            if "edit" not in action:
                action = await self._client.ask("codeAction/resolve", ours[0])
            edit = action["edit"]
        self._apply(edit)
        self._seen["fixed"] = self._text
        self._file.write_text(self._text)
        self._client.tell("textDocument/didSave", self._document())
        await self._client.until(lambda: not self._errors(CODE), "a check without the error", PROVEN_WITHIN_S)

    async def _explain(self, offer: Json) -> None:
        """The commands for those who want to know more."""
        for argument in (CODE, self._at("Option<")):
            explained = await self._client.ask(
                "workspace/executeCommand", {"command": "rusta.explain", "arguments": [argument]}
            )
            self._seen.setdefault("explained", []).append(explained)
        page = next(anchor for anchor in offer["anchors"] if anchor.startswith("error_codes/"))
        self._seen["opened"] = await self._client.ask(
            "workspace/executeCommand", {"command": "rusta.openCitation", "arguments": [page]}
        )

    async def _change(self) -> None:
        """Rename, and look whether it still compiles."""
        place = self._at("count)")
        if self._may_ask("textDocument/prepareRename"):
            await self._client.ask("textDocument/prepareRename", place)
        self._apply(await self._client.ask("textDocument/rename", {**place, "newName": "anzahl"}))
        self._seen["renamed"] = self._text

    def _may_ask(self, method: str) -> bool:
        return self._capabilities.has(OPTIONAL[method])

    async def _until(self, method: str, params: Json, condition: Callable[[Json], object]) -> Json:
        """The first result that meets the condition: the index or rust-analyzer may not be ready yet."""
        async with asyncio.timeout(PROVEN_WITHIN_S):
            while not condition(result := await self._client.ask(method, params)):
                await asyncio.sleep(ASK_AGAIN_S)
        return result

    def _errors(self, code: str) -> list[Json]:
        said = [p for p in self._client.told("textDocument/publishDiagnostics") if p["uri"] == self._uri]
        return [d for d in said[-1]["diagnostics"] if d.get("code") == code] if said else []

    def _document(self) -> dict[str, Json]:
        return {"textDocument": {"uri": self._uri}}

    def _position(self, needle: str, inside: int = 0) -> dict[str, int]:
        offset = len(self._text[: self._text.index(needle) + inside].encode())
        return LineIndex(self._text.encode(), self._encoding).position(offset)

    def _at(self, needle: str) -> dict[str, Json]:
        return {**self._document(), "position": self._position(needle, 1)}

    def _apply(self, edit: Json) -> None:
        """Apply a workspace edit to the document, and tell the server, as an editor does."""
        index = LineIndex(self._text.encode(), self._encoding)
        if "documentChanges" in edit:
            (change,) = edit["documentChanges"]
            assert change["textDocument"]["uri"] == self._uri
            assert change["textDocument"]["version"] in (None, self._version)
            edits = change["edits"]
        else:
            ((uri, edits),) = edit["changes"].items()
            assert uri == self._uri
        data = self._text.encode()
        for one in sorted(edits, key=lambda e: index.offset(e["range"]["start"]), reverse=True):
            start, end = (index.offset(one["range"][side]) for side in ("start", "end"))
            data = data[:start] + one["newText"].encode() + data[end:]
        self._text = data.decode()
        self._version += 1
        self._client.tell(
            "textDocument/didChange",
            {
                "textDocument": {"uri": self._uri, "version": self._version},
                "contentChanges": [{"text": self._text}],
            },
        )


def _structured(client: RecordingClient, capabilities: Json) -> Any:
    from lsprotocol.types import ClientCapabilities

    return client.protocol._converter.structure(capabilities, ClientCapabilities)
