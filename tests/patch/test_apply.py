"""Writing into the tree and taking it back: what is kept, what is refused, who is kept out."""

import os
import socket
import stat
import subprocess
import sys
import textwrap
import threading
import time
from contextlib import chdir
from pathlib import Path

import pytest
from attrs import evolve

from rusta_server.patch import apply as tree
from rusta_server.patch import disk, journal, patch
from rusta_server.patch.edit import Edit
from rusta_server.patch.result import Conflict, ResultCode
from rusta_server.tools import sandbox


@pytest.fixture
def apply(ground):
    def run(some_patch, **options):
        return tree.apply(ground.root, some_patch, journals=ground.journals, **options)

    return run


@pytest.fixture
def revert(ground):
    return lambda id_: tree.revert(ground.root, id_, journals=ground.journals)


def refused(action, *arguments, **options) -> ResultCode:
    with pytest.raises(Conflict) as caught:
        action(*arguments, **options)
    assert str(caught.value)
    return caught.value.code


def change(path: str, before: bytes | None, after: bytes | None) -> patch.Patch:
    return patch.between(
        {} if before is None else {path: before},
        {path: after},
        creates={path} if before is None else (),
        deletes={path} if after is None else (),
    )


def test_all_files_are_written_and_all_come_back(ground, engine, apply, revert):
    done = apply(engine.PATCH)
    assert (done.code, ground.state()) == (ResultCode.APPLIED, "new")
    undone = revert(done.id)
    assert (undone.code, ground.state()) == (ResultCode.REVERTED, "old")
    revert(undone.id)
    assert ground.state() == "new", "taking back the taking back"
    revert(done.id)
    assert ground.state() == "old"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"\xef\xbb\xbffn f() {}\r\n\r\nfn g() {}\r\n", b"\xef\xbb\xbffn f() {}\r\n\r\nfn h() {}\r\n"),
        (b"a\rb\nc\r\nd", b"a\rB\nc\r\nd"),
        (b"no newline at the end", b"still no newline at the end"),
        (b"\x00\xff\xfe", b"\x00\xfd\xfe"),
        (b"x", b""),
        (b"", b"\n"),
    ],
)
def test_bytes_that_no_edit_names_stay(ground, apply, revert, before, after):
    (ground.root / "c.rs").write_bytes(before)
    done = apply(change("c.rs", before, after))
    assert (ground.root / "c.rs").read_bytes() == after
    revert(done.id)
    assert (ground.root / "c.rs").read_bytes() == before


def test_permissions_owner_and_attributes_stay(ground, apply, revert):
    file = ground.root / "other.rs"
    file.chmod(0o751)
    has_attributes = True
    try:
        os.setxattr(file, "user.colour", b"blue")
    except OSError:
        has_attributes = False
    if os.geteuid() == 0:
        os.chown(file, 12345, 54321)

    def look():
        info = file.stat()
        names = os.listxattr(file) if has_attributes else None
        return stat.S_IMODE(info.st_mode), info.st_uid, info.st_gid, names

    before = look()
    done = apply(change("other.rs", b"not touched\n", b"touched\n"))
    assert look() == before
    revert(done.id)
    assert look() == before


def test_a_file_that_was_deleted_comes_back_with_its_permissions(ground, apply, revert):
    file = ground.root / "src/a.rs"
    done = apply(change("src/a.rs", b"old a\n", None))
    assert not file.exists()
    revert(done.id)
    assert stat.S_IMODE(file.stat().st_mode) == 0o640


def test_folders_that_were_made_go_again_unless_somebody_uses_them(ground, apply, revert):
    done = apply(change("made/here/d.rs", None, b"d"))
    (ground.root / "made/mine.rs").write_bytes(b"mine")
    revert(done.id)
    assert not (ground.root / "made/here").exists()
    assert (ground.root / "made/mine.rs").read_bytes() == b"mine"


