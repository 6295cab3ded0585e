"""The commands on an index that turns out to be damaged when it is asked: it is made anew, and answers."""

import os
import sqlite3
import subprocess
import sys

import pytest

from rusta_server.tools.docs import anchor

ONE_OWNER = "There can only be one owner at a time."


@pytest.fixture
def cache(tmp_path):
    return tmp_path / "user/rusta"


@pytest.mark.parametrize("command", ["search", "explain", "show"])
def test_what_is_found_damaged_is_made_anew(small, small_docs, tmp_path, command):
    section = small_docs.section("book", "ch04-01-what-is-ownership/ownership-rules")
    rustc = tmp_path / "bin/rustc"
    rustc.parent.mkdir()
    answer = f'case "$1" in --print) echo {small.sysroot};; *) echo "rustc {small.version}";; esac'
    rustc.write_text(f"#!/bin/sh\n{answer}\n")
    rustc.chmod(0o755)
    with sqlite3.connect(small_docs.path) as flipped:
        flipped.execute("UPDATE section SET checksum = checksum + 1")
    asked = {
        "search": ("docs", "search", "one owner at a time"),
        "explain": ("explain", "E0382", "--plain"),
        "show": ("anchor", "show", anchor(section, ONE_OWNER).id),
    }
    done = subprocess.run(
        [sys.executable, "-m", "rusta_server", *asked[command]],
        cwd=tmp_path,
        env={**os.environ, "PATH": f"{rustc.parent}:/usr/bin:/bin", "XDG_CACHE_HOME": str(tmp_path / "user")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert ONE_OWNER in done.stdout
    with sqlite3.connect(small_docs.path) as anew:
        assert not anew.execute("SELECT 1 FROM section WHERE checksum > 4294967295").fetchall()
