"""`rusta fix` says what the sandbox cannot stop here."""

import pytest
from click.testing import CliRunner

from rusta_server.commands import fix
from rusta_server.tools import sandbox


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (sandbox.Sandbox(note="old kernel"), "the network, reading your files, writing elsewhere, processes"),
        (sandbox.Sandbox(("--landlock",), reads_limited=True, writes_limited=True), "the network, processes"),
        (sandbox.Sandbox((), True, True, True, True), ""),
    ],
)
def test_one_line(make_crate, tmp_path, monkeypatch, found, said):
    monkeypatch.setattr(sandbox, "describe", lambda: found)
    crate = make_crate({"src/lib.rs": "pub fn f() {}\n"})
    done = CliRunner().invoke(fix.command, [str(crate), "--cache-dir", str(tmp_path / "cache"), "--no-tests"])
    lines = [line for line in done.output.splitlines() if "not stopped here" in line]
    assert done.exit_code == 0, done.output
    assert lines == ([f"not stopped here: {said} that stay behind (why: rusta doctor)"] if said else [])