@pytest.mark.parametrize("ahead_s", [0, 3600])
def test_both_ways_bump_the_time(ground, apply, revert, ahead_s):
    """Or cargo would replay what it found in the old content, even if that came from the future."""
    file = ground.root / "c.rs"
    at = time.time_ns() + ahead_s * 10**9
    os.utime(file, ns=(at, at))
    done = apply(change("c.rs", b"", b"new"))
    written = file.stat().st_mtime_ns
    revert(done.id)
    assert at < written < file.stat().st_mtime_ns


def test_a_rejected_patch_is_taken_back(ground, engine, apply):
    class Red(Exception):
        pass

    def reject():
        assert ground.state() == "new"
        raise Red

    with pytest.raises(Red):
        apply(engine.PATCH, accept=reject)
    assert ground.state() == "old"
    assert tree.history(ground.journals) == []


# What is wrong with the patch itself.


def test_overlapping_edits(ground, apply):
    hashes = {"src/a.rs": patch.sha256(b"old a\n")}
    edits = (Edit("src/a.rs", 0, 3, b"x"), Edit("src/a.rs", 2, 4, b"y"))
    assert refused(apply, patch.Patch(edits, hashes)) == ResultCode.OVERLAP
    both = patch.Patch(edits[:1], hashes, deletes=frozenset({"src/a.rs"}))
    assert refused(apply, both) == ResultCode.OVERLAP


def test_edits_out_of_range(ground, apply):
    edits = (Edit("src/a.rs", 0, 7, b""),)
    found = refused(apply, patch.Patch(edits, {"src/a.rs": patch.sha256(b"old a\n")}))
    assert found == ResultCode.OUT_OF_RANGE
    assert refused(Edit, "a.rs", 3, 2, b"") == ResultCode.OUT_OF_RANGE


def test_what_is_not_announced(ground, apply):
    edits = (Edit("x.rs", 0, 0, b"x"),)
    assert refused(apply, patch.Patch(edits)) == ResultCode.NO_PREIMAGE
    assert refused(apply, patch.Patch(edits, {"x.rs": None})) == ResultCode.UNANNOUNCED_CREATION
    assert refused(patch.between, {}, {"x.rs": b""}) == ResultCode.UNANNOUNCED_CREATION
    assert refused(patch.between, {"x.rs": b""}, {"x.rs": None}) == ResultCode.UNANNOUNCED_DELETION
    assert refused(apply, patch.Patch(())) == ResultCode.EMPTY
    same = patch.Patch((Edit("src/a.rs", 0, 3, b"old"),), {"src/a.rs": patch.sha256(b"old a\n")})
    assert refused(apply, same) == ResultCode.EMPTY


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("CON", ResultCode.RESERVED_NAME),
        ("a/aux.rs", ResultCode.RESERVED_NAME),
        ("com¹.txt/x", ResultCode.RESERVED_NAME),
        ("x.rs.", ResultCode.RESERVED_NAME),
        ("x.rs ", ResultCode.RESERVED_NAME),
        ("x.rs:stream", ResultCode.RESERVED_NAME),
        ("a\nb", ResultCode.RESERVED_NAME),
        ("what?.rs", ResultCode.RESERVED_NAME),
        ("vendor/x.rs", ResultCode.PROTECTED_PATH),
        ("VENDOR/x.rs", ResultCode.PROTECTED_PATH),
        ("deep/x.lock", ResultCode.PROTECTED_PATH),
        ("gen/a/b.rs", ResultCode.PROTECTED_PATH),
        ("OTHER.rs", ResultCode.COLLISION),
        ("SRC/x.rs", ResultCode.COLLISION),
        ("other\u200b.rs", ResultCode.COLLISION),
        ("c.rs/x", ResultCode.NOT_A_FILE),
    ],
)
def test_paths_that_are_refused(ground, apply, path, code):
    never = ["vendor", "*.lock", "/gen/**"]
    assert refused(apply, change(path, None, b"x"), never=never) == code
    assert ground.state() == "old"


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/etc/passwd", ResultCode.ABSOLUTE_PATH),
        ("../x.rs", ResultCode.PARENT_PATH),
        ("a/../../x.rs", ResultCode.PARENT_PATH),
        ("", ResultCode.MALFORMED_PATH),
        (".", ResultCode.MALFORMED_PATH),
        ("a//b", ResultCode.MALFORMED_PATH),
        ("./a", ResultCode.MALFORMED_PATH),
        ("a/", ResultCode.MALFORMED_PATH),
        ("a\\b", ResultCode.MALFORMED_PATH),
        ("a\0b", ResultCode.MALFORMED_PATH),
        (".git/hooks/pre-commit", ResultCode.GIT_FOLDER),
        ("a/.GiT", ResultCode.GIT_FOLDER),
        (".git./config", ResultCode.GIT_FOLDER),
        (".g\u200cit/config", ResultCode.GIT_FOLDER),
        ("GIT~1/config", ResultCode.GIT_FOLDER),
        (".git::$INDEX_ALLOCATION/config", ResultCode.GIT_FOLDER),
    ],
)
def test_paths_that_no_edit_may_have(ground, apply, path, code):
    assert refused(Edit, path, 0, 0, b"") == code
    assert refused(apply, patch.Patch((), {path: None}, creates=frozenset({path}))) == code
    assert refused(apply, patch.Patch((), {path: "0" * 64}, deletes=frozenset({path}))) == code


