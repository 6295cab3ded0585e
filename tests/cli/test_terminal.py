"""What strangers chose (messages, code, names, files of anchors) does not steer the terminal."""

import hashlib
import io
import json
import re
import subprocess
import sys

import pytest
from rich.console import Console

from rusta_server.cli import complain
from rusta_server.commands import _report
from rusta_server.errors import RustaError

RED, FLIP = "\x1b[31m", "\u202e"
HOSTILE = f"a{RED}b{FLIP}c\x07[bold]d[/bold][/x]"
SEEN = "a\ufffd[31mb\ufffdc\ufffd[bold]d[/bold][/x]"


def printed(show) -> str:
    out = io.StringIO()
    show(Console(file=out, width=200, color_system=None))
    return out.getvalue()


def check(shown: str) -> None:
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e]", shown), repr(shown)


def test_the_report_of_rusta_fix():
    error = {"code": "E0382", "message": HOSTILE, "path": HOSTILE, "line": 1, "column": 2}
    fix = {
        "error": error,
        "also_mends": [error],
        "title": HOSTILE,
        "source": "rules/moves",
        "level": "V2",
        "confidence": 0.91,
        "guess": False,
        "next": None,
        "diff": f"--- a\n+++ b\n@@ -1 +1 @@\n \tlet\n-{HOSTILE}\n+{HOSTILE}\n",
        "changed_lines": 1,
        "anchors": [
            {"id": "book/x", "corpus": "book@1.95.0", "quote": HOSTILE, "link": "file:///a%1B[31m.rs"}
        ],
        "seconds": 0.1,
    }
    summary = {"errors_before": 2, "fixes": [fix], "errors_left": [error], "errors_mended": 1, "checks": 1}
    summary |= {"seconds": 1.0, "tests": None, "written": None, "level": "V2", "withheld": [], "shrunk": None}
    summary |= {"not_written": HOSTILE}
    shown = printed(lambda console: _report.show(summary, console, wrote=True))
    check(shown)
    assert shown.count(SEEN) == 10


def test_an_error_for_a_person(capsys):
    complain(RustaError(f"{HOSTILE} is wrong.\n\tline two", hint=HOSTILE))
    shown = capsys.readouterr().err
    check(shown)
    assert f"{SEEN} is wrong.\n    line two" in shown


@pytest.mark.parametrize("quote", [HOSTILE, "\ud800", pytest.param("x" * 100_000, id="long"), " "])
def test_a_file_of_anchors(tmp_path, docs, quote: str):
    sha256 = hashlib.sha256(quote.encode(errors="replace")).hexdigest()
    anchors = [
        {"corpus": corpus, "structural_id": id, "quote": quote, "sha256": sha256, "link": link}
        for corpus, id in (
            ("repo@-", f"demo::{HOSTILE}"),
            ("crate:x@1", "\ud800"),
            ("std@1", HOSTILE),
            ("", ""),
        )
        for link in ("", "file:///dev/zero", f"file:///{HOSTILE}.rs", "file://[")
    ]
    (tmp_path / "anchors.json").write_text(json.dumps(anchors))
    command = [sys.executable, "-m", "rusta_server", "anchor", "verify", "anchors.json"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 1, done.stderr
    check(done.stdout)


@pytest.mark.parametrize(
    "id", [f"repo/{HOSTILE}#12345678", "repo/#", "crate:x/[/y]#12345678", "repo/a::b#\udcff1234567"]
)
def test_an_id_that_is_nowhere(tmp_path, docs, id: str):
    command = [sys.executable, "-m", "rusta_server", "anchor", "show", id]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 2
    check(done.stdout + done.stderr)
    assert "no span here has the id" in done.stderr


@pytest.mark.parametrize("subject", ["\udcff", "std::\udcff", HOSTILE, f"{HOSTILE}:1:1", "[/x]", ""])
def test_a_subject_that_is_nowhere(tmp_path, docs, subject: str):
    command = [sys.executable, "-m", "rusta_server", "explain", subject]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 2, done.stderr
    check(done.stdout + done.stderr)
