"""Traces can be carried elsewhere, and cleared away, without losing what is needed."""

import gzip
import io
import os
import tarfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rusta_server.errors import RustaError
from rusta_server.trace import bundle
from rusta_server.trace.bundle import clear, export, import_
from rusta_server.trace.ledger import Ledger, begin, payload, read
from rusta_server.trace.record import BadTrace, Kind


def write(ledger, text="x"):
    with begin(ledger, clock=lambda: 0.0) as trace:
        trace.add(Kind.PLAN, "search")
        trace.add(Kind.PROBE, "cargo.check", output={"text": text * 5000})
    return trace.id


def test_a_trace_is_the_same_elsewhere(tmp_path):
    here, there = Ledger(tmp_path / "here"), Ledger(tmp_path / "there")
    id = write(here)
    export(here, id, tmp_path / "one.tgz")
    assert import_(there, tmp_path / "one.tgz") == id
    assert there.path(id).read_bytes() == here.path(id).read_bytes()
    step = list(read(there.path(id)))[1]
    assert payload(there, step, "output") == {"text": "x" * 5000}
    export(there, id, tmp_path / "two.tgz")
    assert (tmp_path / "one.tgz").read_bytes() == (tmp_path / "two.tgz").read_bytes()
    assert import_(there, tmp_path / "one.tgz") == id  # again: no change


def repacked(path, change):
    """The bundle with other members."""
    with tarfile.open(path) as tar:
        members = [(entry.name, tar.extractfile(entry).read()) for entry in tar]
    packed = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=packed, mode="wb") as squeezed,
        tarfile.open(fileobj=squeezed, mode="w") as tar,
    ):
        for name, data in change(members):
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
    path.write_bytes(packed.getvalue())


@pytest.mark.parametrize(
    "change",
    [
        lambda members: members[:1],
        lambda members: members[1:],
        lambda members: [*members, ("../../evil", b"x")],
        lambda members: [*members, ("blobs/" + "0" * 64, b"x")],
        lambda members: [("../evil.jsonl", members[0][1]), members[1]],
        lambda members: [(members[0][0], members[0][1].replace(b"cargo.check", b"cargo.steal")), members[1]],
        lambda members: [members[0], (members[1][0], members[1][1].replace(b"xx", b"xy", 1))],
        lambda members: [(members[0][0], b""), members[1]],
    ],
)
def test_a_bundle_that_does_not_hold_leaves_nothing(tmp_path, change):
    here, there = Ledger(tmp_path / "here"), Ledger(tmp_path / "there")
    export(here, write(here), tmp_path / "one.tgz")
    repacked(tmp_path / "one.tgz", change)
    with pytest.raises(BadTrace):
        import_(there, tmp_path / "one.tgz")
    assert not there.folder.exists()


@pytest.mark.parametrize(
    "data", [b"", b"hello", gzip.compress(b"hello", mtime=0)], ids=["empty", "text", "gzip"]
)
def test_another_file_is_no_bundle(tmp_path, data):
    (tmp_path / "one.tgz").write_bytes(data)
    with pytest.raises(BadTrace, match=r"not an exported trace|empty|no trace id"):
        import_(Ledger(tmp_path / "there"), tmp_path / "one.tgz")


def test_no_trace_is_written_over(tmp_path):
    here = Ledger(tmp_path / "here")
    id = write(here)
    export(here, id, tmp_path / "one.tgz")
    here.path(id).unlink()
    other = write(here, "y")
    here.path(other).rename(here.path(id))
    before = here.path(id).read_bytes()
    if before == b"":
        pytest.fail("nothing to lose")
    with pytest.raises(RustaError, match="nothing was changed"):
        import_(here, tmp_path / "one.tgz")
    assert here.path(id).read_bytes() == before


def age(path, seconds):
    then = path.stat().st_mtime - seconds
    os.utime(path, (then, then))


def test_old_traces_go_and_what_others_need_stays(tmp_path):
    ledger = Ledger(tmp_path)
    old, shared, new = write(ledger, "a"), write(ledger, "b"), write(ledger, "b")
    for path in tmp_path.rglob("*"):
        if path.is_file():
            age(path, 100 * 24 * 3600)
    ids = ledger.ids()
    cleared = clear(ledger, keep=1, max_age_s=30 * 24 * 3600)
    assert ledger.ids() == ids[-1:]
    assert cleared.n_traces == 2
    kept = list(read(ledger.path(ids[-1])))[1]
    assert payload(ledger, kept, "output")
    n_left = len(list((tmp_path / "blobs").glob("??/*")))
    assert n_left == 1 and cleared.n_blobs == 1
    assert {old, shared, new} > set(ledger.ids())


def test_a_trace_that_is_written_and_young_blobs_stay(tmp_path):
    ledger = Ledger(tmp_path)
    with begin(ledger) as trace:
        trace.add(Kind.PROBE, "cargo.check", output={"text": "x" * 5000})
        age(ledger.path(trace.id), 100 * 24 * 3600)
        assert clear(ledger, keep=0, max_age_s=0).n_traces == 0
    cleared = clear(ledger, keep=0, max_age_s=0)
    assert (cleared.n_traces, cleared.n_blobs) == (1, 0)


def test_a_bomb_is_refused(tmp_path, monkeypatch):
    """A member's name of many bytes, packed small: it must not be taken into memory."""
    monkeypatch.setattr(bundle, "MAX_BUNDLE_BYTES", 1 << 20)
    entry = tarfile.TarInfo("x")
    entry.type, entry.size = tarfile.GNUTYPE_LONGNAME, 1 << 32
    with gzip.open(tmp_path / "one.tgz", "wb") as file:
        file.write(entry.tobuf())
        for _ in range(32):
            file.write(bytes(1 << 16))
    with pytest.raises(BadTrace, match="more than"):
        import_(Ledger(tmp_path / "there"), tmp_path / "one.tgz")


@given(place=st.floats(0, 0.999), byte=st.integers(0, 255), end=st.just(1.0) | st.floats(0, 1))
@settings(max_examples=150, deadline=None)
def test_a_damaged_bundle_is_refused_and_leaves_nothing(tmp_path_factory, place, byte, end):
    folder = tmp_path_factory.mktemp("damaged")
    here, there = Ledger(folder / "here"), Ledger(folder / "there")
    id = write(here)
    export(here, id, folder / "one.tgz")
    whole = (folder / "one.tgz").read_bytes()
    at = int(place * len(whole))
    damaged = whole[:at] + bytes([byte]) + whole[at + 1 :]
    (folder / "one.tgz").write_bytes(damaged[: int(end * len(whole))])
    try:
        import_(there, folder / "one.tgz")
    except RustaError:
        assert not there.folder.exists()
    else:
        assert there.path(id).read_bytes() == here.path(id).read_bytes()


def test_two_that_clear_at_once_do_not_meet(tmp_path, monkeypatch):
    ledger = Ledger(tmp_path)
    write(ledger)
    monkeypatch.setattr(Ledger, "ids", lambda self: ["20991231T235959-00000000"])
    assert clear(ledger, keep=0, max_age_s=0).n_traces == 0
