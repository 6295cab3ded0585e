"""What a server may say to a client that has declared its capabilities: one line for each thing it may not.

A rule looks at one kind of message. It says which capability the message needs; `violations` says which of
those the client has not declared. Rules follow the LSP specification 3.17 and, for `experimental/*`,
rust-analyzer's `lsp-extensions.md`.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from attrs import evolve, frozen

from .client import Message

Json = Any

# The kinds a client understands that lists none: those of the first version of the protocol.
FIRST_COMPLETION_KINDS = range(1, 19)
REFRESHES = {
    "workspace/codeLens/refresh": "workspace.codeLens.refreshSupport",
    "workspace/semanticTokens/refresh": "workspace.semanticTokens.refreshSupport",
    "workspace/inlayHint/refresh": "workspace.inlayHint.refreshSupport",
    "workspace/inlineValue/refresh": "workspace.inlineValue.refreshSupport",
    "workspace/diagnostic/refresh": "workspace.diagnostics.refreshSupport",
    "workspace/foldingRange/refresh": "workspace.foldingRange.refreshSupport",
}
REQUESTS = {
    **REFRESHES,
    "workspace/configuration": "workspace.configuration",
    "workspace/workspaceFolders": "workspace.workspaceFolders",
    "workspace/applyEdit": "workspace.applyEdit",
    "window/workDoneProgress/create": "window.workDoneProgress",
    "window/showDocument": "window.showDocument.support",
}
ALWAYS_ALLOWED = {
    "window/logMessage",
    "window/showMessage",
    "window/showMessageRequest",
    "telemetry/event",
    "client/registerCapability",
    "client/unregisterCapability",
    "textDocument/publishDiagnostics",
    "$/progress",
    "$/cancelRequest",
    "$/logTrace",
}
# Where a method's capability is not called like the method.
REGISTERED_AS = {
    "textDocument/didOpen": "textDocument.synchronization",
    "textDocument/didChange": "textDocument.synchronization",
    "textDocument/didSave": "textDocument.synchronization",
    "textDocument/didClose": "textDocument.synchronization",
    "textDocument/semanticTokens": "textDocument.semanticTokens",
    "textDocument/prepareCallHierarchy": "textDocument.callHierarchy",
    "workspace/symbol": "workspace.symbol",
}


@frozen
class Capabilities:
    """What a client has declared."""

    said: dict[str, Json]

    def get(self, path: str) -> Json:
        """The value under a dotted path; None where nothing is declared."""
        value: Json = self.said
        for name in path.split("."):
            value = value.get(name) if isinstance(value, dict) else None
        return value

    def has(self, path: str, member: object = True) -> bool:
        """Whether a switch is on, or ``member`` is listed there."""
        value = self.get(path)
        return member in value if isinstance(value, list) else value not in (None, False)


@frozen
class Need:
    """Something a message uses, and the capability for it."""

    used: str
    capability: str
    member: object = True
    is_ours: bool = False

    def __str__(self) -> str:
        wanted = "" if self.member is True else f" with {self.member!r}"
        return f"{self.used} needs {self.capability}{wanted}"


@frozen
class Violation:
    """Something a message uses that the client has not declared.

    Attributes:
        method: of the message, or of the request that it answers.
        is_ours: whether Rusta made it; else rust-analyzer did.
    """

    method: str
    need: Need
    is_ours: bool

    def __str__(self) -> str:
        return f"{self.method}: {self.need}"


Rule = Callable[[Json], Iterator[Need]]


def violations(said: dict[str, Json], messages: Iterable[Message]) -> list[Violation]:
    """What the server did that the client has not declared, each once."""
    capabilities = Capabilities(said)
    asked: dict[object, str] = {}
    tokens: set[object] = set()
    found: dict[Violation, None] = {}
    for message in messages:
        body, method = message.body, message.body.get("method")
        params = body.get("params")
        if not message.from_server:
            if method is not None and "id" in body:
                asked[body["id"]] = method
            if isinstance(params, dict):
                tokens |= {params.get("workDoneToken"), params.get("partialResultToken")}
            continue
        if method == "window/workDoneProgress/create":
            tokens.add(params["token"])
        elif method == "$/progress" and params["token"] not in tokens:
            nobodys = Need("a token that nobody gave", "window.workDoneProgress", params["token"])
            found[Violation(method, nobodys, is_ours=str(params["token"]).startswith("rusta:"))] = None
        about = method or asked.get(body.get("id"), "")
        needs = _said(method, params) if method else RESULTS.get(about, _nothing)(body.get("result"))
        # Rusta's own requests can be told by their ids, its progress by the token.
        own = method is not None and str(body.get("id", "")).startswith("rusta:")
        for need in needs:
            if not _is_declared(capabilities, need):
                found[Violation(about, need, is_ours=own or need.is_ours)] = None
    return list(found)


def unanswered(messages: Iterable[Message]) -> list[str]:
    """The requests of either side that got no answer, and the answers that came twice."""
    waiting: dict[tuple[bool, object], str] = {}
    wrong = []
    for message in messages:
        id, method = message.body.get("id"), message.body.get("method")
        if method is not None and "id" in message.body:
            waiting[message.from_server, id] = method
        elif method is None and waiting.pop((not message.from_server, id), None) is None:
            wrong.append(f"an answer to {id!r} that nobody waits for")
    asker = {True: "the server", False: "the client"}
    return wrong + [f"{asker[side]}'s {method}" for (side, _), method in waiting.items()]


def _is_declared(capabilities: Capabilities, need: Need) -> bool:
    if need.capability == "textDocument.completion.completionItemKind.valueSet":
        return need.member in (capabilities.get(need.capability) or FIRST_COMPLETION_KINDS)
    if need.capability == "general.positionEncodings":
        return need.member in (capabilities.get(need.capability) or ["utf-16"])
    return capabilities.has(need.capability, need.member)


def _nothing(result: Json) -> Iterator[Need]:
    return iter(())


# What the server asks and tells.


def _said(method: str, params: Json) -> Iterator[Need]:
    if method in REQUESTS:
        yield Need("the request", REQUESTS[method])
    elif method == "experimental/serverStatus":
        yield Need("the notification", "experimental.serverStatusNotification")
    elif method not in ALWAYS_ALLOWED:
        yield Need("a method of its own", f"experimental.{method}")
    if method == "client/registerCapability":
        for registration in params["registrations"]:
            yield from _registration(registration)
    elif method == "textDocument/publishDiagnostics":
        if "version" in params:
            yield Need("version", "textDocument.publishDiagnostics.versionSupport")
        for diagnostic in params["diagnostics"]:
            yield from _diagnostic(diagnostic, "textDocument.publishDiagnostics")
    elif method == "workspace/applyEdit":
        yield from _edit(params["edit"])


def _registration(registration: dict[str, Json]) -> Iterator[Need]:
    method = registration["method"]
    capability = REGISTERED_AS.get(method, method.replace("/", "."))
    yield Need(f"registering {method}", f"{capability}.dynamicRegistration")
    for watcher in (registration.get("registerOptions") or {}).get("watchers", ()):
        if isinstance(watcher["globPattern"], dict):
            yield Need("a relative pattern", "workspace.didChangeWatchedFiles.relativePatternSupport")


def _diagnostic(diagnostic: dict[str, Json], kind: str) -> Iterator[Need]:
    for name, capability in (
        ("relatedInformation", "relatedInformation"),
        ("codeDescription", "codeDescriptionSupport"),
        ("data", "dataSupport"),
    ):
        if diagnostic.get(name) is not None:
            yield Need(name, f"{kind}.{capability}")
    for tag in diagnostic.get("tags") or ():
        yield Need("a tag", f"{kind}.tagSupport.valueSet", tag)


# Results.


def _initialized(result: Json) -> Iterator[Need]:
    yield Need(
        "the encoding",
        "general.positionEncodings",
        result["capabilities"].get("positionEncoding", "utf-16"),
    )


def _hover(result: Json) -> Iterator[Need]:
    if not result:
        return
    contents = result["contents"]
    # Plain text is what every client shows.
    if isinstance(contents, dict) and contents.get("kind", "plaintext") != "plaintext":
        yield Need("the format", "textDocument.hover.contentFormat", contents["kind"])
    if result.get("actions"):
        yield Need("actions", "experimental.hoverActions")


def _completion(result: Json) -> Iterator[Need]:
    if isinstance(result, dict):
        for name in result.get("itemDefaults") or {}:
            yield Need("a default", "textDocument.completion.completionList.itemDefaults", name)
    for item in result["items"] if isinstance(result, dict) else result or ():
        yield from _completion_item(item)


def _completion_item(item: Json) -> Iterator[Need]:
    of_item = "textDocument.completion.completionItem"
    if item.get("insertTextFormat") == 2:
        yield Need("a snippet", f"{of_item}.snippetSupport")
    if item.get("insertTextMode") is not None:
        yield Need("insertTextMode", f"{of_item}.insertTextModeSupport.valueSet", item["insertTextMode"])
    if "insert" in (item.get("textEdit") or {}):
        yield Need("an edit with two ranges", f"{of_item}.insertReplaceSupport")
    for name in ("labelDetails", "commitCharacters", "preselect", "deprecated"):
        if item.get(name):
            yield Need(name, f"{of_item}.{name}Support")
    for tag in item.get("tags") or ():
        yield Need("a tag", f"{of_item}.tagSupport.valueSet", tag)
    documentation = item.get("documentation")
    if isinstance(documentation, dict) and documentation["kind"] != "plaintext":
        yield Need("the documentation's format", f"{of_item}.documentationFormat", documentation["kind"])
    if item.get("kind") is not None:
        yield Need("the kind", "textDocument.completion.completionItemKind.valueSet", item["kind"])


def _signatures(result: Json) -> Iterator[Need]:
    information = "textDocument.signatureHelp.signatureInformation"
    for signature in (result or {}).get("signatures", ()):
        if any(isinstance(parameter["label"], list) for parameter in signature.get("parameters") or ()):
            yield Need("labels as offsets", f"{information}.parameterInformation.labelOffsetSupport")
        if signature.get("activeParameter") is not None:
            yield Need("activeParameter of a signature", f"{information}.activeParameterSupport")
        documentation = signature.get("documentation")
        if isinstance(documentation, dict) and documentation["kind"] != "plaintext":
            yield Need(
                "the documentation's format", f"{information}.documentationFormat", documentation["kind"]
            )


def _links(method: str) -> Rule:
    def rule(result: Json) -> Iterator[Need]:
        if any("targetUri" in link for link in (result if isinstance(result, list) else ())):
            yield Need("links", f"{method.replace('/', '.')}.linkSupport")

    return rule


def _symbols(result: Json) -> Iterator[Need]:
    for symbol in result or ():
        if "selectionRange" in symbol:
            yield Need("a tree", "textDocument.documentSymbol.hierarchicalDocumentSymbolSupport")
        if symbol.get("tags"):
            yield Need("a tag", "textDocument.documentSymbol.tagSupport")


def _actions(result: Json) -> Iterator[Need]:
    for action in result or ():
        if isinstance(action.get("command"), str):
            continue  # a plain command
        yield Need("an action that is no command", "textDocument.codeAction.codeActionLiteralSupport")
        yield from _action(action)
        if action.get("edit") is None and action.get("command") is None:
            yield Need("resolving the edit", "textDocument.codeAction.resolveSupport.properties", "edit")


def _action(action: Json) -> Iterator[Need]:
    is_ours = "[V" in action["title"]
    for name in ("isPreferred", "disabled", "data"):
        if action.get(name):
            yield Need(name, f"textDocument.codeAction.{name}Support", is_ours=is_ours)
    if action.get("group") is not None:
        yield Need("a group", "experimental.codeActionGroup", is_ours=is_ours)
    for need in _edit(action.get("edit")):
        yield evolve(need, is_ours=is_ours)


def _edit(edit: Json) -> Iterator[Need]:
    of_edit = "workspace.workspaceEdit"
    if not edit:
        return
    if edit.get("changeAnnotations"):
        yield Need("annotations", f"{of_edit}.changeAnnotationSupport")
    changes = edit.get("documentChanges")
    if changes is not None:
        yield Need("documentChanges", f"{of_edit}.documentChanges")
    for change in changes or ():
        if "kind" in change:
            yield Need("an operation", f"{of_edit}.resourceOperations", change["kind"])
        for text_edit in change.get("edits", ()):
            yield from _text_edit(text_edit)
    for text_edits in (edit.get("changes") or {}).values():
        yield from _text_edits(text_edits)


def _text_edits(edits: Json) -> Iterator[Need]:
    for text_edit in edits or ():
        yield from _text_edit(text_edit)


def _text_edit(edit: Json) -> Iterator[Need]:
    if edit.get("insertTextFormat") == 2:
        yield Need("a snippet in an edit", "experimental.snippetTextEdit")
    if "snippet" in edit:
        yield Need("a snippet in an edit", "workspace.workspaceEdit.snippetEditSupport")
    if "annotationId" in edit:
        yield Need("an annotation", "workspace.workspaceEdit.changeAnnotationSupport")


def _renamed(result: Json) -> Iterator[Need]:
    return _edit(result)


def _prepared(result: Json) -> Iterator[Need]:
    if isinstance(result, dict) and "defaultBehavior" in result:
        yield Need("a default behaviour", "textDocument.rename.prepareSupportDefaultBehavior")


def _pulled(result: Json) -> Iterator[Need]:
    yield Need("the answer", "textDocument.diagnostic")
    # What diagnostics may carry is said of those that are pushed.
    if (result or {}).get("relatedDocuments"):
        yield Need("other documents", "textDocument.diagnostic.relatedDocumentSupport")


def _tokens(result: Json) -> Iterator[Need]:
    yield Need("the format", "textDocument.semanticTokens.formats", "relative")


def _foldings(result: Json) -> Iterator[Need]:
    if any(folding.get("collapsedText") for folding in result or ()):
        yield Need("collapsedText", "textDocument.foldingRange.foldingRange.collapsedText")


RESULTS: dict[str, Rule] = {
    "initialize": _initialized,
    "textDocument/hover": _hover,
    "textDocument/completion": _completion,
    "completionItem/resolve": _completion_item,
    "textDocument/signatureHelp": _signatures,
    **{
        method: _links(method)
        for method in (
            "textDocument/definition",
            "textDocument/declaration",
            "textDocument/typeDefinition",
            "textDocument/implementation",
        )
    },
    "textDocument/documentSymbol": _symbols,
    "textDocument/codeAction": _actions,
    "codeAction/resolve": _action,
    "textDocument/rename": _renamed,
    "textDocument/prepareRename": _prepared,
    "textDocument/diagnostic": _pulled,
    "textDocument/formatting": _text_edits,
    "textDocument/semanticTokens/full": _tokens,
    "textDocument/foldingRange": _foldings,
}
