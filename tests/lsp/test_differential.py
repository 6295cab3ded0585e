"""The same session with rust-analyzer alone and through Rusta: every answer is the same.

What Rusta adds is taken away first; see `without_ours`. The crate is real, one file in it is full of
characters that are one, two, three and four code units long.
"""

import asyncio
import json
import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_lsp
from attrs import define, field

from rusta_eval.editor import Editor
from rusta_server.config import Config
from rusta_server.lsp.convert import LineIndex
from rusta_server.lsp.serve import find_rust_analyzer

FIXTURE = Path(__file__).parents[1] / "fixtures/crates/semver"
PROFILES = Path(__file__).parents[1] / "conformance/profiles"
SHIPPED = Path(pytest_lsp.__file__).with_name("clients")

EXOTIC = """\
//! Ünïcode 😀 🦀 中文, \u2028 and a form feed \x0c.
/* 😀 */ use std::collections::HashMap;
/// Die Größe 😀 von etwas, siehe [`HashMap`].
#[derive(Clone, Debug, Default)]
pub struct Größe {
    /* 🦀🦀 */ pub höhe: u64,
    pub tabelle: HashMap<String, u64>,
}
pub trait Form { fn fläche(&self) -> u64; }
impl Form for Größe { fn fläche(&self) -> u64 { /* 😀 */ self.höhe * 2 } }
macro_rules! doppelt { ($e:expr) => { $e + $e }; }
pub fn grüße(名: &str) -> String { let 値 = /* 😀 */ 名.len(); format!("😀 {名} {値} 🦀") }
pub fn alle() -> u64 {
    let größe = /* 🦀 */ Größe { höhe: doppelt!(3), tabelle: HashMap::new() };
    let gruß = /* 😀😀 */ grüße("😀"); let länge = gruß.len() as u64;
    if größe.fläche() > länge {
        return größe.höhe;
    }
    größe.fläche()
}
#[cfg(test)]
mod tests {
    #[test]
    fn läuft() { assert_eq!(/* 😀 */ super::alle(), 12); }
}
"""


@define
class Site:
    """One side: an editor, and where things are."""

    editor: Editor
    root: Path
    encoding: str
    texts: dict[str, str]
    kept: dict[str, Any] = field(factory=dict)  # answers that later requests build on

    def uri(self, name: str) -> str:
        return (self.root / name).as_uri()

    def document(self, name: str) -> dict[str, Any]:
        return {"textDocument": {"uri": self.uri(name)}}

    def position(self, name: str, needle: str, inside: int = 0) -> dict[str, int]:
        text = self.texts[name]
        offset = len(text[: text.index(needle) + inside].encode())
        return LineIndex(text.encode(), self.encoding).position(offset)

    def at(self, name: str, needle: str, inside: int = 0) -> dict[str, Any]:
        return {**self.document(name), "position": self.position(name, needle, inside)}

    def range(self, name: str, first: str, last: str | None = None) -> dict[str, Any]:
        last = first if last is None else last
        return {"start": self.position(name, first), "end": self.position(name, last, len(last))}

    def over(self, name: str, first: str, last: str | None = None) -> dict[str, Any]:
        return {**self.document(name), "range": self.range(name, first, last)}

    def whole(self, name: str) -> dict[str, Any]:
        end = {"line": self.texts[name].count("\n"), "character": 0}
        return {**self.document(name), "range": {"start": {"line": 0, "character": 0}, "end": end}}


X, LIB, PARSE = "src/exotic.rs", "src/lib.rs", "src/parse.rs"
FORMAT = {"options": {"tabSize": 4, "insertSpaces": True}}


def keep(name: str, pick: Callable[[Any], Any] = lambda result: result) -> Callable[[Site, Any], None]:
    def remember(site: Site, result: Any) -> None:
        if result:
            site.kept[name] = pick(result)

    return remember


def first(result: Any) -> Any:
    return result[0]


