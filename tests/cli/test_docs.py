"""`rusta docs` as a person runs it, on the real documentation."""

import json
import os
import subprocess
import sys

import pytest

from rusta_server.tools.docs import Docs


@pytest.fixture
def rusta(docs: Docs, tmp_path):
    """Runs the command where the index of this machine's documentation is."""

    def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "rusta_server", "docs", *arguments],
            cwd=tmp_path,
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
        )

    return run


def test_status(rusta, docs: Docs):
    state = json.loads(rusta("status", "--json").stdout)
    assert state["state"] == "indexed"
    assert state["version"] == docs.toolchain.version
    assert state["index"] == str(docs.path)
    assert state["corpora"]["error_codes"] > 500
    assert state["index_bytes"] <= 150e6
    assert "error_codes" in rusta("status").stdout


def test_index_when_there_is_one(rusta, docs: Docs):
    before = docs.path.stat().st_mtime_ns
    said = rusta("index")
    assert said.returncode == 0
    assert "--force" in said.stdout
    assert docs.path.stat().st_mtime_ns == before


def test_status_without_an_index(rusta, tmp_path):
    state = json.loads(rusta("status", "--json", XDG_CACHE_HOME=str(tmp_path / "empty")).stdout)
    assert state["state"] == "not indexed"
    said = rusta("status", XDG_CACHE_HOME=str(tmp_path / "empty"))
    assert "rusta docs index" in said.stdout


def test_search(rusta):
    hits = json.loads(rusta("search", "E0382", "--json").stdout)
    assert (hits[0]["corpus"].partition("@")[0], hits[0]["id"]) == ("error_codes", "E0382")
    hits = json.loads(
        rusta("search", "dangling", "reference", "--corpus", "book", "-k", "2", "--json").stdout
    )
    assert len(hits) == 2
    assert {hit["corpus"].partition("@")[0] for hit in hits} == {"book"}
    assert "Vec::drain" in rusta("search", "Vec::drain", "-k", "1").stdout


def test_search_for_nothing(rusta):
    said = rusta("search", "qwertyzuiop")
    assert said.returncode == 1
    assert said.stdout.startswith("Nothing was found.")
    said = rusta("search", "borrow", "--corpus", "nonsense")
    assert said.returncode == 2
    assert "error_codes" in said.stderr


def test_a_toolchain_without_documentation(rusta, tmp_path):
    program = tmp_path / "bin/rustc"
    program.parent.mkdir()
    program.write_text('#!/bin/sh\ncase "$1" in --print) echo /nowhere;; *) echo "rustc 1.95.0";; esac\n')
    program.chmod(0o755)
    path = f"{tmp_path / 'bin'}:/usr/bin:/bin"
    for command in (("status",), ("index",), ("search", "borrow")):
        said = rusta(*command, PATH=path)
        assert "rustup component add rust-docs" in said.stdout + said.stderr
        assert "Traceback" not in said.stderr
