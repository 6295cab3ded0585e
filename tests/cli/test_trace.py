"""`rusta trace`, on the trace that a real `rusta fix` left."""

import json
import os
import subprocess
import sys

import pytest

from rusta_server.config import Config
from rusta_server.trace import ledger
from rusta_server.trace.bundle import export
from rusta_server.trace.ledger import Ledger, begin
from rusta_server.trace.record import Kind

BROKEN = """fn main() {
    let v = vec![1, 2, 3];
    let w = v;
    println!("{:?} {:?}", v, w);
}
"""


def rusta(*arguments, cwd, home=None):
    env = {**os.environ, **({"HOME": str(home)} if home else {})}
    return subprocess.run(
        [sys.executable, "-m", "rusta_server", *map(str, arguments)],
        cwd=cwd,
        env=env,
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.fixture(scope="module")
def traced(tmp_path_factory):
    folder = tmp_path_factory.mktemp("traced")
    (folder / "main.rs").write_text(BROKEN)
    ended = rusta("fix", "main.rs", "--json", "--cache-dir", "cache", cwd=folder)
    assert ended.returncode == 0, ended.stderr
    return folder, json.loads(ended.stdout)


def test_a_fix_names_its_trace_and_the_list_has_it(traced):
    folder, summary = traced
    listed = json.loads(rusta("trace", "show", "--json", "--cache-dir", "cache", cwd=folder).stdout)
    assert summary["trace"] in [row["id"] for row in listed]
    assert listed[0]["what"] == "fix"


def test_the_steps_can_be_read(traced):
    folder, summary = traced
    shown = rusta("trace", "show", summary["trace"], "--cache-dir", "cache", cwd=folder).stdout
    assert "cargo.check" in shown and "proven to V2" in shown
    assert summary["fixes"][0]["anchors"][0]["id"] in shown


def test_check_script_and_witness(traced):
    folder, _ = traced
    ended = rusta("trace", "check", "last", "--witness", "w.json", "--cache-dir", "cache", cwd=folder)
    assert ended.returncode == 0 and "It holds" in ended.stdout
    text = rusta("trace", "script", "last", "--cache-dir", "cache", cwd=folder).stdout
    (folder / "one.tscript").write_text(text)
    ended = rusta("trace", "check", "one.tscript", "--json", cwd=folder)
    assert json.loads(ended.stdout) == json.loads((folder / "w.json").read_text())
    without_probe = "\n".join(line for line in text.splitlines() if not line.startswith("probe"))
    (folder / "bad.tscript").write_text(without_probe)
    ended = rusta("trace", "check", "bad.tscript", cwd=folder)
    assert ended.returncode == 1 and "a decide before any probe" in ended.stdout


def test_replay_on_another_machine(traced, tmp_path):
    """Exported, imported under another home and cache, played back without a compiler on the way."""
    folder, summary = traced
    assert (
        rusta("trace", "export", "last", tmp_path / "t.tgz", "--cache-dir", "cache", cwd=folder).returncode
        == 0
    )
    home = tmp_path / "other-home"
    home.mkdir()
    ended = rusta("trace", "import", "t.tgz", "--cache-dir", "c2", cwd=tmp_path, home=home)
    assert ended.stdout.strip() == summary["trace"]
    ended = rusta("trace", "replay", "last", "--cache-dir", "c2", cwd=tmp_path, home=home)
    assert ended.returncode == 0 and "The same again" in ended.stdout, ended.stdout + ended.stderr


def test_an_import_with_a_secret_says_where_and_how_to_keep_it(tmp_path, monkeypatch):
    monkeypatch.setattr(ledger, "clean_value", lambda value: value)
    there = Ledger(tmp_path / "there")
    with begin(there) as trace:
        trace.add(Kind.PLAN, "search", input={"note": 'password = "hunter2hunter2"'})
    export(there, trace.id, tmp_path / "t.tgz")
    ended = rusta("trace", "import", "t.tgz", "--cache-dir", "c", cwd=tmp_path)
    assert ended.returncode == 2
    assert "step 0, input.note (value beside a secret's name)" in " ".join(ended.stderr.split())
    assert "--keep-secrets" in ended.stderr and "hunter2" not in ended.stderr
    assert not list(tmp_path.glob("c/**/*.jsonl"))
    ended = rusta("trace", "import", "t.tgz", "--keep-secrets", "--cache-dir", "c", cwd=tmp_path)
    assert (ended.returncode, ended.stdout.strip()) == (0, trace.id)


def test_replay_with_the_compiler(traced, tmp_path):
    folder, _ = traced
    ended = rusta("trace", "replay", "last", "--in", "main.rs", "--cache-dir", "cache", cwd=folder)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    (tmp_path / "main.rs").write_text(BROKEN.replace("vec![1, 2, 3]", "String::new()"))
    ended = rusta("trace", "replay", "last", "--in", tmp_path / "main.rs", "--cache-dir", "cache", cwd=folder)
    assert ended.returncode == 1 and "was recorded, now" in ended.stdout


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("show", "nonsense"), "no trace id"),
        (("show", "20200101T000000-00000000"), "no trace 20200101T000000-00000000"),
        (("show", "last"), "there is no trace yet"),
        (("check", "missing.tscript"), "cannot be read"),
    ],
)
def test_a_clear_word_about_what_is_not_there(tmp_path, arguments, complaint):
    ended = rusta("trace", *arguments, "--cache-dir", "empty", cwd=tmp_path)
    assert ended.returncode == 2
    assert complaint in ended.stderr and "Traceback" not in ended.stderr


