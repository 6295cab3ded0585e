"""Kills, faults and other writers at every system call of the engine. What is left behind is what counts."""

import errno
import itertools
import os
import signal
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from rusta_server.patch import apply as tree
from rusta_server.patch import disk
from rusta_server.patch.result import Conflict, ResultCode

FOREVER = 5_000  # more calls than any run makes


def killing(fatal: int, torn: bool = False):
    """A hook that kills the process before its call number `fatal`; with `torn` half-way through a write."""
    n_writes = 0

    def hook(number, name, call):
        nonlocal n_writes
        n_writes += name == "write"
        if torn and name == "write" and n_writes == fatal:
            handle, data = call.__closure__[0].cell_contents
            os.write(handle, bytes(data)[: len(data) // 2])
        if (n_writes if torn else number) == fatal:
            os.kill(os.getpid(), signal.SIGKILL)
        return call()

    return hook


def kill_everywhere(ground, engine, action, between, *, torn=False):
    """Kill `action` before each of its calls; `between` is called after each kill. The number of kills."""
    for fatal in range(1, FOREVER):

        def doomed(fatal=fatal):
            with engine.hooked(killing(fatal, torn)):
                action()

        code = engine.fork(doomed)
        if code == 0:
            return fatal - 1
        assert code == -signal.SIGKILL
        between(fatal)
    raise AssertionError("it never ends")


MEMORY = Path("/dev/shm")


@pytest.fixture
def tmp_path(tmp_path):
    """In memory, where that can be: the calls are the same, and thousands of trees are made."""
    if not os.access(MEMORY, os.W_OK):
        yield tmp_path
        return
    with TemporaryDirectory(prefix="rusta-test-", dir=MEMORY, ignore_cleanup_errors=True) as folder:
        yield Path(folder)


@pytest.fixture(autouse=True)
def no_sync(monkeypatch):
    """A kill takes nothing from the disk; `test_power_loss` looks at that."""
    monkeypatch.setattr(os, "fsync", lambda handle: None)


@pytest.fixture
def apply(ground, engine):
    return lambda: tree.apply(ground.root, engine.PATCH, journals=ground.journals)


@pytest.fixture
def recover(ground, engine):
    """Recovery in a process of its own."""

    def run():
        assert engine.fork(lambda: tree.recover(ground.journals)) == 0
        assert ground.pending() == []

    return run


@pytest.mark.slow
@pytest.mark.parametrize("torn", [False, True])
@pytest.mark.parametrize("can_swap", [True, False])
def test_apply_killed_at_any_instant(ground, engine, apply, recover, monkeypatch, torn, can_swap):
    if not can_swap:
        monkeypatch.setattr(disk, "_renameat2", None)
    seen = set()

    def check(fatal):
        seen.add(ground.state())
        recover()
        assert ground.state() in ("old", "new"), f"killed before call {fatal}"
        assert len(tree.history(ground.journals)) == (ground.state() == "new")
        ground.reset()

    n_kills = kill_everywhere(ground, engine, apply, check, torn=torn)
    assert n_kills > (5 if torn else 150)
    assert torn or seen == {"old", "between", "new"}, "the kills came too early or too late"


@pytest.mark.slow
@pytest.mark.parametrize("torn", [False, True])
def test_revert_killed_at_any_instant(ground, engine, apply, recover, torn):
    done = apply()
    ground.save()
    seen = set()

    def check(fatal):
        seen.add(ground.state())
        recover()
        assert ground.state() in ("old", "new"), f"killed before call {fatal}"
        assert len(tree.history(ground.journals)) == (ground.state() == "new")
        ground.restore()

    def revert():
        tree.revert(ground.root, done.id, journals=ground.journals)

    assert kill_everywhere(ground, engine, revert, check, torn=torn) > (5 if torn else 150)
    assert torn or seen == {"old", "between", "new"}


@pytest.mark.slow
def test_recovery_killed_at_any_instant(ground, engine, apply, recover):
    """A kill of the apply, at every 40th call, then one of the recovery, at every call."""
    n_kills, n_half = 0, 0
    for first in itertools.count(30, 40):

        def doomed(first=first):
            with engine.hooked(killing(first)):
                apply()

        ground.reset()
        if engine.fork(doomed) == 0:
            break
        if not ground.pending():
            continue
        ground.save()

        def check(fatal, first=first):
            nonlocal n_half
            n_half += ground.state() == "between"
            recover()
            assert ground.state() == "old", f"killed before call {first}, then before call {fatal}"
            ground.restore()

        n_kills += kill_everywhere(ground, engine, lambda: tree.recover(ground.journals), check)
    assert n_kills > 200
    assert n_half > 50


@pytest.mark.slow
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EACCES, errno.EIO], ids=errno.errorcode.get)
@pytest.mark.parametrize("lasting", [False, True], ids=["once", "lasting"])
@pytest.mark.parametrize("undo", [False, True], ids=["apply", "revert"])
def test_any_call_fails(ground, engine, apply, code, lasting, undo):
    action = apply
    if undo:
        done = apply()
        action = lambda: tree.revert(ground.root, done.id, journals=ground.journals)  # noqa: E731
    first = ground.state()
    ground.save()
    results = []
    for faulty in range(1, FOREVER):
        reached = False

        def hook(number, name, call, faulty=faulty):
            nonlocal reached
            if number == faulty or (lasting and number > faulty):
                reached = True
                if name == "close":
                    call()
                raise OSError(code, os.strerror(code))
            return call()

        try:
            with engine.hooked(hook):
                action()
            results.append("done")
        except Conflict as conflict:
            results.append(conflict.code)
        if not reached:
            break
        if results[-1] == ResultCode.CANNOT_WRITE:
            assert ground.state() == first, f"call {faulty} failed"
        if results[-1] == "done":
            assert ground.state() not in (first, "between"), f"call {faulty} failed"
        tree.recover(ground.journals)
        assert ground.state() in ("old", "new"), f"call {faulty} failed"
        assert ground.pending() == []
        ground.restore()
    assert len(results) > 150
    assert lasting or ResultCode.HALF_WRITTEN not in results, "one fault, and it could not be put back"
    assert ResultCode.CANNOT_WRITE in results