@pytest.mark.parametrize(
    "paths",
    [("new/A.rs", "new/a.rs"), ("é.rs", "e\u0301.rs"), ("ß.rs", "SS.rs"), ("X/a.rs", "x/b.rs"), ("n", "n/a")],
)
def test_two_paths_that_are_one_on_some_systems(ground, apply, paths):
    both = patch.between({}, dict.fromkeys(paths, b"x"), creates=paths)
    assert refused(apply, both) == ResultCode.COLLISION
    assert ground.state() == "old"


# What does not fit what the disk holds.


def test_a_file_that_is_not_as_expected(ground, apply):
    assert refused(apply, change("src/a.rs", b"else", b"x")) == ResultCode.CHANGED
    assert refused(apply, change("src/a.rs", None, b"x")) == ResultCode.EXISTS
    assert refused(apply, change("src/none.rs", b"", b"x")) == ResultCode.MISSING
    assert refused(apply, change("src/none.rs", b"x", None)) == ResultCode.MISSING
    (ground.root / "c.rs").chmod(0o444)
    assert refused(apply, change("c.rs", b"", b"x")) == ResultCode.READ_ONLY


@pytest.mark.parametrize("kind", ["file", "folder", "dangling", "inside"])
def test_links_are_never_followed(ground, engine, apply, kind):
    outside = engine.snapshot(ground.outside)
    target = {"dangling": ground.outside / "none", "inside": "other.rs"}.get(kind, ground.outside / "a.rs")
    if kind == "folder":
        (ground.root / "src").rename(ground.root / "gone")
        (ground.root / "src").symlink_to(ground.outside)
    else:
        (ground.root / "src/a.rs").unlink()
        (ground.root / "src/a.rs").symlink_to(target)
    before = ground.now()
    assert refused(apply, engine.PATCH) == ResultCode.SYMLINK
    assert (engine.snapshot(ground.outside), ground.now()) == (outside, before)


@pytest.mark.parametrize("kind", ["pipe", "socket", "folder", "device"])
def test_what_is_no_file(ground, apply, kind):
    path = ground.root / "odd"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "socket":
        with chdir(ground.root):  # its whole path may be too long for a socket's
            socket.socket(socket.AF_UNIX).bind("odd")
    elif kind == "folder":
        path.mkdir()
    else:
        try:
            os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(1, 3))  # /dev/null
        except PermissionError:
            pytest.skip("only root makes devices")
    for content in (b"", None):
        assert refused(apply, change("odd", content, b"x")) == ResultCode.NOT_A_FILE


# Taking back.


def test_nothing_is_taken_back_if_a_file_was_changed_since(ground, engine, apply, revert):
    done = apply(engine.PATCH)
    (ground.root / "c.rs").write_bytes(b"mine")
    before = ground.now()
    assert refused(revert, done.id) == ResultCode.CHANGED
    assert ground.now() == before