# Method, params, and what to remember of the answer.
Step = tuple[str, Callable[[Site], Any], Callable[[Site, Any], None] | None]
STEPS: list[Step] = [
    ("textDocument/hover", lambda s: s.at(X, "HashMap<"), None),
    ("textDocument/hover", lambda s: s.at(X, "fläche() >"), None),
    ("textDocument/hover", lambda s: {**s.document(X), "position": s.range(X, 'grüße("😀")')}, None),
    ("textDocument/definition", lambda s: s.at(X, 'grüße("'), None),
    ("textDocument/declaration", lambda s: s.at(X, 'grüße("'), None),
    ("textDocument/typeDefinition", lambda s: s.at(X, "größe.höhe"), None),
    ("textDocument/implementation", lambda s: s.at(X, "Form {"), None),
    ("textDocument/references",
        lambda s: {**s.at(X, "höhe: u64"), "context": {"includeDeclaration": True}}, None),
    ("textDocument/documentHighlight", lambda s: s.at(X, "größe = "), None),
    ("textDocument/documentSymbol", lambda s: s.document(X), None),
    ("textDocument/documentSymbol", lambda s: s.document(PARSE), None),
    ("workspace/symbol", lambda s: {"query": "Größe"}, None),
    ("workspace/symbol",
        lambda s: {"query": "Version", "searchScope": "workspace", "searchKind": "allSymbols"}, None),
    ("textDocument/prepareRename", lambda s: s.at(X, "höhe: u64"), None),
    ("textDocument/rename", lambda s: {**s.at(X, "höhe: u64"), "newName": "tiefe"}, None),
    ("textDocument/completion", lambda s: s.at(X, "fläche() >"), keep("item", lambda r: items(r)[0])),
    ("completionItem/resolve", lambda s: s.kept["item"], None),
    ("textDocument/completion", lambda s: s.at(PARSE, "is_empty() {"), None),
    ("textDocument/signatureHelp", lambda s: s.at(X, '"😀"); let'), None),
    ("textDocument/codeAction",
        lambda s: {**s.over(X, "if größe"), "context": {"diagnostics": []}}, keep("actions")),
    ("textDocument/codeAction",
        lambda s: {**s.over(X, "HashMap::new()"), "context": {"diagnostics": []}}, None),
    ("codeAction/resolve", lambda s: resolvable(s.kept["actions"]), None),
    ("textDocument/codeLens", lambda s: s.document(X), keep("lens", first)),
    ("codeLens/resolve", lambda s: s.kept["lens"], None),
    ("textDocument/inlayHint", lambda s: s.whole(X), keep("hint", first)),
    ("inlayHint/resolve", lambda s: s.kept["hint"], None),
    ("textDocument/semanticTokens/full", lambda s: s.document(X), keep("tokens", lambda r: r["resultId"])),
    ("textDocument/semanticTokens/range", lambda s: s.over(X, "pub fn alle", "größe.höhe;"), None),
    ("textDocument/semanticTokens/full/delta",
        lambda s: {**s.document(X), "previousResultId": s.kept["tokens"]}, None),
    ("textDocument/foldingRange", lambda s: s.document(X), None),
    ("textDocument/selectionRange",
        lambda s: {**s.document(X), "positions": [s.position(X, "höhe;")]}, None),
    ("textDocument/prepareCallHierarchy", lambda s: s.at(X, "grüße(名"), keep("call", first)),
    ("callHierarchy/incomingCalls", lambda s: {"item": s.kept["call"]}, None),
    ("callHierarchy/outgoingCalls", lambda s: {"item": s.kept["call"]}, None),
    ("textDocument/formatting", lambda s: {**s.document(X), **FORMAT}, None),
    ("textDocument/onTypeFormatting", lambda s: {**s.at(X, "= /* 🦀 */", 1), "ch": "=", **FORMAT}, None),
    ("textDocument/diagnostic", lambda s: s.document(X), None),
    ("workspace/willRenameFiles",
        lambda s: {"files": [{"oldUri": s.uri(X), "newUri": s.uri("src/fremd.rs")}]}, None),
    ("rust-analyzer/expandMacro", lambda s: s.at(X, "doppelt!(3)"), None),
    ("rust-analyzer/viewSyntaxTree", lambda s: s.document(X), None),
    ("rust-analyzer/viewHir", lambda s: s.at(X, "länge = "), None),
    ("rust-analyzer/viewMir", lambda s: s.at(X, "länge = "), None),
    ("rust-analyzer/viewItemTree", lambda s: s.document(X), None),
    ("rust-analyzer/viewFileText", lambda s: s.document(X)["textDocument"], None),
    ("rust-analyzer/interpretFunction", lambda s: s.at(X, "fläche(&self) -> u64 { /*"), None),
    ("rust-analyzer/relatedTests", lambda s: s.at(X, "alle() -> u64"), None),
    ("rust-analyzer/fetchDependencyList", lambda s: {}, None),
    ("rust-analyzer/analyzerStatus", lambda s: s.document(X), None),
    ("rust-analyzer/viewCrateGraph", lambda s: {"full": False}, None),
    ("experimental/parentModule", lambda s: s.at(X, "pub fn alle"), None),
    ("experimental/childModules", lambda s: s.at(LIB, "mod parse;"), None),
    ("experimental/runnables", lambda s: {**s.document(X), "position": None}, None),
    ("experimental/externalDocs", lambda s: s.at(X, "HashMap<"), None),
    ("experimental/matchingBrace",
        lambda s: {**s.document(X), "positions": [s.position(X, "{ /* 😀 */ self")]}, None),
    ("experimental/joinLines",
        lambda s: {**s.document(X), "ranges": [s.range(X, "if größe", "return größe.höhe;")]}, None),
    ("experimental/onEnter", lambda s: s.at(X, "/// Die Größe", 13), None),
    ("experimental/moveItem", lambda s: {**s.over(X, "pub trait Form"), "direction": "Down"}, None),
    ("experimental/openCargoToml", lambda s: s.document(X), None),
    ("experimental/hoverRange",
        lambda s: {**s.document(X), "position": s.range(X, "größe.fläche() >")}, None),
    ("experimental/ssr",
        lambda s: {**s.at(X, "länge"), "query": "$a + $b ==>> $b + $a", "parseOnly": False, "selections": []},
        None),
    ("experimental/discoverTest", lambda s: {}, None),
    ("rust-analyzer/getFailedObligations", lambda s: s.at(X, "größe.höhe"), None),
    ("textDocument/hover", lambda s: s.at(PARSE, "FromStr for Version {"), None),
    ("textDocument/hover", lambda s: {**s.at(X, "höhe"), "textDocument": {"uri": "file:///no.rs"}}, None),
    ("textDocument/hover", lambda s: {"wrong": "params"}, None),
    ("rusta-does-not-know/this", lambda s: {"a": 1}, None),
    ("workspace/executeCommand", lambda s: {"command": "unknown"}, None),
]  # fmt: skip

