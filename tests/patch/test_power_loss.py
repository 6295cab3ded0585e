"""The power fails: what was not synced may be on the disk, or not, or in part, in any order.

A run of the engine is recorded into a model of a disk that knows what was synced. For each instant the
model is asked for the states the disk may be in; each is built for real, and recovery runs on it.
"""

import copy
import itertools
import os
import random
import shutil
from pathlib import Path

import pytest
from attrs import define, field

from rusta_server.patch import apply as tree
from rusta_server.patch import disk

STATES_PER_INSTANT = 40


@define
class Node:
    """A file or a folder: what is on the disk for certain, and what was done to it since."""

    is_folder: bool
    content: bytes = b""  # of a file, if all writes are kept
    synced: bytes = b""
    entries: dict[str, int] = field(factory=dict)  # of a folder, as synced
    changes: list[dict[str, int | None]] = field(factory=list)  # each of them happens as a whole, or not

    def now(self) -> dict[str, int]:
        return self.after(self.changes)

    def after(self, changes) -> dict[str, int]:
        merged = dict(self.entries)
        for change in changes:
            merged |= change
        return {name: number for name, number in merged.items() if number is not None}


class Model:
    """A disk below `base`, told of every system call."""

    def __init__(self, base: Path, *, ignores_sync: bool = False) -> None:
        self.base, self.ignores_sync = base, ignores_sync
        self.nodes: list[Node] = []
        self.numbers: dict[int, int] = {}  # by inode
        self.snapshots: list[list[Node]] = []
        self._scan(base)

    def _scan(self, path: Path) -> int:
        number = self._new(path, Node(path.is_dir()))
        node = self.nodes[number]
        if node.is_folder:
            node.entries = {child.name: self._scan(child) for child in path.iterdir()}
        else:
            node.content = node.synced = path.read_bytes()
        return number

    def _new(self, what, node: Node) -> int:
        self.nodes.append(node)
        self.numbers[os.stat(what).st_ino] = len(self.nodes) - 1  # noqa: PTH116  or a handle
        return len(self.nodes) - 1

    def node(self, handle: int) -> Node:
        return self.nodes[self.numbers[os.fstat(handle).st_ino]]

    def hook(self, number, name, call):
        args, kwargs = call.__closure__[0].cell_contents, call.__closure__[1].cell_contents
        is_new = name == "open" and args[1] & os.O_CREAT and not self._is_there(args[0], kwargs.get("dir_fd"))
        result = call()
        told = getattr(self, "_" + name.replace(" ", "_"), None)
        if told and (name != "open" or is_new):
            told(result, *args, **kwargs)
            self.snapshots.append(copy.deepcopy(self.nodes))
        return result

    def _is_there(self, path, dir_fd) -> bool:
        return Path(path).exists() if dir_fd is None else path in self.node(dir_fd).now()

    def _place(self, path, dir_fd) -> tuple[Node, str]:
        if dir_fd is not None:
            return self.node(dir_fd), path
        path = Path(path)
        return self.nodes[self.numbers[path.parent.stat().st_ino]], path.name

    def _open(self, handle, path, flags, mode=0, dir_fd=None):
        folder, name = self._place(path, dir_fd)
        folder.changes.append({name: self._new(handle, Node(False))})

    def _mkdir(self, _, path, mode=0, dir_fd=None):
        folder, name = self._place(path, dir_fd)
        there = Path(f"/proc/self/fd/{dir_fd}", path) if dir_fd is not None else path
        folder.changes.append({name: self._new(there, Node(True))})

    def _write(self, n_written, handle, data):
        self.node(handle).content += bytes(data[:n_written])

    def _fsync(self, _, handle):
        node = self.node(handle)
        if not self.ignores_sync:
            node.synced = node.content
            node.entries, node.changes = node.now(), []

    def _rename(self, _, old, new, src_dir_fd, dst_dir_fd):
        folder = self.node(src_dir_fd)
        folder.changes.append({old: None, new: folder.now()[old]})

    def _rename_with_flags(self, done, handle, old, new, flags):
        folder = self.node(handle)
        now = folder.now()
        if done and flags == disk._EXCHANGE:
            # `now` is asked after the call, but the model has not heard of it yet.
            folder.changes.append({old: now[new], new: now[old]})
        elif done:
            folder.changes.append({old: None, new: now[old]})

    def _unlink(self, _, name, dir_fd):
        self.node(dir_fd).changes.append({name: None})

    _rmdir = _unlink


