"""No client is asked or told what it has not declared, whatever it declares and however it is connected.

Each file in `profiles/` is what a real editor sends in `initialize` (`record.py` writes it; LSP4IJ's is read
off its source). To test one more, add its file. The session is played once for each profile and transport,
with the real rust-analyzer and the real cargo; the tests look at what it left behind.
"""

import asyncio
import json
import re
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest
import pytest_lsp
from pytest_lsp import LspSpecificationWarning

from .declared import Capabilities, unanswered, violations
from .session import BROKEN, CODE, CRATE, FIXED, LIBRARY, Recording, record

OWN = Path(__file__).with_name("profiles")
SHIPPED = Path(pytest_lsp.__file__).with_name("clients")
PROFILES = {path.stem: path for path in [*sorted(OWN.glob("*.json")), SHIPPED / "neovim_v0.11.0.json"]}
TRANSPORTS = ("stdio", "tcp", "ws")

# What rust-analyzer does to clients that have not declared it, with Rusta in between or without.
OF_RUST_ANALYZER = {
    ("workspace/diagnostic/refresh", "workspace.diagnostics.refreshSupport"),
    *(
        ("textDocument/publishDiagnostics", f"textDocument.publishDiagnostics.{name}")
        for name in ("versionSupport", "relatedInformation", "codeDescriptionSupport", "dataSupport")
    ),
    *(
        ("textDocument/signatureHelp", f"textDocument.signatureHelp.signatureInformation.{name}")
        for name in ("activeParameterSupport", "documentationFormat")
    ),
    *(
        (method, f"textDocument.completion.completionItem.{name}")
        for method in ("textDocument/completion", "completionItem/resolve")
        for name in ("documentationFormat", "preselectSupport", "deprecatedSupport", "tagSupport.valueSet")
    ),
    *(
        (method, "workspace.workspaceEdit.documentChanges")
        for method in ("textDocument/rename", "textDocument/codeAction", "codeAction/resolve")
    ),
}
TOKENS_OF_RUST_ANALYZER = re.compile(r"Duplicate progress token: '(rustAnalyzer/|rust-analyzer/)")

# Twenty-one sessions with the real rust-analyzer: five minutes.
pytestmark = pytest.mark.editors

Played = Callable[[str, str], Recording]


@pytest.fixture(scope="session")
def played(docs, tmp_path_factory: pytest.TempPathFactory) -> Played:
    """The recording of a session, played when it is wanted for the first time."""
    cache = tmp_path_factory.mktemp("cache")
    (cache / "rusta").mkdir()
    (cache / "rusta/docs").symlink_to(docs.path.parent)
    recordings: dict[tuple[str, str], Recording] = {}

    def play(name: str, transport: str) -> Recording:
        if (name, transport) not in recordings:
            profile = json.loads(PROFILES[name].read_text())
            folder = tmp_path_factory.mktemp(transport)
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always", LspSpecificationWarning)
                recording = asyncio.run(record(profile, transport, folder, cache))
            recording.warnings = [str(w.message) for w in caught if w.category is LspSpecificationWarning]
            recordings[name, transport] = recording
        return recordings[name, transport]

    return play


@pytest.fixture(
    params=[
        pytest.param(
            (name, transport), id=f"{name}-{transport}", marks=pytest.mark.xdist_group(name + transport)
        )
        for name in PROFILES
        for transport in TRANSPORTS
    ],
    scope="session",
)
def recording(request: pytest.FixtureRequest, played: Played) -> Recording:
    return played(*request.param)


def test_nothing_is_used_that_the_client_has_not_declared(recording: Recording):
    found = violations(recording.said, recording.messages)
    assert [
        str(one) for one in found if one.is_ours or (one.method, one.need.capability) not in OF_RUST_ANALYZER
    ] == []
    assert [said for said in recording.warnings if not TOKENS_OF_RUST_ANALYZER.match(said)] == []


def test_every_request_of_either_side_is_answered_once(recording: Recording):
    assert unanswered(recording.messages) == []