# rust-analyzer collects these from hash maps, so their order is not an answer's property.
UNORDERED = {"workspace/symbol", "rust-analyzer/fetchDependencyList", "textDocument/completion"}


COMMANDS = ("runSingle", "debugSingle", "showReferences", "gotoLocation", "triggerParameterHints", "rename")


def items(completion: Any) -> list[Any]:
    return completion["items"] if isinstance(completion, dict) else completion


def resolvable(actions: list[Any]) -> Any:
    return next((action for action in actions if "data" in action), actions[0])


def profile(name: str) -> dict[str, Any]:
    own = PROFILES / f"{name}.json"
    return json.loads((own if own.exists() else SHIPPED / f"{name}.json").read_text())


def comparable(method: str, answer: dict[str, Any]) -> Any:
    """The answer without what differs between any two runs of rust-analyzer: counters, times, hash order."""
    outcome = answer["error"] if "error" in answer else answer["result"]
    if isinstance(outcome, str) and method == "rust-analyzer/analyzerStatus":
        return outcome.splitlines()[0]  # below it are cache sizes and times
    if isinstance(outcome, str) and method == "rust-analyzer/interpretFunction":
        return re.sub(r"Finished in .*", "", outcome)
    if isinstance(outcome, str) and method == "rust-analyzer/viewCrateGraph":
        labels = dict(re.findall(r'(_\d+)\[label="(\w+)"', outcome))
        edges = re.findall(r"(_\d+) -> (_\d+)", outcome)
        return sorted(labels.values()), sorted((labels[a], labels[b]) for a, b in edges)
    if method == "textDocument/diagnostic" and outcome:
        outcome = {**outcome, "items": without_pages(outcome.get("items") or [])}
    if method in UNORDERED and outcome:
        outcome = outcome if isinstance(outcome, dict) else {"all": outcome}
        return {name: sorted_json(value) for name, value in outcome.items()}
    return settled(outcome)


def without_citations(theirs: Any, ours: Any) -> Any:
    """Rusta's hover without what it adds behind rust-analyzer's, or in its place where that has none."""
    if ours is None:
        return None
    contents = ours["contents"]
    if theirs is None:
        assert "file:///" in contents["value"]
        return None
    head = theirs["contents"]["value"]
    rule = {"markdown": "\n\n---\n\n", "plaintext": "\n\n────────\n\n"}[contents["kind"]]
    if not contents["value"].startswith(head + rule):
        return ours
    return {**ours, "contents": {**contents, "value": head}}


