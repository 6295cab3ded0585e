"""The editor's progress bar says `cargo check`, as without Rusta."""

import sys

import pytest

from rusta_server.lsp.features import check
from rusta_server.lsp.hooks import Hooks
from rusta_server.tools import relay

RELAYED = f"{sys.executable} -I -S {relay.__file__} /tmp/rusta-1/check -- "


@pytest.mark.parametrize(
    ("told", "shown"),
    [
        (f"{RELAYED}cargo check --workspace --message-format=json", "cargo check"),
        (f"{RELAYED}cargo clippy --workspace --target x (#2)", "cargo clippy (#2)"),
        ("Indexing", "Indexing"),
        ("make check -- cargo check", "make check -- cargo check"),
    ],
)
async def test_a_check_has_the_name_of_what_it_runs(connect, told, shown):
    hooks = Hooks()
    check.register(hooks)
    wire, _ = await connect(hooks)
    value = {"kind": "begin", "title": told, "cancellable": True}
    progress = {"jsonrpc": "2.0", "method": "$/progress", "params": {"token": "t", "value": value}}
    await wire.request(1, "fake/say", [progress, {**progress, "params": {"token": "t", "value": None}}])
    seen = [message["params"]["value"] for message in wire.sent if message.get("method") == "$/progress"]
    assert seen == [{**value, "title": shown}, None]
