"""What `initialize` carries is added to, never replaced."""

from pathlib import Path

import pytest

from rusta_server.lsp import capabilities

ANALYZER = {
    "capabilities": {
        "positionEncoding": "utf-8",
        "codeActionProvider": {"codeActionKinds": ["quickfix"], "resolveProvider": True},
        "experimental": {"ssr": True},
        "somethingNew": {"deep": [1, 2, {"x": None}]},
    },
    "serverInfo": {"name": "rust-analyzer", "version": "1"},
    "extension": 1,
}


def test_everything_of_rust_analyzer_stays():
    merged = capabilities.merge_result(
        ANALYZER, [{"codeActionProvider": {"codeActionKinds": ["quickfix", "source.rusta"]}}], ["rusta.x"]
    )
    assert merged["extension"] == 1
    assert merged["serverInfo"]["name"] == "rust-analyzer"
    assert merged["capabilities"]["somethingNew"] == {"deep": [1, 2, {"x": None}]}
    assert merged["capabilities"]["positionEncoding"] == "utf-8"
    assert merged["capabilities"]["codeActionProvider"] == {
        "codeActionKinds": ["quickfix", "source.rusta"],
        "resolveProvider": True,
    }
    assert merged["capabilities"]["executeCommandProvider"] == {"commands": ["rusta.x"]}
    assert merged["capabilities"]["experimental"]["ssr"] is True
    assert "rusta" in merged["capabilities"]["experimental"]


@pytest.mark.parametrize(
    ("theirs", "ours", "merged"),
    [
        (True, {"a": 1}, {"a": 1}),
        (None, {"a": 1}, {"a": 1}),
        (False, True, True),
        ({"a": 1}, {"a": 2, "b": 3}, {"a": 1, "b": 3}),
        ({"a": 1}, True, {"a": 1}),
        ([1], [1, 2], [1, 2]),
        (2, 1, 2),
    ],
)
def test_merge(theirs, ours, merged):
    assert capabilities.merge(theirs, ours) == merged


def test_rustas_own_settings_do_not_reach_rust_analyzer():
    options = {"rusta": {"maxLines": 3}, "check": {"command": "clippy"}}
    introduction = capabilities.read_initialize(
        {"rootUri": "file:///tmp/x", "initializationOptions": options, "processId": None, "new": 1}
    )
    assert introduction.settings == {"maxLines": 3}
    assert introduction.params["initializationOptions"] == {"check": {"command": "clippy"}}
    assert introduction.params["new"] == 1
    assert introduction.root == Path("/tmp/x")


def patch(settings):
    return {**settings, "check": {"overrideCommand": ["relay"]}}


@pytest.mark.parametrize(
    ("sections", "result", "patched"),
    [
        (["rust-analyzer"], [{"a": 1}], [{"a": 1, "check": {"overrideCommand": ["relay"]}}]),
        (["editor", "rust-analyzer"], [{"a": 1}, None], [{"a": 1}, None]),
        (["rust-analyzer"], [{}], [{}]),
        (["rust-analyzer"], None, None),
    ],
)
def test_settings_on_their_way_to_rust_analyzer(sections, result, patched):
    params = {"items": [{"section": section} for section in sections]}
    assert capabilities.patch_configuration(params, result, patch) == patched


def test_folders():
    folders = [{"uri": "file:///a"}, {"uri": "file:///b"}]
    event = {"added": [{"uri": "file:///c"}], "removed": [{"uri": "file:///a"}]}
    assert [f["uri"] for f in capabilities.change_folders(folders, event)] == ["file:///b", "file:///c"]
