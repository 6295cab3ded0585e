"""The rules see what they are there for: each is shown a message with and without its capability."""

from typing import Any

import pytest

from .client import Message
from .declared import unanswered, violations

Json = Any

EDIT = {"range": {}, "newText": ""}
ITEM = "textDocument.completion.completionItem"
ACTION = "textDocument.codeAction"
LITERAL = f"{ACTION}.codeActionLiteralSupport"


def declaring(*paths: str | tuple[str, Json]) -> dict[str, Json]:
    """Capabilities with these switched on, or set to the value beside it."""
    said: dict[str, Json] = {}
    for path in paths:
        names, value = (path, True) if isinstance(path, str) else path
        place = said
        *parents, last = names.split(".")
        for name in parents:
            place = place.setdefault(name, {})
        place[last] = value
    return said


def answered(method: str, result: Json) -> list[Message]:
    return [
        Message(False, {"id": 1, "method": method, "params": {}}),
        Message(True, {"id": 1, "result": result}),
    ]


def said(method: str, params: Json, **more: Json) -> list[Message]:
    return [Message(True, {"method": method, "params": params, **more})]


def edited(edit: Json) -> list[Message]:
    return answered("textDocument/rename", edit)


def acted(**action: Json) -> list[Message]:
    return answered("textDocument/codeAction", [{"title": "", "edit": {"changes": {}}, **action}])


def published(**diagnostic: Json) -> list[Message]:
    return said("textDocument/publishDiagnostics", {"diagnostics": [diagnostic]})


def registered(method: str, **options: Json) -> list[Message]:
    return said(
        "client/registerCapability", {"registrations": [{"method": method, "registerOptions": options}]}
    )


# What is said, and which capability it needs on top of the others.
CASES: list[tuple[list[Message], tuple[str, Json] | str, tuple[str, ...]]] = [
    (
        answered("initialize", {"capabilities": {"positionEncoding": "utf-8"}}),
        ("general.positionEncodings", ["utf-8"]),
        (),
    ),
    (
        answered("textDocument/hover", {"contents": {"kind": "markdown", "value": ""}}),
        ("textDocument.hover.contentFormat", ["markdown"]),
        (),
    ),
    (
        answered("textDocument/hover", {"contents": {"kind": "plaintext", "value": ""}, "actions": [1]}),
        "experimental.hoverActions",
        (),
    ),
    (answered("textDocument/completion", [{"insertTextFormat": 2}]), f"{ITEM}.snippetSupport", ()),
    (
        answered("textDocument/completion", [{"kind": 25}]),
        ("textDocument.completion.completionItemKind.valueSet", [25]),
        (),
    ),
    (answered("textDocument/completion", [{"textEdit": {"insert": {}}}]), f"{ITEM}.insertReplaceSupport", ()),
    (
        answered("textDocument/completion", [{"labelDetails": {"detail": ""}}]),
        f"{ITEM}.labelDetailsSupport",
        (),
    ),
    (
        answered("textDocument/completion", [{"insertTextMode": 2}]),
        (f"{ITEM}.insertTextModeSupport.valueSet", [2]),
        (),
    ),
    (
        answered("textDocument/completion", {"itemDefaults": {"data": 1}, "items": []}),
        ("textDocument.completion.completionList.itemDefaults", ["data"]),
        (),
    ),
    (
        answered("completionItem/resolve", {"documentation": {"kind": "markdown"}}),
        (f"{ITEM}.documentationFormat", ["markdown"]),
        (),
    ),
    (
        answered("textDocument/signatureHelp", {"signatures": [{"parameters": [{"label": [0, 1]}]}]}),
        "textDocument.signatureHelp.signatureInformation.parameterInformation.labelOffsetSupport",
        (),
    ),
    (
        answered("textDocument/signatureHelp", {"signatures": [{"activeParameter": 0}]}),
        "textDocument.signatureHelp.signatureInformation.activeParameterSupport",
        (),
    ),
    (answered("textDocument/definition", [{"targetUri": ""}]), "textDocument.definition.linkSupport", ()),
    (
        answered("textDocument/documentSymbol", [{"selectionRange": {}}]),
        "textDocument.documentSymbol.hierarchicalDocumentSymbolSupport",
        (),
    ),
    (acted(), LITERAL, ()),
    (acted(isPreferred=True), f"{ACTION}.isPreferredSupport", (LITERAL,)),
    (acted(data={"rusta": 1}), f"{ACTION}.dataSupport", (LITERAL,)),
    (acted(disabled={"reason": ""}), f"{ACTION}.disabledSupport", (LITERAL,)),
    (acted(edit=None), (f"{ACTION}.resolveSupport.properties", ["edit"]), (LITERAL,)),
    (acted(group=""), "experimental.codeActionGroup", (LITERAL,)),
    (
        answered("codeAction/resolve", {"title": "", "edit": {"documentChanges": []}}),
        "workspace.workspaceEdit.documentChanges",
        (),
    ),
    (
        edited({"documentChanges": [{"kind": "rename"}]}),
        ("workspace.workspaceEdit.resourceOperations", ["rename"]),
        ("workspace.workspaceEdit.documentChanges",),
    ),
    (edited({"changeAnnotations": {"a": {}}}), "workspace.workspaceEdit.changeAnnotationSupport", ()),
    (edited({"changes": {"": [{**EDIT, "insertTextFormat": 2}]}}), "experimental.snippetTextEdit", ()),
    (
        answered("textDocument/formatting", [{**EDIT, "snippet": {}}]),
        "workspace.workspaceEdit.snippetEditSupport",
        (),
    ),
    (
        answered("textDocument/prepareRename", {"defaultBehavior": True}),
        "textDocument.rename.prepareSupportDefaultBehavior",
        (),
    ),
    (answered("textDocument/diagnostic", {"items": []}), "textDocument.diagnostic", ()),
    (
        answered("textDocument/diagnostic", {"relatedDocuments": {"": {}}}),
        "textDocument.diagnostic.relatedDocumentSupport",
        ("textDocument.diagnostic.dynamicRegistration",),
    ),
    (
        answered("textDocument/semanticTokens/full", {"data": []}),
        ("textDocument.semanticTokens.formats", ["relative"]),
        (),
    ),
    (
        answered("textDocument/foldingRange", [{"collapsedText": "…"}]),
        "textDocument.foldingRange.foldingRange.collapsedText",
        (),
    ),
    (published(relatedInformation=[1]), "textDocument.publishDiagnostics.relatedInformation", ()),
    (published(codeDescription={"href": ""}), "textDocument.publishDiagnostics.codeDescriptionSupport", ()),
    (published(tags=[1]), ("textDocument.publishDiagnostics.tagSupport.valueSet", [1]), ()),
    (registered("textDocument/didSave"), "textDocument.synchronization.dynamicRegistration", ()),
    (
        registered("workspace/didChangeWatchedFiles", watchers=[{"globPattern": {"baseUri": ""}}]),
        "workspace.didChangeWatchedFiles.relativePatternSupport",
        ("workspace.didChangeWatchedFiles.dynamicRegistration",),
    ),
    (said("workspace/configuration", {"items": []}, id=7), "workspace.configuration", ()),
    (said("workspace/inlayHint/refresh", None, id=7), "workspace.inlayHint.refreshSupport", ()),
    (said("window/workDoneProgress/create", {"token": 1}, id=7), "window.workDoneProgress", ()),
    (said("window/showDocument", {"uri": ""}, id=7), "window.showDocument.support", ()),
    (said("workspace/applyEdit", {"edit": {}}, id=7), "workspace.applyEdit", ()),
    (said("experimental/serverStatus", {}), "experimental.serverStatusNotification", ()),
    (said("rusta/news", {}), ("experimental", {"rusta/news": True}), ()),
]


