"""Writing into the tree: all or nothing, whatever happens. What is left behind is what counts."""

import json
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from rusta_server.errors import RustaError
from rusta_server.patch import apply as tree
from rusta_server.patch.apply import Change, Conflict
from rusta_server.tools import sandbox

OLD = {"src/a.rs": b"old a\n", "src/b.rs": b"\xff old b", "c.rs": b""}
NEW = {"src/a.rs": b"new a\n", "src/b.rs": b"\xfe new b", "c.rs": b"new c\n"}
CHANGES = [Change(path, OLD[path], NEW[path]) for path in OLD]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "crate"
    (root / "src").mkdir(parents=True)
    for path, text in OLD.items():
        (root / path).write_bytes(text)
    (root / "src/a.rs").chmod(0o640)
    return root


@pytest.fixture
def journals(tmp_path: Path) -> Path:
    return tmp_path / "journals"


def contents(root: Path) -> dict[str, bytes]:
    return {p.relative_to(root).as_posix(): p.read_bytes() for p in root.rglob("*") if p.is_file()}


def test_all_files_are_written_and_keep_their_mode(root, journals):
    tree.apply(root, CHANGES, journals=journals)
    assert contents(root) == NEW
    assert (root / "src/a.rs").stat().st_mode & 0o777 == 0o640


def test_a_revert_restores_every_byte_and_bumps_the_time(root, journals):
    before = (root / "src/a.rs").stat().st_mtime_ns
    applied = tree.apply(root, CHANGES, journals=journals)
    tree.revert(applied)
    assert contents(root) == OLD
    assert (root / "src/a.rs").stat().st_mtime_ns > before
    assert list(journals.iterdir()) == []


def test_a_file_that_changed_meanwhile_stops_everything(root, journals):
    (root / "c.rs").write_bytes(b"somebody else")
    with pytest.raises(Conflict, match="changed since"):
        tree.apply(root, CHANGES, journals=journals)
    assert contents(root) == {**OLD, "c.rs": b"somebody else"}


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_links_are_never_followed(root, journals, kind, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "a.rs").write_bytes(OLD["src/a.rs"])
    (outside / "b.rs").write_bytes(OLD["src/b.rs"])
    if kind == "file":
        (root / "src/a.rs").unlink()
        (root / "src/a.rs").symlink_to(outside / "a.rs")
    else:
        (root / "src").rename(root / "gone")
        (root / "src").symlink_to(outside)
    with pytest.raises(Conflict, match="not a regular file"):
        tree.apply(root, CHANGES, journals=journals)
    assert (outside / "a.rs").read_bytes() == OLD["src/a.rs"]


def test_a_failure_in_the_middle_takes_everything_back(root, journals, monkeypatch):
    real, calls = tree._replace, []

    def fails_at_the_second_source(file, content):
        if file.name == "b.rs" and content == NEW["src/b.rs"]:
            raise OSError(28, "No space left on device", str(file))
        calls.append(file.name)
        real(file, content)

    monkeypatch.setattr(tree, "_replace", fails_at_the_second_source)
    with pytest.raises(RustaError, match=r"No space left.*Nothing was changed"):
        tree.apply(root, CHANGES, journals=journals)
    assert calls[0] == "a.rs"
    assert contents(root) == OLD


# A kill at any instant: the writer runs in another process and dies at the n-th system call that matters.

WRITER = textwrap.dedent(
    """
    import os, sys
    from pathlib import Path
    from rusta_server.patch import apply as tree
    root, journals, fatal = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    old, new = eval(sys.argv[4]), eval(sys.argv[5])
    count = 0
    def deadly(name, real):
        def call(*args, **kwargs):
            global count
            count += 1
            if count == fatal:
                os._exit(9)
            return real(*args, **kwargs)
        return call
    os.fsync = deadly("fsync", os.fsync)
    Path.replace = deadly("rename", Path.replace)
    os.open = deadly("open", os.open)
    tree.apply(root, [tree.Change(p, old[p], new[p]) for p in old], journals=journals)
    print(count)
    """
)


def write_and_die(root: Path, journals: Path, fatal: int, launcher=()) -> subprocess.CompletedProcess:
    command = [sys.executable, "-c", WRITER, str(root), str(journals), str(fatal), repr(OLD), repr(NEW)]
    command = [*launcher, *command]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_a_tree_that_cannot_be_written_stays_as_it_is(root, journals):
    """The kernel refuses every write below the tree, even root's."""
    journals.mkdir()
    launcher = sandbox.prefix([journals])
    if not launcher:
        pytest.skip("no sandbox on this system")
    done = write_and_die(root, journals, 0, launcher)
    assert "Nothing was changed" in done.stderr
    assert contents(root) == OLD
    tree.recover(journals)
    assert list(journals.iterdir()) == []


def test_after_a_kill_at_any_instant_the_tree_is_all_old_or_all_new(root, journals):
    n_instants = int(write_and_die(root, journals, 0).stdout)
    assert n_instants > 12
    for fatal in range(1, n_instants + 1):
        for path, text in OLD.items():
            (root / path).write_bytes(text)
        assert write_and_die(root, journals, fatal).returncode == 9
        tree.recover(journals)
        assert contents(root) in (OLD, NEW), f"killed at instant {fatal}"
        finished = [json.loads((j / "record.json").read_text())["state"] for j in journals.iterdir()]
        assert "pending" not in finished


def test_recovery_does_not_overwrite_what_a_person_wrote_after_the_kill(root, journals):
    """Killed between the files; then the person edits one of them."""
    for fatal in range(1, 40):
        for path, text in OLD.items():
            (root / path).write_bytes(text)
        if write_and_die(root, journals, fatal).returncode != 9:
            break
        if contents(root)["src/a.rs"] == NEW["src/a.rs"]:
            break
        tree.recover(journals)
    (root / "src/a.rs").write_bytes(b"mine")
    with pytest.raises(Conflict, match=r"a\.rs"):
        tree.recover(journals)
    assert (root / "src/a.rs").read_bytes() == b"mine"
    (journal,) = [
        j for j in journals.iterdir() if json.loads((j / "record.json").read_text())["state"] == "pending"
    ]
    assert (journal / "0.before").read_bytes() == OLD["src/a.rs"], "the old content is kept"
