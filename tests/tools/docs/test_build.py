"""The index is made once, whole or not at all, and never answers what the pages on the disk do not say."""

import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from attrs import evolve

from rusta_server.errors import RustaError
from rusta_server.tools.docs import Docs, NoDocs, NotIndexed, State, anchor, build, open_docs
from rusta_server.tools.process import Cancel, Cancelled

OWNERSHIP = ("book", "ch04-01-what-is-ownership/ownership-rules")

BUILD = """
import sys
from pathlib import Path
from rusta_server.tools.docs import Toolchain, build
if __name__ == "__main__":
    cache, sysroot, version, html = sys.argv[1:]
    print("started", flush=True)
    docs = build(Path(cache), Toolchain(Path(sysroot), version, Path(html)))
    print(docs.rows("SELECT value FROM meta WHERE key = 'seconds'"), docs.path.stat().st_ino)
"""


def files(cache: Path) -> set[str]:
    return {path.suffix for path in (cache / "docs").iterdir()}


def start(tmp_path: Path, cache: Path, small) -> subprocess.Popen[str]:
    program = tmp_path / "program.py"
    program.write_text(BUILD)
    arguments = [str(cache), str(small.sysroot), small.version, str(small.html)]
    return subprocess.Popen([sys.executable, str(program), *arguments], stdout=subprocess.PIPE, text=True)


def test_what_is_built_is_opened_by_the_next_one(small, cache, small_docs):
    assert files(cache) == {".sqlite", ".md", ".lock"}
    again = open_docs(cache, small)
    assert isinstance(again, Docs)
    assert again.section(*OWNERSHIP) == small_docs.section(*OWNERSHIP)
    assert again.missing == ("rust-by-example", "nomicon", "cargo", "edition-guide", "rustc", "clippy")


def test_a_second_build_uses_the_first_ones_result(small, cache, small_docs):
    before = small_docs.path.stat()
    assert isinstance(build(cache, small), Docs)
    assert small_docs.path.stat().st_mtime_ns == before.st_mtime_ns
    assert isinstance(build(cache, small, force=True), Docs)
    assert small_docs.path.stat().st_ino != before.st_ino
    assert small_docs.section(*OWNERSHIP) is not None, "an open index goes on with the file it has"


def test_progress_grows_to_the_end(small, cache):
    shares: list[float] = []
    build(cache, small, progress=lambda share, _: shares.append(share))
    assert shares == sorted(shares)
    assert shares[-1] == 1.0


def test_cancelled_leaves_nothing(small, cache):
    cancel = Cancel()

    def stop(share: float, what: str) -> None:
        cancel.set()

    assert isinstance(build(cache, small, progress=stop, cancel=cancel), Cancelled)
    assert files(cache) == {".lock"}
    assert isinstance(open_docs(cache, small), NotIndexed)


def test_a_worker_that_is_killed(small, cache):
    def kill(share: float, what: str) -> None:
        for child in psutil.Process().children():
            with suppress(psutil.NoSuchProcess):  # a zombie, or gone
                if "spawn_main" in " ".join(child.cmdline()):
                    child.kill()
                    while child.status() != psutil.STATUS_ZOMBIE:
                        time.sleep(0.001)

    with pytest.raises(RustaError) as error:
        for _ in range(5):  # the last of the work may be done before it is killed
            build(cache, small, progress=kill, force=True)
    assert error.value.hint == "rusta docs index"
    assert not list((cache / "docs").glob("*.part"))


def test_no_documentation(small, cache):
    none = evolve(small, html=None)
    found = open_docs(cache, none)
    assert isinstance(found, NoDocs)
    assert found.remedy == "rustup component add rust-docs"
    with pytest.raises(RustaError) as error:
        build(cache, none)
    assert error.value.hint == "rustup component add rust-docs"
    assert not cache.exists()


def test_documentation_that_is_removed_meanwhile(small, cache, small_docs):
    shutil.rmtree(small.html)
    assert isinstance(open_docs(cache, small), NoDocs)
    assert small_docs.section(*OWNERSHIP) is None


def test_a_cache_that_cannot_be_written(small, tmp_path):
    cache = tmp_path / "file"
    cache.write_text("not a folder")
    assert isinstance(open_docs(cache, small), NotIndexed)
    with pytest.raises(RustaError) as error:
        build(cache, small)
    assert str(cache) in str(error.value)
    assert error.value.hint
    assert cache.read_text() == "not a folder"


def test_a_page_that_has_gone_is_not_cited(small, cache, small_docs):
    section = small_docs.section(*OWNERSHIP)
    made = anchor(section, "There can only be one owner at a time.")
    assert small_docs.resolve(made).state == State.VALID
    (small.html / "book/ch04-01-what-is-ownership.html").unlink()
    assert small_docs.resolve(made).state == State.ORPHAN
    assert small_docs.section(*OWNERSHIP) is None
    assert small_docs.at(section.link) is None
    assert small_docs.anchor_by_id(made.id) is None
    assert small_docs.section("error_codes", "E0382") is not None