def test_a_later_patch_on_the_same_file_is_named(ground, apply, revert):
    first = apply(change("c.rs", b"", b"1"))
    second = apply(change("c.rs", b"1", b"2"))
    with pytest.raises(Conflict) as caught:
        revert(first.id)
    assert second.id in caught.value.hint
    revert(second.id)
    revert(first.id)
    assert ground.state() == "old"


def test_what_cannot_be_taken_back(ground, apply, revert):
    assert refused(revert, "nothing") == ResultCode.UNKNOWN_PATCH
    done = apply(change("c.rs", b"", b"1"))
    revert(done.id)
    assert refused(revert, done.id) == ResultCode.NOT_IN_EFFECT


def test_a_damaged_journal_is_noticed(ground, apply, revert):
    done = apply(change("other.rs", b"not touched\n", b"x"))
    (blob,) = ground.journals.glob("*/*/0.before")
    blob.write_bytes(b"not touched!")
    assert refused(revert, done.id) == ResultCode.CANNOT_WRITE
    assert (ground.root / "other.rs").read_bytes() == b"x"


# Journals and locks.


def test_only_the_user_can_read_the_journals(ground, engine, apply):
    apply(engine.PATCH)
    for path in [ground.journals, *ground.journals.rglob("*")]:
        assert path.stat().st_mode & 0o077 == 0


def test_old_journals_go(ground, apply, monkeypatch):
    monkeypatch.setattr(journal, "KEEP_PATCHES", 3)
    content = b""
    for number in range(6):
        done = apply(change("c.rs", content, content := b"%d" % number))
    kept = tree.history(ground.journals)
    assert len(kept) == 4, "three, and the one that was just written"
    assert kept[-1].id == done.id
    monkeypatch.setattr(journal, "KEEP_DAYS", 0)
    tree.recover(ground.journals)
    assert tree.history(ground.journals) == []
    assert list(ground.journals.glob("*/*/*")) == []


def test_another_rusta_waits_and_then_says_why_not(ground, apply):
    shelf = journal.shelf_of(ground.journals, ground.root)
    with journal.locked(shelf, 0):
        started = time.monotonic()
        assert refused(apply, change("c.rs", b"", b"x"), wait_s=0.2) == ResultCode.LOCKED
        assert time.monotonic() - started >= 0.2
        assert tree.recover(ground.journals) == [], "whoever holds the lock is let be"
        waiting = threading.Thread(target=apply, args=(change("c.rs", b"", b"x"),))
        waiting.start()
        time.sleep(0.1)
        assert ground.state() == "old"
    waiting.join()
    assert (ground.root / "c.rs").read_bytes() == b"x"


def test_the_lock_goes_with_its_holder(ground, engine, apply):
    shelf = journal.shelf_of(ground.journals, ground.root)

    def hold():
        with journal.locked(shelf, 0):
            os.kill(os.getpid(), 9)

    assert engine.fork(hold) == -9
    apply(engine.PATCH, wait_s=0)
    assert ground.state() == "new"


def test_the_journal_survives_another_cache_layout(ground, engine, apply):
    """Folders that are no journals are let be."""
    (ground.journals / "odd/x.applied").mkdir(parents=True)
    (ground.journals / "odd/x.applied/record.json").write_text('{"id": 3}')
    apply(engine.PATCH)
    assert len(tree.history(ground.journals)) == 1


# A kernel that refuses: no hooks here.

WRITER = textwrap.dedent(
    """
    import resource, sys
    from pathlib import Path
    from rusta_server.patch import apply as tree, patch
    from rusta_server.patch.result import Conflict
    root, journals, path, limit, n = *map(Path, sys.argv[1:4]), *map(int, sys.argv[4:6])
    if limit:
        import signal
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    files = {f"{path}/{i}.rs": (root / path / f"{i}.rs").read_bytes() for i in range(n)}
    new = {path: b"x" * 4000 + text for path, text in files.items()}
    try:
        tree.apply(root, patch.between(files, new), journals=journals)
        print("applied")
    except Conflict as conflict:
        print(conflict.code, conflict)
    """
)