def states(nodes: list[Node], chance: random.Random):
    """What the disk may hold: any changes of each folder, all, half or none of the writes to each file.

    All of them, if they are few; else everything lost, everything kept, and a sample.
    """
    folders = [n for n, node in enumerate(nodes) if node.is_folder and node.changes]
    files = [n for n, node in enumerate(nodes) if not node.is_folder and node.synced != node.content]
    n_choices = sum(len(nodes[n].changes) for n in folders)
    if 2**n_choices * 3 ** len(files) <= STATES_PER_INSTANT:
        masks = itertools.product(
            itertools.product((False, True), repeat=n_choices), *[(0, 1, 2)] * len(files)
        )
    else:
        picked = [tuple(chance.random() < p for _ in range(n_choices)) for p in (0.2, 0.5, 0.5, 0.8) * 9]
        masks = [(mask, *(chance.randrange(3) for _ in files)) for mask in picked]
        masks += [((False,) * n_choices, *[0] * len(files)), ((True,) * n_choices, *[0] * len(files))]
        masks += [((True,) * n_choices, *[2] * len(files))]
    for mask, *kept in masks:
        bits = iter(mask)
        state = {}
        for n, node in enumerate(nodes):
            if node.is_folder:
                state[n] = node.after([change for change in node.changes if next(bits)])
            else:
                state[n] = node.synced
        for n, how_much in zip(files, kept, strict=True):
            node = nodes[n]
            state[n] = (node.synced, node.content[: len(node.content) // 2], node.content)[how_much]
        yield state


def build(state, path: Path, number: int = 0) -> None:
    if isinstance(state[number], bytes):
        path.write_bytes(state[number])
        return
    path.mkdir()
    for name, child in state[number].items():
        build(state, path / name, child)


def contents(snapshot):
    return {path: what if what == "folder" else what[0] for path, what in snapshot.items()}


def try_all(ground, engine, model: Model) -> tuple[int, int, set[str]]:
    """Lose the power at every instant; the number of disks tried, of broken trees, and what the last held."""
    chance = random.Random(1)
    old, new = contents(ground.old), contents(ground.new)
    n_tried = n_broken = 0
    for nodes in model.snapshots:
        last = set()
        for state in states(nodes, chance):
            shutil.rmtree(ground.base)
            build(state, ground.base)
            tree.recover(ground.journals)
            now = contents(ground.now())
            n_tried += 1
            n_broken += now not in (old, new)
            last.add("old" if now == old else "new" if now == new else "between")
    return n_tried, n_broken, last


@pytest.fixture(autouse=True)
def no_sync(monkeypatch):
    """The model knows about it; the real disk need not be slow."""
    monkeypatch.setattr(os, "fsync", lambda handle: None)


@pytest.mark.slow
@pytest.mark.parametrize("can_swap", [True, False], ids=["swap", "rename"])
@pytest.mark.parametrize("undo", [False, True], ids=["apply", "revert"])
def test_after_a_power_loss_the_tree_is_old_or_new(ground, engine, monkeypatch, undo, can_swap):
    if not can_swap:
        monkeypatch.setattr(disk, "_renameat2", None)
    done = tree.apply(ground.root, engine.PATCH, journals=ground.journals) if undo else None
    model = Model(ground.base)
    with engine.hooked(model.hook):
        if done:
            tree.revert(ground.root, done.id, journals=ground.journals)
        else:
            tree.apply(ground.root, engine.PATCH, journals=ground.journals)
    n_tried, n_broken, last = try_all(ground, engine, model)
    assert n_broken == 0
    assert last == {"old" if undo else "new"}, "what is reported as done is on the disk"
    assert len(model.snapshots) > 40
    assert n_tried > 500


@pytest.mark.slow
def test_without_syncs_the_model_finds_broken_trees(ground, engine):
    """So the test above can fail."""
    model = Model(ground.base, ignores_sync=True)
    with engine.hooked(model.hook):
        tree.apply(ground.root, engine.PATCH, journals=ground.journals)
    assert try_all(ground, engine, model)[1] > 100