def test_a_corpus_that_has_gone_is_left_out_next_time(small, cache, small_docs):
    shutil.rmtree(small.html / "book")
    assert isinstance(open_docs(cache, small), NotIndexed)
    made = build(cache, small)
    assert isinstance(made, Docs)
    assert "book" in made.missing
    assert made.rows("SELECT count(*) FROM section WHERE corpus = 'book'") == [(0,)]


def test_a_folder_without_any_page(small, cache):
    shutil.rmtree(small.html)
    small.html.mkdir()
    made = build(cache, small)
    assert isinstance(made, Docs)
    assert made.section(*OWNERSHIP) is None
    assert made.item("Vec") is None
    assert made.similar("Vce") == ()
    assert len(made.missing) == 10


def test_the_index_of_another_toolchain(small, cache, small_docs):
    other = evolve(small, version="1.0.0")
    theirs = cache / "docs" / small_docs.path.name.replace(small.version, other.version)
    shutil.copy(small_docs.path, theirs)
    found = open_docs(cache, other)
    assert isinstance(found, NotIndexed)
    assert isinstance(build(cache, other), Docs)
    assert not small_docs.path.exists(), "of the same folder's older version"


@pytest.mark.parametrize("damage", ["empty", "cut", "text", "half", "folder"])
def test_a_damaged_file_is_made_anew(small, cache, small_docs, damage):
    path = small_docs.path
    whole = path.read_bytes()
    small_docs.close()
    path.unlink()
    if damage == "folder":
        path.mkdir()
    else:
        shorter = {
            "empty": b"",
            "cut": whole[: len(whole) - 4096],
            "text": b"no database\n" * 400,
            "half": whole[:1000],
        }
        path.write_bytes(shorter[damage])
    found = open_docs(cache, small)
    assert isinstance(found, NotIndexed)
    assert found.reason
    if damage == "folder":
        with pytest.raises(RustaError):
            build(cache, small)
        return
    made = build(cache, small)
    assert isinstance(made, Docs)
    assert made.section(*OWNERSHIP) is not None
    assert not list(path.parent.glob("*.part"))


def test_flipped_bytes_give_no_wrong_text(small, cache, small_docs):
    truth = {
        (corpus, id_): small_docs.section(corpus, id_).text
        for corpus, id_ in small_docs.rows("SELECT corpus, id FROM section")
    }
    made = anchor(small_docs.section(*OWNERSHIP), "There can only be one owner at a time.")
    path = small_docs.path
    small_docs.close()
    whole = path.read_bytes()
    n_damaged = 0
    for at in range(3000, len(whole), len(whole) // 120):
        damaged = bytearray(whole)
        damaged[at : at + 40] = bytes(byte ^ 0x5A for byte in damaged[at : at + 40])
        path.write_bytes(damaged)
        docs = open_docs(cache, small)
        if isinstance(docs, NotIndexed):
            n_damaged += 1
            continue
        for corpus, id_ in truth:
            found = docs.section(corpus, id_)
            assert found is None or found.text == truth[(found.corpus.partition("@")[0], found.id)]
        resolved = docs.resolve(made)
        assert resolved.anchor is None or resolved.anchor.quote == made.quote
        if docs.is_damaged:
            n_damaged += 1
            assert not path.exists(), "so that the next one makes it anew"
        docs.close()
    assert n_damaged > 3


def test_a_lock_on_the_file_does_no_harm(small, cache, small_docs):
    with sqlite3.connect(small_docs.path) as other:
        other.execute("BEGIN EXCLUSIVE")
        docs = open_docs(cache, small)
        assert isinstance(docs, Docs)
        assert docs.section(*OWNERSHIP) is not None
        other.rollback()


def test_two_builds_at_once(small, cache, tmp_path):
    running = [start(tmp_path, cache, small) for _ in range(2)]
    said = [process.communicate(timeout=60)[0] for process in running]
    assert [process.returncode for process in running] == [0, 0]
    assert said[0] == said[1], "both have the one index"
    assert files(cache) == {".sqlite", ".md", ".lock"}


@pytest.mark.slow
def test_a_killed_build_leaves_no_index_and_no_process(docs, books, cache, tmp_path):
    process = start(tmp_path, cache, books)
    me = psutil.Process(process.pid)
    deadline = time.monotonic() + 30
    while not list((cache / "docs").glob("*.part")) or len(me.children(recursive=True)) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    time.sleep(1)
    workers = me.children(recursive=True)
    process.send_signal(signal.SIGKILL)
    process.wait()
    _, alive = psutil.wait_procs(workers, timeout=20)
    assert not alive
    assert not list((cache / "docs").glob("*.sqlite"))
    assert list((cache / "docs").glob("*.part")), "what the next build clears away"
    made = build(cache, books)
    assert isinstance(made, Docs)
    assert files(cache) == {".sqlite", ".md", ".lock"}
    counted = "SELECT corpus, count(*) FROM section GROUP BY corpus"
    n_sections = dict(made.rows(counted))
    assert n_sections == {corpus: n for corpus, n in docs.rows(counted) if corpus in n_sections}
    assert len(n_sections) == 4