def write_in_child(root, journals, folder, *, n, limit=0, launcher=()):
    command = [*launcher, sys.executable, "-c", WRITER, root, journals, folder, limit, n]
    command = [str(argument) for argument in command]
    return subprocess.run(command, cwd=root, capture_output=True, text=True, check=False).stdout


def make_many(root: Path, n: int) -> None:
    root.mkdir(parents=True)
    for number in range(n):
        (root / f"{number}.rs").write_bytes(b"old %d" % number)


def test_a_tree_that_cannot_be_written_stays_as_it_is(ground, engine):
    """The kernel refuses every write below the tree, even root's."""
    make_many(ground.root / "many", 3)
    before = ground.now()
    ground.journals.mkdir(parents=True)
    here = [Path(__file__).parents[2], Path(sys.prefix), Path(sys.base_prefix), ground.root]
    launcher = sandbox.prefix([ground.journals], here)
    if not launcher:
        pytest.skip("no sandbox on this system")
    said = write_in_child(ground.root, ground.journals, "many", n=3, launcher=launcher)
    assert said.startswith("cannot-write")
    assert ground.now() == before


def test_a_file_size_limit_in_the_middle(ground):
    make_many(ground.root / "many", 3)
    (ground.root / "many/2.rs").write_bytes(b"y" * 3000)
    before = ground.now()
    said = write_in_child(ground.root, ground.journals, "many", n=3, limit=5000)
    assert said.startswith("cannot-write")
    assert ground.now() == before
    assert ground.pending() == []


@pytest.mark.parametrize("blocks", range(20, 120, 12))
def test_a_small_disk_that_is_full(tmp_path, blocks):
    """A real file system with room for `blocks` pages: for nothing, for the journal, for all."""
    script = textwrap.dedent(
        f"""
        mount -t tmpfs -o size={blocks * 4}k none {tmp_path} || exit 77
        mkdir {tmp_path}/w {tmp_path}/w/many
        for i in 0 1 2 3 4 5 6 7 8 9; do printf 'old %s' $i > {tmp_path}/w/many/$i.rs; done
        cp -r {tmp_path}/w /dev/shm/$$
        {sys.executable} -c "$1" {tmp_path}/w {tmp_path}/j many 0 10
        [ -z "$(find {tmp_path}/w -name '.rusta*')" ] || echo "something is left"
        [ -z "$(find {tmp_path}/j -name '*.pending')" ] || echo "something is pending"
        diff -r {tmp_path}/w /dev/shm/$$ > /dev/null && echo unchanged
        rm -r /dev/shm/$$
        """
    )
    command = ["unshare", "-rm", "sh", "-c", script, "sh", WRITER]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode == 77 or "unshare" in done.stderr:
        pytest.skip("no mounts without privileges on this system")
    code, *rest = done.stdout.split()
    assert code in ("applied", "cannot-write")
    assert "something" not in rest
    assert ("unchanged" in rest) == (code == "cannot-write")


def test_a_file_of_any_name_length(ground, apply):
    name = "n" * 252 + ".rs"
    apply(change(name, None, b"x"))
    apply(change(name, b"x", b"y"))
    assert (ground.root / name).read_bytes() == b"y"


def test_a_file_with_another_name_outside_keeps_it_there(ground, apply):
    """The other name of a hard link lies outside, and keeps the old content."""
    os.link(ground.root / "c.rs", ground.outside / "c.rs")
    apply(change("c.rs", b"", b"x"))
    assert (ground.outside / "c.rs").read_bytes() == b""


def test_where_the_system_cannot_swap(ground, engine, apply, revert, monkeypatch):
    monkeypatch.setattr(disk, "_renameat2", None)
    done = apply(engine.PATCH)
    assert ground.state() == "new"
    revert(done.id)
    assert ground.state() == "old"
    both = evolve(engine.PATCH, creates=frozenset(), deletes=frozenset())
    assert refused(apply, both) == ResultCode.UNANNOUNCED_CREATION