@pytest.mark.parametrize("most", [1, 3])
def test_every_write_is_a_short_one(ground, engine, apply, most):
    def hook(number, name, call):
        if name == "write":
            handle, data = call.__closure__[0].cell_contents
            return os.write(handle, bytes(data)[:most])
        return call()

    with engine.hooked(hook):
        done = apply()
        assert ground.state() == "new"
        tree.revert(ground.root, done.id, journals=ground.journals)
    assert ground.state() == "old"


def overwrite(ground):
    (ground.root / "src/a.rs").write_bytes(b"mine")


def replace(ground):
    (ground.root / "src/mine").write_bytes(b"mine")
    (ground.root / "src/mine").rename(ground.root / "src/a.rs")


def delete(ground):
    (ground.root / "src/a.rs").unlink()


def link(ground):
    """The target holds what the file held, so no hash can tell."""
    (ground.root / "src/a.rs").unlink()
    (ground.root / "src/a.rs").symlink_to(ground.outside / "a.rs")


def put_a_folder(ground):
    (ground.root / "src/a.rs").unlink()
    (ground.root / "src/a.rs").mkdir()


@pytest.mark.slow
@pytest.mark.parametrize("act", [overwrite, replace, delete, link, put_a_folder])
def test_somebody_else_changes_a_file_at_any_instant(ground, engine, apply, act):
    """What they did is never lost, and all other files are old, or all are new."""
    outside = engine.snapshot(ground.outside)
    codes = set()
    for instant in range(1, FOREVER):
        acted, theirs = False, None

        def hook(number, name, call, instant=instant):
            nonlocal acted, theirs
            if number == instant:
                act(ground)
                acted, theirs = True, look(ground.root)
            return call()

        try:
            with engine.hooked(hook):
                apply()
            codes.add("done")
        except Conflict as conflict:
            codes.add(conflict.code)
        if not acted:
            break
        assert look(ground.root) == theirs, f"before call {instant}"
        rest, old, new = (others(state) for state in (ground.now(), ground.old, ground.new))
        assert rest in (old, new), f"before call {instant}"
        assert (rest == new) == bool(tree.history(ground.journals))
        assert engine.snapshot(ground.outside) == outside
        ground.reset()
    expected = {overwrite: {ResultCode.CHANGED}, replace: {ResultCode.CHANGED}, delete: {ResultCode.MISSING}}
    assert codes >= {"done"} | expected.get(act, set())


