"""Traces keep what they were given, and nothing else is taken for one."""

import json
import os
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rusta_server.trace import canonical
from rusta_server.trace.bundle import clear, export
from rusta_server.trace.ledger import MAX_LINE_BYTES, Ledger, begin, payload, read, resume
from rusta_server.trace.record import INLINE_BYTES, BadTrace, Kind

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


def write(ledger, n=5):
    with begin(ledger, clock=lambda: 0.0) as trace:
        for i in range(n):
            trace.add(Kind.PROBE, "cargo.check", span=f"src/lib.rs:{i}:1", input={"n": i}, p=0.5)
    return trace.id


def test_what_was_written_is_read(tmp_path):
    ledger = Ledger(tmp_path)
    id = write(ledger)
    assert [step.input for step in read(ledger.path(id))] == [{"n": i} for i in range(5)]
    assert ledger.ids() == [id]
    assert stat.S_IMODE(ledger.path(id).stat().st_mode) == 0o600


def test_long_payloads_are_blobs_that_are_checked(tmp_path):
    ledger = Ledger(tmp_path)
    long = {"text": "x" * INLINE_BYTES}
    with begin(ledger) as trace:
        step = trace.add(Kind.PROBE, "cargo.check", input=long, output={"ok": True})
    assert step.input is None
    assert payload(ledger, step, "input") == long
    assert payload(ledger, step, "output") == {"ok": True}
    blob = tmp_path / "blobs" / step.input_sha[:2] / step.input_sha[2:]
    blob.write_bytes(blob.read_bytes().replace(b"xx", b"xy", 1))
    with pytest.raises(BadTrace, match="not what its name says"):
        payload(ledger, step, "input")
    blob.unlink()
    with pytest.raises(BadTrace, match="gone"):
        payload(ledger, step, "input")