def test_every_message_is_one_of_the_protocol(recording: Recording):
    assert recording.malformed == []


def test_the_logs_are_free_of_errors(recording: Recording):
    written = [
        line for line in recording.log.splitlines() if re.match(r"[\d-]+ [\d:,]+ (ERROR|CRITICAL)", line)
    ]
    assert written == []
    said = [
        message.body["params"]
        for message in recording.messages
        if message.from_server and message.body.get("method") in ("window/logMessage", "window/showMessage")
    ]
    assert [params for params in said if params["type"] == 1] == []


def test_a_person_gets_all_that_they_ask_for(recording: Recording, docs):
    seen, client = recording.seen, Capabilities(recording.said)
    text = CRATE[LIBRARY]
    assert "Option" in str(seen["hover"])
    # Plain text has no links: there the source is named with its address on the web.
    links = client.has("textDocument.hover.contentFormat", "markdown")
    assert (docs.html.as_uri() if links else "https://doc.rust-lang.org/") in str(seen["hover"])
    assert seen["definition"]
    assert len(seen["references"]) == 3
    assert "frequency" in [symbol["name"] for symbol in seen["symbols"]]
    assert seen["signature"]["signatures"]
    assert any(item["label"].startswith("starts_with") for item in seen["completion"])
    assert [edit["newText"] for edit in seen["formatting"]] == ["", ""]
    if client.get("textDocument.semanticTokens"):
        assert len(seen["tokens"]["data"]) % 5 == 0
        assert seen["tokens"]["data"]
    if client.get("textDocument.inlayHint"):
        assert seen["hints"]

    assert {error["code"] for error in seen["diagnostics"]} == {CODE}
    assert "RequestCancelled" in str(seen["cancelled"]) or seen["cancelled"]["error"]["code"] == -32800
    assert seen["offers"][0]["level"] == "V2"
    # A client that knows no code actions but commands gets the fix by the command.
    assert bool(seen["ours"]) == bool(client.get("textDocument.codeAction.codeActionLiteralSupport"))
    fixed = text.replace(BROKEN, FIXED)
    assert seen["fixed"] == fixed
    assert all(explained["anchors"] for explained in seen["explained"])
    assert seen["opened"]["uri"].startswith(docs.html.as_uri())
    assert seen["opened"]["shown"] == bool(client.get("window.showDocument.support"))
    assert seen["renamed"] == re.sub(r"\bcount\b", "anzahl", fixed)
    assert recording.exit_code == 0


def test_no_progress_is_called_after_the_machinery(recording: Recording):
    shown = [
        message.body["params"]["value"]["title"]
        for message in recording.messages
        if message.from_server and message.body.get("method") == "$/progress"
        if message.body["params"]["value"].get("kind") == "begin"
    ]
    assert bool(shown) == bool(Capabilities(recording.said).has("window.workDoneProgress"))
    assert [title for title in shown if "relay" in title or "python" in title] == []


def test_links_to_this_machine_are_for_those_who_can_follow_them(recording: Recording):
    """rust-analyzer links codes for everybody, Rusta only where a client has declared it."""
    said = [message.body for message in recording.messages if message.from_server]
    # What came before it was known where the pages are is pushed again with links.
    pushed = [
        found
        for b in said
        if b.get("method") == "textDocument/publishDiagnostics"
        if (found := [one for one in b["params"]["diagnostics"] if one.get("code") == CODE])
    ][-1:]
    pulled = [
        b["result"]["items"] for b in said if "kind" in (b.get("result") or {}) and "items" in b["result"]
    ]
    links = [
        diagnostic.get("codeDescription", {}).get("href", "")
        for diagnostics in pushed + pulled
        for diagnostic in diagnostics
        if diagnostic.get("code") == CODE
    ]
    declared = Capabilities(recording.said).has("textDocument.publishDiagnostics.codeDescriptionSupport")
    assert {link.startswith("file:///") for link in links} == {declared}