def without_pages(diagnostics: list[Any]) -> list[Any]:
    """Diagnostics whose links only say for which code they are: Rusta's lead to this machine."""
    found = []
    for diagnostic in diagnostics:
        code, href = diagnostic.get("code"), diagnostic.get("codeDescription", {}).get("href", "")
        if href.endswith((f"/{code}.html", f"#{code}")):
            diagnostic = {**diagnostic, "codeDescription": {"href": code}}
        found.append(diagnostic)
    return found


def sorted_json(value: Any) -> Any:
    value = settled(value)
    return sorted(json.dumps(v, sort_keys=True) for v in value) if isinstance(value, list) else value


def settled(value: Any) -> Any:
    if isinstance(value, list):
        return [settled(inner) for inner in value]
    if not isinstance(value, dict):
        return value
    value = {key: settled(inner) for key, inner in value.items() if key != "file_id"}
    if value.get("command") == "rust-analyzer.showReferences":
        uri, place, found = value["arguments"]
        value["arguments"] = [uri, place, sorted(found, key=json.dumps)]
    if isinstance(changes := value.get("documentChanges"), list):
        value["documentChanges"] = sorted(changes, key=json.dumps)
    return value


def without_ours(result: dict[str, Any]) -> dict[str, Any]:
    """An InitializeResult without what Rusta adds."""
    capabilities = result["capabilities"]
    capabilities["experimental"].pop("rusta", None)
    provider = capabilities.get("executeCommandProvider", {})
    ours = [name for name in provider.get("commands", []) if name.startswith("rusta.")]
    if ours and len(ours) == len(provider["commands"]):
        del capabilities["executeCommandProvider"]
    return result


@pytest.fixture
def crate(tmp_path):
    root = tmp_path / "semver"
    shutil.copytree(FIXTURE, root)
    library = root / LIB
    library.write_text(library.read_text() + "\nmod exotic;\n")
    (root / X).write_text(EXOTIC)
    return root


CASES = [
    ("visual_studio_code_v1.100.3_lc11", "utf-16"),
    ("neovim_v0.11.0", "utf-8"),
    ("emacs_v29.1", "utf-32"),
    ("helix_v25.07.1", "utf-8"),
    ("lsp4ij", "utf-16"),
]


@pytest.mark.parametrize(("name", "encoding"), CASES, ids=[name for name, _ in CASES])
async def test_every_answer_is_the_same(name, encoding, crate, tmp_path, docs):
    (tmp_path / "cache/rusta").mkdir(parents=True)
    (tmp_path / "cache/rusta/docs").symlink_to(docs.path.parent)
    program = await find_rust_analyzer(Config())
    behind = [sys.executable, "-m", "rusta_server", "serve"]
    env = {**program.environment, "XDG_CACHE_HOME": str(tmp_path / "cache")}
    async with (
        await Editor.start(list(program.argv), cwd=crate, env=env) as direct,
        await Editor.start(behind, cwd=crate, env=env) as proxied,
    ):
        editors = (direct, proxied)
        sites = await open_both(editors, crate, profile(name))
        assert [site.encoding for site in sites] == [encoding, encoding]

        differences = []
        answered = set()
        for method, params, remember in STEPS:
            try:
                answers, one, other = await ask_both(sites, method, params)
            except KeyError:
                continue  # for this client rust-analyzer gives nothing to build on
            if one != other:
                differences.append(f"{method}:\n  {one}\n  {other}")
            if answers[0].get("result"):
                answered.add(method)
                if remember is not None:
                    for site, answer in zip(sites, answers, strict=True):
                        remember(site, answer["result"])
        assert not differences, "\n".join(differences)
        missing = sorted({method for method, _, _ in STEPS} - answered)
        assert len(answered) >= 45, missing

        await compare_edits(sites)
        await compare_dynamic_settings(sites)
        assert registrations(direct) == registrations(proxied)
        assert not direct.unexpected
        assert not proxied.unexpected
        assert await asyncio.gather(direct.shutdown(), proxied.shutdown()) == [0, 0]


async def ask_both(
    sites: list[Site], method: str, params: Callable[[Site], Any]
) -> tuple[list[Any], Any, Any]:
    """The answers of both sides, and what is comparable of them.

    The two rust-analyzers work in the background at their own pace, so a difference counts when it stays.
    """
    for _ in range(5):
        answers = await asyncio.gather(*(ask(site, method, params) for site in sites))
        one, other = (comparable(method, answer) for answer in answers)
        if method == "textDocument/hover" and "error" not in answers[1]:
            other = without_citations(one, other)
        if one == other:
            break
        await asyncio.sleep(0.5)
    return answers, one, other