@pytest.mark.parametrize("cut", range(1, 12))
def test_a_torn_last_line_is_passed_over_and_repaired(tmp_path, cut):
    ledger = Ledger(tmp_path)
    id = write(ledger)
    path = ledger.path(id)
    whole = path.read_bytes()
    last = len(whole.splitlines(keepends=True)[-1])
    path.write_bytes(whole[: -max(last * cut // 12, 1)])
    assert len(list(read(path))) == 4
    with resume(ledger, id) as trace:
        trace.add(Kind.DECIDE, "offer", decision="yes")
    steps = list(read(path))
    assert [step.what for step in steps] == ["cargo.check"] * 4 + ["offer"]


@given(st.data())
@settings(max_examples=200, deadline=None)
def test_no_changed_byte_goes_unnoticed(tmp_path_factory, data):
    ledger = Ledger(tmp_path_factory.mktemp("traces"))
    path = ledger.path(write(ledger, 3))
    whole = path.read_bytes()
    at = data.draw(st.integers(0, len(whole) - 2))  # the last line break is a matter of torn lines
    byte = data.draw(st.integers(0, 255).filter(lambda b: b != whole[at]))
    path.write_bytes(whole[:at] + bytes([byte]) + whole[at + 1 :])
    with pytest.raises(BadTrace):
        list(read(path))


@pytest.mark.parametrize(
    "rearrange",
    [
        lambda lines: lines[1:],
        lambda lines: lines[:1] + lines[2:],
        lambda lines: [lines[1], lines[0], *lines[2:]],
    ],
)
def test_left_out_and_swapped_lines_break_the_chain(tmp_path, rearrange):
    ledger = Ledger(tmp_path)
    path = ledger.path(write(ledger))
    path.write_bytes(b"".join(rearrange(path.read_bytes().splitlines(keepends=True))))
    with pytest.raises(BadTrace):
        list(read(path))


def test_a_field_from_later_is_tolerated_but_counts(tmp_path):
    ledger = Ledger(tmp_path)
    path = ledger.path(write(ledger, 1))
    raw = json.loads(path.read_text())
    del raw["sha"]
    raw["mood"] = "good"
    path.write_bytes(canonical.encode({**raw, "sha": canonical.sha(raw)}) + b"\n")
    assert len(list(read(path))) == 1
    path.write_bytes(path.read_bytes().replace(b"good", b"glum"))
    with pytest.raises(BadTrace):
        list(read(path))


@given(json_values)
@settings(max_examples=200, deadline=None)
def test_canonical_text_is_one_for_one_value(value):
    text = canonical.encode(value)
    again = canonical.decode(text)
    assert canonical.encode(again) == text
    assert again == json.loads(text)


@pytest.mark.parametrize("id", ["../../etc/passwd", "", "20261121T101010-0123456", "x" * 300])
def test_only_ids_name_traces(tmp_path, id):
    with pytest.raises(BadTrace, match="no trace id"):
        Ledger(tmp_path).path(id)


def test_two_writers_are_kept_apart(tmp_path):
    ledger = Ledger(tmp_path)
    with begin(ledger) as trace:
        trace.add(Kind.PLAN, "fix")
        with pytest.raises(BadTrace, match="another process"):
            resume(ledger, trace.id)
    resume(ledger, trace.id).close()


def test_a_full_disk_loses_no_earlier_step(tmp_path, monkeypatch):
    ledger = Ledger(tmp_path)
    with begin(ledger) as trace:
        trace.add(Kind.PLAN, "fix")
        real = os.write

        def half(descriptor, data):
            if len(data) < 20:
                raise OSError(28, "No space left on device")
            return real(descriptor, bytes(data)[: len(data) // 2])

        monkeypatch.setattr(os, "write", half)
        with pytest.raises(OSError, match="No space"):
            trace.add(Kind.PROBE, "cargo.check")
        monkeypatch.setattr(os, "write", real)
        assert ledger.path(trace.id).read_bytes().endswith(b"\n")
    assert [step.what for step in read(ledger.path(trace.id))] == ["fix"]
    with resume(ledger, trace.id) as again:
        again.add(Kind.PROBE, "cargo.check")
    assert [step.what for step in read(ledger.path(trace.id))] == ["fix", "cargo.check"]


def test_a_step_that_no_reader_would_take_is_not_written(tmp_path):
    ledger = Ledger(tmp_path)
    with begin(ledger) as trace:
        trace.add(Kind.PLAN, "fix")
        with pytest.raises(OSError, match="longer than"):
            trace.add(Kind.DECIDE, "abstain", decision="x" * MAX_LINE_BYTES)
        trace.add(Kind.DECIDE, "abstain")
    assert [step.what for step in read(ledger.path(trace.id))] == ["fix", "abstain"]


def sparse(path):
    with path.open("wb") as file:
        file.truncate(10 << 30)


def link(path):
    (path.parent / "elsewhere").write_text("root:x:0:0\n")
    path.symlink_to("elsewhere")


def dangling(path):
    path.symlink_to("nowhere")


def endless(path):
    path.symlink_to("/dev/zero")


@pytest.mark.parametrize("make", [os.mkfifo, sparse, link, dangling, endless, Path.mkdir])
def test_what_is_no_trace_is_said_so_at_once(tmp_path, make):
    """A pipe, a link or an endless file in a trace's place, or in a payload's, stops nothing."""
    ledger = Ledger(tmp_path)
    with begin(ledger) as trace:
        step = trace.add(Kind.PROBE, "cargo.check", output={"text": "x" * 5000})
    blob = tmp_path / "blobs" / step.output_sha[:2] / step.output_sha[2:]
    other = ledger.path("20991231T235959-00000000")
    make(other)
    assert ledger.summary(other.stem)["outcome"] is None
    for reading in (lambda: list(read(other)), lambda: export(ledger, other.stem, tmp_path / "one.tgz")):
        with pytest.raises((BadTrace, OSError)):
            reading()
    with pytest.raises((BadTrace, OSError)):
        resume(ledger, other.stem)
    clear(ledger, keep=0, max_age_s=1e9)
    assert list(read(ledger.path(trace.id))) == [step]
    blob.unlink()
    make(blob)
    with pytest.raises(BadTrace):
        ledger.blob(step.output_sha)


def test_a_payload_that_is_needed_again_is_young_again(tmp_path):
    ledger = Ledger(tmp_path)
    sha = ledger.put_blob(b'"x"')
    blob = tmp_path / "blobs" / sha[:2] / sha[2:]
    os.utime(blob, (0, 0))
    ledger.put_blob(b'"x"')
    assert clear(ledger, keep=0, max_age_s=0).n_blobs == 0
    os.utime(blob, (0, 0))
    assert clear(ledger, keep=0, max_age_s=0).n_blobs == 1


def test_the_summary_needs_only_both_ends(tmp_path):
    ledger = Ledger(tmp_path)
    with begin(ledger) as trace:
        trace.add(Kind.PLAN, "search", input={"command": "fix"})
        assert ledger.summary(trace.id) == {"id": trace.id, "what": "fix", "outcome": None}
        for n in (10, 30_000, 10):
            trace.add(Kind.DECIDE, "abstain", decision="y" * n)
            assert ledger.summary(trace.id)["outcome"] == "y" * n


def test_a_kill_in_the_middle_of_a_write_leaves_a_trace_to_go_on_with(tmp_path):
    ledger = Ledger(tmp_path)
    code = """
import sys
from pathlib import Path
from rusta_server.trace.ledger import Ledger, begin
from rusta_server.trace.record import Kind
with begin(Ledger(Path(sys.argv[1]))) as trace:
    print(trace.id, flush=True)
    for n in range(1_000_000):
        trace.add(Kind.PROBE, "cargo.check", output={"text": f"{n:2000}"})
        trace.add(Kind.DECIDE, "try", input={"n": "y" * 900})
"""
    for wait_s in (0.05, 0.13, 0.21):
        with subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE) as child:
            id = child.stdout.readline().decode().strip()
            time.sleep(wait_s)
            child.kill()
        before = list(read(ledger.path(id)))
        with resume(ledger, id) as trace:
            trace.add(Kind.DECIDE, "abstain")
        after = list(read(ledger.path(id)))
        assert after[:-1] == before and after[-1].what == "abstain"
        for step in after:
            payload(ledger, step, "output")


@pytest.mark.parametrize("what", ['try so "yes"', "a\nb", "", "Apply", "a..b"])
def test_the_name_of_a_step_is_one_word(tmp_path, what):
    ledger = Ledger(tmp_path)
    with begin(ledger) as trace:
        trace.add(Kind.DECIDE, what)
    with pytest.raises(BadTrace, match="step 0"):
        list(read(ledger.path(trace.id)))
