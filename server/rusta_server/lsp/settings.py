"""The begin of a connection, and rust-analyzer's settings wherever they travel."""

import logging
from functools import partial
from typing import TYPE_CHECKING, Any

from attrs import evolve

from ..config import changed_options, load
from ..errors import RustaError
from ..session import Id, Waiting
from . import capabilities, guard, jsonrpc

if TYPE_CHECKING:
    from .proxy import Proxy

log = logging.getLogger(__name__)

_WARNING = 2  # window/showMessage


def read_initialize(proxy: "Proxy", id: Id, body: bytes) -> None:
    """Take the editor's `initialize` into the session; ``session.initialize`` is what rust-analyzer gets."""
    session = proxy.session
    introduction = capabilities.read_initialize(jsonrpc.member(body, "params") or {})
    session.client_name = introduction.client_name
    session.client_capabilities = introduction.client_capabilities
    session.client_process_id = introduction.process_id
    session.root = introduction.root
    try:
        flags = changed_options(session.config)
        session.config = load({**flags, **introduction.settings}, project=introduction.root)
        if not flags.get("trusted", True):  # settings may come with the workspace, the flag does not
            session.config = evolve(session.config, trusted=False)
    except RustaError as error:
        message = f"Rusta: {error} {error.hint or ''}"
        proxy.notify_client("window/showMessage", {"type": _WARNING, "message": message})
    params = introduction.params
    if proxy.hooks.settings_patches:
        options = params.get("initializationOptions")
        params = {**params, "initializationOptions": patch(proxy, options or {})}
    for before in proxy.hooks.befores.get("initialize", ()):
        changed = guard.call(partial(before, proxy, params), f"initialize {id!r}")
        params = params if changed is None else changed
    session.initialize = guard.replace(body, "initialize", params=params)
    session.waiting[id] = Waiting("initialize", params)


def merge_initialize(proxy: "Proxy", body: bytes) -> bytes:
    """Add what is ours to the answer to `initialize`; an error stays an error."""
    result = jsonrpc.member(body, "result")
    if not isinstance(result, dict):
        return body
    proxy.session.ready = True
    encoding = (result.get("capabilities") or {}).get("positionEncoding", "utf-16")
    proxy.session.encoding = proxy.documents.encoding = encoding
    merged = capabilities.merge_result(result, proxy.hooks.capability_patches, proxy.hooks.commands)
    return jsonrpc.replace(body, result=merged)


def patch(proxy: "Proxy", settings: dict[str, Any]) -> dict[str, Any]:
    """rust-analyzer's settings as the features want them."""
    for change in proxy.hooks.settings_patches:
        changed = guard.call(partial(change, proxy, settings), "rust-analyzer's settings")
        settings = settings if changed is None else changed
    return settings


def patch_answer(proxy: "Proxy", asked: Waiting, body: bytes) -> bytes:
    """The editor's answer to `workspace/configuration`, patched."""
    result = jsonrpc.member(body, "result")
    patched = capabilities.patch_configuration(asked.params, result, partial(patch, proxy))
    return body if patched == result else guard.replace(body, asked.method, result=patched)


def patch_notification(proxy: "Proxy", body: bytes) -> bytes:
    """The editor's `workspace/didChangeConfiguration`, patched where it carries the settings."""
    if not proxy.hooks.settings_patches:
        return body
    params = jsonrpc.member(body, "params")
    settings = params.get("settings") if isinstance(params, dict) else None
    section = settings.get(capabilities.SECTION) if isinstance(settings, dict) else None
    if not isinstance(settings, dict) or not isinstance(section, dict) or not section:
        return body
    changed = {**settings, capabilities.SECTION: patch(proxy, section)}
    return guard.replace(body, "rust-analyzer's settings", params={**params, "settings": changed})


def note_folders(proxy: "Proxy", body: bytes) -> None:
    """Keep the workspace folders up to date, for a replay."""
    session = proxy.session
    event = (jsonrpc.member(body, "params") or {}).get("event") or {}
    params = {} if session.initialize is None else jsonrpc.member(session.initialize, "params")
    folders = capabilities.change_folders(params.get("workspaceFolders") or [], event)
    if session.initialize is not None:
        session.initialize = jsonrpc.replace(
            session.initialize, params={**params, "workspaceFolders": folders}
        )
