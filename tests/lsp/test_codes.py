"""Codes of diagnostics link to this machine's pages, where the editor can follow."""

import asyncio
import threading

import pytest

from rusta_server.lsp import features, library
from rusta_server.lsp.library import Library

ABLE = {"textDocument": {"publishDiagnostics": {"codeDescriptionSupport": True}}}
WEB = {"href": "https://doc.rust-lang.org/error-index.html#E0382"}
PLACE = {"start": {"line": 0, "character": 0}, "end": {"line": 0, "character": 1}}


def diagnostic(code, **more) -> dict:
    return {"range": PLACE, "severity": 1, "code": code, "source": "rustc", "message": "é", **more}


KNOWN = [
    (
        diagnostic("E0382", codeDescription=WEB, data={"rendered": "x"}, tags=[1]),
        "html/error_codes/E0382.html",
    ),
    (diagnostic("E0382"), "html/error_codes/E0382.html"),
    (diagnostic("unused_variables"), "/lints/listing/warn-by-default.html#unused-variables"),
    (diagnostic("needless_return", source="clippy"), "clippy.md#L"),
]
UNKNOWN = [
    diagnostic("E9999", codeDescription=WEB),
    diagnostic("inactive-code", source="rust-analyzer", tags=[1]),
    diagnostic("../../etc/passwd"),
    diagnostic(7),
    {"range": PLACE, "message": "no code"},
]


@pytest.fixture
def serve(connect, cache):
    async def start(capabilities):
        wire, proxy = await connect(
            features.register_all(), {"rusta": {"cacheDir": str(cache)}}, capabilities
        )
        library = proxy.session.state(Library)
        async with asyncio.timeout(30):
            while library.docs is None:
                await asyncio.sleep(0.02)
        return wire

    return start


async def published(wire, diagnostics: list[dict]) -> dict:
    params = {"uri": "file:///a.rs", "version": 3, "diagnostics": diagnostics}
    note = {"method": "textDocument/publishDiagnostics", "params": params}
    await wire.request(1, "fake/say", [note])
    return (await wire.until(lambda m: m.get("method") == note["method"]))["params"]


def check(before: list[dict], after: list[dict]) -> None:
    for (theirs, page), ours in zip(KNOWN, after, strict=False):
        href = ours["codeDescription"]["href"]
        assert href.startswith("file:///")
        assert page in href
        assert {**ours, "codeDescription": None} == {**theirs, "codeDescription": None}
    assert after[len(KNOWN) :] == before[len(KNOWN) :]


ALL = [theirs for theirs, _ in KNOWN] + UNKNOWN


async def test_what_is_published(serve):
    wire = await serve(ABLE)
    params = await published(wire, ALL)
    assert (params["uri"], params["version"]) == ("file:///a.rs", 3)
    check(ALL, params["diagnostics"])


async def test_what_is_published_before_the_pages_are_found_is_published_again(connect, cache, monkeypatch):
    may_look, look = threading.Event(), library._toolchain
    monkeypatch.setattr(library, "_toolchain", lambda folder: may_look.wait(30) and look(folder))
    wire, _ = await connect(features.register_all(), {"rusta": {"cacheDir": str(cache)}}, ABLE)
    early = [KNOWN[0][0]]
    assert (await published(wire, early))["diagnostics"] == early
    may_look.set()
    again = await wire.until(
        lambda m: m.get("method") == "textDocument/publishDiagnostics" and m["params"]["diagnostics"] != early
    )
    assert (again["params"]["uri"], again["params"]["version"]) == ("file:///a.rs", 3)
    check(early, again["params"]["diagnostics"])


@pytest.mark.parametrize("diagnostics", [[], UNKNOWN])
async def test_where_no_page_is_known_nothing_changes(serve, diagnostics):
    assert (await published(await serve(ABLE), diagnostics))["diagnostics"] == diagnostics


async def test_an_editor_that_cannot_follow_gets_what_rust_analyzer_says(serve):
    wire = await serve({})
    assert (await published(wire, ALL))["diagnostics"] == ALL
    report = {"kind": "full", "items": ALL}
    assert (await wire.request(2, "textDocument/diagnostic", {"answer": report}))["result"] == report


async def test_what_is_pulled(serve):
    wire = await serve(ABLE)
    report = {
        "kind": "full",
        "resultId": "a",
        "items": ALL,
        "relatedDocuments": {
            "file:///b.rs": {"kind": "full", "items": ALL},
            "file:///c.rs": {"kind": "unchanged"},
        },
    }
    pulled = (await wire.request(2, "textDocument/diagnostic", {"answer": report}))["result"]
    check(ALL, pulled["items"])
    check(ALL, pulled["relatedDocuments"]["file:///b.rs"]["items"])
    assert pulled["relatedDocuments"]["file:///c.rs"] == {"kind": "unchanged"}
    assert (pulled["kind"], pulled["resultId"]) == ("full", "a")
    for nothing in (None, {"kind": "unchanged", "resultId": "a"}):
        assert (await wire.request(3, "textDocument/diagnostic", {"answer": nothing}))["result"] == nothing
        wire.sent.clear()