@pytest.mark.parametrize(("messages", "needed", "given"), CASES)
def test_what_is_not_declared_is_found_and_what_is_declared_is_not(messages, needed, given):
    name = needed if isinstance(needed, str) else needed[0]
    (found,) = violations(declaring(*given), messages)
    assert found.need.capability.startswith(name)
    assert violations(declaring(*given, needed), messages) == []


def test_what_rusta_did_is_told_from_what_rust_analyzer_did():
    (theirs,) = violations(declaring(LITERAL), acted(isPreferred=True))
    (ours,) = violations(declaring(LITERAL), acted(isPreferred=True, title="Borrow here [V2: compiles]"))
    assert (theirs.is_ours, ours.is_ours) == (False, True)
    (asked,) = violations({}, said("window/workDoneProgress/create", {"token": 1}, id="rusta:3"))
    assert asked.is_ours


def test_progress_needs_a_token_that_somebody_gave():
    progress = said("$/progress", {"token": 5, "value": {}})
    asked = [Message(False, {"id": 1, "method": "textDocument/references", "params": {"workDoneToken": 5}})]
    assert violations({}, progress)
    assert violations({}, asked + progress) == []


def test_a_request_without_an_answer_is_found_on_either_side():
    ours = Message(False, {"id": 1, "method": "shutdown", "params": None})
    theirs = Message(True, {"id": 1, "method": "workspace/configuration", "params": {"items": []}})
    assert unanswered([ours, theirs]) == ["the client's shutdown", "the server's workspace/configuration"]
    answers = [Message(True, {"id": 1, "result": None}), Message(False, {"id": 1, "result": []})]
    assert unanswered([ours, theirs, *answers]) == []
    assert unanswered([ours, theirs, *answers, answers[0]]) == ["an answer to 1 that nobody waits for"]