async def ask(site: Site, method: str, params: Callable[[Site], Any]) -> dict[str, Any]:
    for _ in range(20):
        answer = await site.editor.request(method, params(site))
        if answer.get("error", {}).get("code") != -32801:  # content modified: asked too early
            return answer
        await asyncio.sleep(0.1)
    raise AssertionError(f"{method} is never answered")


async def open_both(editors: tuple[Editor, Editor], root: Path, said: dict[str, Any]) -> list[Site]:
    capabilities = said["capabilities"]
    # Without the first of these the test would not know when rust-analyzer is ready.
    capabilities["experimental"] = {
        **(capabilities.get("experimental") or {}),
        "serverStatusNotification": True,
        "localDocs": True,
        "commands": {"commands": [f"rust-analyzer.{name}" for name in COMMANDS]},
    }
    options = {
        "checkOnSave": False,
        "cachePriming": {"enable": False},
        "lens": {"references": {"method": {"enable": True}}},
    }
    results = []
    for editor in editors:
        editor.settings = options
        results.append(await editor.initialize(root, capabilities, options, clientInfo=said["clientInfo"]))
    assert without_ours(results[0]) == without_ours(results[1])
    texts = {name: (root / name).read_text() for name in (X, LIB, PARSE)}
    for editor in editors:
        for name, text in texts.items():
            editor.open(root / name, text)
    await asyncio.gather(*(editor.until_quiescent() for editor in editors))
    return [
        Site(editor, root, result["capabilities"]["positionEncoding"], dict(texts))
        for editor, result in zip(editors, results, strict=True)
    ]


async def compare_edits(sites: list[Site]) -> None:
    """An edit after an emoji lands in the same place, and the diagnostics that follow are the same."""
    found = []
    for site in sites:
        change = {"range": site.range(X, "gruß.len()"), "text": "gruß.länge(😀)"}
        site.texts[X] = site.texts[X].replace("gruß.len()", "gruß.länge(😀)")
        document = {"uri": site.uri(X), "version": 2}
        site.editor.notify("textDocument/didChange", {"textDocument": document, "contentChanges": [change]})
        text = await site.editor.request("rust-analyzer/viewFileText", {"uri": site.uri(X)})
        assert text["result"] == site.texts[X]
        site.editor.notify("textDocument/didSave", site.document(X))
    for site in sites:
        answer = await ask(site, "textDocument/documentSymbol", lambda s: s.document(X))
        pulled = "diagnostic" in site.editor.capabilities.get("textDocument", {})
        if not pulled:
            await site.editor.wait_for(lambda site=site: bool(published(site)))
        diagnostics = pulled or without_pages(published(site)[-1]["diagnostics"])
        found.append((comparable("", answer), diagnostics))
    assert found[0] == found[1]


def published(site: Site) -> list[Any]:
    told = site.editor.told("textDocument/publishDiagnostics")
    return [params for params in told if params["uri"] == site.uri(X) and params["diagnostics"]]


async def compare_dynamic_settings(sites: list[Site]) -> None:
    """A changed setting arrives: rust-analyzer asks for it, and its answers change."""
    found = []
    for site in sites:
        if not site.editor.capabilities["workspace"].get("configuration"):
            return
        before = await ask(site, "textDocument/inlayHint", lambda s: s.whole(PARSE))
        site.editor.settings = {**site.editor.settings, "inlayHints": {"typeHints": {"enable": False}}}
        asked = len(site.editor.requests)
        site.editor.notify("workspace/didChangeConfiguration", {"settings": None})
        await site.editor.wait_for(
            lambda site=site, asked=asked: any(
                request["method"] == "workspace/configuration" for request in site.editor.requests[asked:]
            )
        )
        for _ in range(50):
            after = await ask(site, "textDocument/inlayHint", lambda s: s.whole(PARSE))
            if after["result"] != before["result"]:
                break
            await asyncio.sleep(0.1)
        assert after["result"] != before["result"]
        found.append(settled(after["result"]))
    assert found[0] == found[1]


def registrations(editor: Editor) -> list[Any]:
    return sorted(
        json.dumps(request["params"], sort_keys=True)
        for request in editor.requests
        if request["method"] == "client/registerCapability"
    )