def look(root):
    path = root / "src/a.rs"
    if path.is_symlink():
        return path.readlink()
    return path.read_bytes() if path.is_file() else ("folder" if path.is_dir() else None)


def others(state):
    return {path: what for path, what in state.items() if path != "src/a.rs"}


@pytest.mark.slow
def test_a_folder_is_swapped_for_a_link_at_any_instant(ground, engine, apply):
    """Nothing is written where the link leads; the folder that was moved is all old or all new."""
    outside = engine.snapshot(ground.outside)
    for instant in range(1, FOREVER):
        swapped = False

        def hook(number, name, call, instant=instant):
            nonlocal swapped
            if number == instant:
                swapped = True
                (ground.root / "src").rename(ground.root / "moved")
                (ground.root / "src").symlink_to(ground.outside)
            return call()

        with engine.hooked(hook), suppress(Conflict):
            apply()
        if not swapped:
            break
        assert engine.snapshot(ground.outside) == outside, f"before call {instant}"
        (ground.root / "src").unlink()
        (ground.root / "moved").rename(ground.root / "src")
        assert ground.state() in ("old", "new"), f"before call {instant}"
        ground.reset()
    assert instant > 150


@pytest.mark.slow
def test_a_person_edits_after_the_kill(ground, engine, apply):
    """Their bytes stay, the rest is put back, and the old content is kept for them."""
    n_conflicts = 0
    for fatal in range(1, FOREVER):

        def doomed(fatal=fatal):
            with engine.hooked(killing(fatal)):
                apply()

        ground.reset()
        if engine.fork(doomed) == 0:
            break
        overwrite(ground)
        for found in tree.recover(ground.journals):
            if found.conflicts:
                n_conflicts += 1
                assert found.conflicts == ("src/a.rs",)
                assert engine.OLD["src/a.rs"] in [file.read_bytes() for file in found.kept.glob("*.before")]
        assert look(ground.root) == b"mine"
        assert others(ground.now()) in (others(ground.old), others(ground.new))
        assert tree.recover(ground.journals) == [], "it is told once"
    assert n_conflicts > 30


def killed_half_way(ground, engine, apply):
    def doomed():
        with engine.hooked(killing(150)):
            apply()

    assert engine.fork(doomed) == -signal.SIGKILL
    assert ground.state() == "between"


def test_a_workspace_that_is_gone_is_put_back_when_it_is_there_again(ground, engine, apply):
    killed_half_way(ground, engine, apply)
    ground.root.rename(ground.base / "elsewhere")
    assert tree.recover(ground.journals) == []
    (ground.base / "elsewhere").rename(ground.root)
    (found,) = tree.recover(ground.journals)
    assert len(found.restored) == 5
    assert ground.state() == "old"


def test_what_cannot_be_put_back_now_is_said_and_tried_again(ground, engine, apply, monkeypatch):
    def full_disk(handle):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    killed_half_way(ground, engine, apply)
    with monkeypatch.context() as broken:
        broken.setattr(disk, "_sync", full_disk)
        (found,) = tree.recover(ground.journals)
        assert "No space" in found.problem
        assert found.kept.is_dir()
        with pytest.raises(Conflict) as caught:
            apply()
        assert caught.value.code == ResultCode.HALF_WRITTEN
    (found,) = tree.recover(ground.journals)
    assert found.problem is None
    assert ground.state() == "old"