def test_a_ledger_that_cannot_be_written_does_not_stop_a_fix(tmp_path):
    (tmp_path / "main.rs").write_text(BROKEN)
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "ledger").write_text("in the way")
    ended = rusta("fix", "main.rs", "--json", "--cache-dir", "cache", cwd=tmp_path)
    assert ended.returncode == 0
    assert json.loads(ended.stdout)["trace"] is None
    assert "no trace is kept" in ended.stderr


def test_explaining_and_taking_back_leave_traces_that_hold(tmp_path, docs):
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "docs").symlink_to(Config().cache / "docs")
    (tmp_path / "main.rs").write_text(BROKEN)

    def traced(*arguments):
        ended = rusta(*arguments, "--cache-dir", "cache", cwd=tmp_path)
        assert ended.returncode == 0, ended.stderr
        checked = rusta("trace", "check", "last", "--cache-dir", "cache", cwd=tmp_path)
        assert checked.returncode == 0, checked.stdout
        return rusta("trace", "show", "last", "--cache-dir", "cache", cwd=tmp_path).stdout

    assert "claim" in traced("explain", "E0382", "--json")
    assert "apply" in traced("fix", "main.rs", "--apply")
    shown = traced("revert", "--path", "main.rs")
    assert "taken back: main.rs" in shown
    assert (tmp_path / "main.rs").read_text() == BROKEN


def test_nothing_in_a_trace_steers_the_terminal(tmp_path):
    evil = "\x1b]0;owned\x07[red]\u202e\x9b31m[link=http://x]"
    with begin(Ledger(tmp_path / "cache" / "ledger"), clock=lambda: 0.0) as trace:
        trace.add(Kind.PLAN, "search", input={"command": evil})
        trace.add(Kind.PROBE, "cargo.check", span=evil, output={"diagnostics": [3, {"level": "error"}]})
        trace.add(
            Kind.DECIDE, "try", input={"moves": [{"title": evil}, 3, {}]}, citations=(evil,), decision=evil
        )
        trace.add(Kind.PROBE, "cargo.test", output={"n_passed": evil})
        trace.add(Kind.DECIDE, "abstain", decision=evil)
    for arguments in (
        ("show",),
        ("show", "last"),
        ("show", "--json"),
        ("show", "last", "--json"),
        ("script", "last"),
        ("check", "last"),
        ("replay", "last"),
        ("replay", "last", "--in", "."),
        ("show", str(tmp_path / "cache" / "ledger" / "traces" / f"{trace.id}.jsonl")),
    ):
        ended = rusta("trace", *arguments, "--cache-dir", "cache", cwd=tmp_path)
        assert "Traceback" not in ended.stderr
        assert "owned" in ended.stdout + ended.stderr or arguments[0] in ("check", "replay")
        for text in (ended.stdout, ended.stderr):
            assert not set(text) & set("\x1b\x07\u202e\x9b"), (arguments, text)
