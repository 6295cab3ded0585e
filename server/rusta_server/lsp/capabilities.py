"""The two ends of `initialize`: what rust-analyzer is told, and what the editor is told."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import frozen

from .. import __version__
from .convert import path_of

if TYPE_CHECKING:
    from .proxy import Proxy

Json = Any

SECTION = "rust-analyzer"


@frozen
class Introduction:
    """What `initialize` says about the editor.

    Attributes:
        params: the params for rust-analyzer, without Rusta's own settings.
        settings: Rusta's own settings.
    """

    client_name: str
    client_capabilities: dict[str, Json]
    process_id: int | None
    root: Path | None
    settings: dict[str, Json]
    params: dict[str, Json]


def read_initialize(params: dict[str, Json]) -> Introduction:
    """Take apart the params of `initialize`."""
    options = params.get("initializationOptions")
    settings: dict[str, Json] = {}
    if isinstance(options, dict) and "rusta" in options:
        settings = options["rusta"] if isinstance(options["rusta"], dict) else {}
        options = {key: value for key, value in options.items() if key != "rusta"}
        params = {**params, "initializationOptions": options}
    process_id = params.get("processId")
    return Introduction(
        client_name=(params.get("clientInfo") or {}).get("name", ""),
        client_capabilities=params.get("capabilities") or {},
        process_id=process_id if isinstance(process_id, int) else None,
        root=_root(params),
        settings=settings,
        params=params,
    )


def patch_configuration(
    params: Json, result: Json, patch: Callable[[dict[str, Json]], dict[str, Json]]
) -> Json:
    """The editor's answer to rust-analyzer's `workspace/configuration`, patched.

    Null and empty answers stay: rust-analyzer then keeps the settings it was started with, which have
    been patched already.
    """
    items = params.get("items", []) if isinstance(params, dict) else []
    if not isinstance(result, list):
        return result
    sections = [item.get("section") for item in items] + [None] * len(result)
    return [
        patch(value) if section == SECTION and isinstance(value, dict) and value else value
        for section, value in zip(sections, result, strict=False)
    ]


def merge_result(
    result: dict[str, Json], extras: Iterable[Mapping[str, Json]], commands: Iterable[str]
) -> dict[str, Json]:
    """rust-analyzer's InitializeResult with Rusta's capabilities added under it."""
    capabilities = dict(result.get("capabilities") or {})
    names = list(commands)
    if names:
        capabilities = merge(capabilities, {"executeCommandProvider": {"commands": names}})
    for extra in extras:
        capabilities = merge(capabilities, extra)
    capabilities = merge(capabilities, {"experimental": {"rusta": {"version": __version__}}})
    return {**result, "capabilities": capabilities}


def alone() -> dict[str, Json]:
    """The InitializeResult when there is no rust-analyzer."""
    return {
        "capabilities": {
            "positionEncoding": "utf-16",
            "textDocumentSync": {"openClose": True, "change": 2, "save": {}},
            "hoverProvider": True,
        },
        "serverInfo": {"name": "rusta", "version": __version__},
    }


def merge(theirs: Json, ours: Json) -> Json:
    """Merge JSON: objects by key, lists as a union, `true` gives way to an object; else theirs wins."""
    if theirs is None or (isinstance(theirs, bool) and (not theirs or isinstance(ours, Mapping))):
        return ours
    if isinstance(theirs, dict) and isinstance(ours, Mapping):
        return {**theirs, **{key: merge(theirs.get(key), value) for key, value in ours.items()}}
    if isinstance(theirs, list) and isinstance(ours, list):
        return theirs + [value for value in ours if value not in theirs]
    return theirs


def change_folders(folders: list[dict[str, Json]], event: dict[str, Json]) -> list[dict[str, Json]]:
    """The workspace folders after a `workspace/didChangeWorkspaceFolders`."""
    removed = {folder["uri"] for folder in event.get("removed", ())}
    return [folder for folder in folders if folder["uri"] not in removed] + list(event.get("added", ()))


def client_capability(proxy: "Proxy", *path: str) -> Any:  # noqa: ANN401  JSON
    """What the editor said of itself under these keys; None where it said nothing."""
    value: Any = proxy.session.client_capabilities
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _root(params: dict[str, Json]) -> Path | None:
    folders = params.get("workspaceFolders") or []
    uris = [folder.get("uri") for folder in folders] + [params.get("rootUri")]
    for uri in uris:
        if isinstance(uri, str) and (path := path_of(uri)):
            return path
    root = params.get("rootPath")
    return Path(root) if isinstance(root, str) else None
