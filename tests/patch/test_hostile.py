"""Patches that mean harm: nothing outside the workspace changes, and inside it all or nothing."""

import os
import shutil
import stat
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rusta_server.patch import apply as tree
from rusta_server.patch import patch
from rusta_server.patch.edit import Edit
from rusta_server.patch.result import Conflict, ResultCode

FILES = {"a.rs": b"fn a() {}\n", "src/b.rs": b"\xef\xbb\xbffn b() {}\r\n", "src/deep/c.rs": b"no newline"}

# Names that lead out, to git, to devices, to other files of the same name, and plain ones.
NAMES = st.sampled_from(
    [
        *("..", ".", "", "~", "-rf", "a.rs", "A.rs", "src", "SRC", "b.rs", "deep", "c.rs", "new", "new.rs"),
        *(
            ".git",
            ".GIT",
            ".git ",
            ".gi\u200ct",
            "git~1",
            "hooks",
            "pre-commit",
            "config",
            ".cargo",
            "config.toml",
        ),
        *("CON", "nul.rs", "com1", "x:y", "x.", "é.rs", "e\u0301.rs", "\u202etxt.rs", "\n", "\0", "\\..\\x"),
        *("link-out", "link-file", "link-loop", "link-in", "pipe", "outside", "secret", "/", "C:", "\udcff"),
    ]
)
PATHS = st.one_of(
    st.sampled_from(sorted(FILES)),
    st.lists(NAMES, min_size=1, max_size=5).map("/".join),
    st.lists(NAMES, min_size=1, max_size=4).map(lambda names: "/" + "/".join(names)),
    st.text(max_size=12),
    st.sampled_from(["pipe", "src", "link-file", "link-in/b.rs", "link-out/a.rs", ".git/config", "SRC/b.rs"]),
    st.sampled_from(["{outside}/secret", "/etc/passwd", "/proc/self/mem", "/dev/sda", "../outside/secret"]),
)
SPANS = st.tuples(st.integers(-2, 40), st.integers(-2, 40), st.binary(max_size=6))
HASHES = st.sampled_from(["right", "right", "right", "wrong", "none", "absent", "empty"])


@st.composite
def hostile(draw):
    """The raw parts of a patch: edits, how the expected hashes lie, what is announced."""
    paths = draw(st.lists(PATHS, min_size=1, max_size=4))
    edits = [(draw(st.sampled_from(paths)), *draw(SPANS)) for _ in range(draw(st.integers(0, 4)))]
    hashes = {path: draw(HASHES) for path in paths}
    creates = draw(st.lists(st.sampled_from(paths), max_size=2))
    deletes = draw(st.lists(st.sampled_from(paths), max_size=2))
    return edits, hashes, creates, deletes


@pytest.fixture(scope="module")
def arena(tmp_path_factory):
    base = tmp_path_factory.mktemp("arena")
    outside = base / "outside"
    outside.mkdir()
    (outside / "secret").write_bytes(b"secret")
    (outside / "a.rs").write_bytes(FILES["a.rs"])
    build(base / "w", outside)
    return base


def build(root: Path, outside: Path) -> None:
    for path, content in FILES.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(content)
    (root / ".git/hooks").mkdir(parents=True)
    (root / ".git/config").write_bytes(b"[core]\n")
    (root / "link-out").symlink_to(outside)
    (root / "link-file").symlink_to(outside / "secret")
    (root / "link-loop").symlink_to("link-loop")
    (root / "link-in").symlink_to("src")
    os.mkfifo(root / "pipe")


def look(root: Path, *, times: bool) -> dict[str, object]:
    """Bytes and permissions of everything; with `times` also when it was written, and under which number."""
    found: dict[str, object] = {}
    for folder, folders, files in os.walk(root):
        for name in [*folders, *files]:
            path = Path(folder, name)
            info = path.lstat()
            content = path.read_bytes() if stat.S_ISREG(info.st_mode) else None
            found[str(path)] = (info.st_mode, content, (info.st_mtime_ns, info.st_ino) if times else None)
    return found


def make(raw, root: Path, outside: Path) -> patch.Patch:
    edits, hashes, creates, deletes = raw
    real = {path: path.replace("{outside}", str(outside)) for path in hashes}
    before: dict[str, str | None] = {}
    for path, kind in hashes.items():
        content = FILES.get(path)
        right = None if content is None else patch.sha256(content)
        value = {"right": right, "wrong": "0" * 64, "none": None, "empty": patch.sha256(b"")}
        if kind != "absent":
            before[real[path]] = value[kind]
    return patch.Patch(
        tuple(Edit(real[path], start, end, text) for path, start, end, text in edits),
        before,
        frozenset(real[path] for path in creates),
        frozenset(real[path] for path in deletes),
    )


@pytest.mark.slow
def test_nothing_outside_changes(arena):
    root, outside, journals = arena / "w", arena / "outside", arena / "j"
    codes: set[ResultCode] = set()

    @settings(
        max_examples=2_500,
        derandomize=True,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(hostile())
    def attack(raw):
        before_outside, before_git = look(outside, times=True), look(root / ".git", times=True)
        before, entries = look(root, times=True), {*arena.iterdir()}
        try:
            done = tree.apply(root, make(raw, root, outside), journals=journals)
        except (Conflict, ValueError) as error:
            codes.add(error.code if isinstance(error, Conflict) else ResultCode.OUT_OF_RANGE)
            assert look(root, times=True) == before, "refused, but something was written"
        else:
            codes.add(done.code)
            tree.revert(root, done.id, journals=journals)
            plain = {path: state[:2] for path, state in before.items()}
            assert {path: state[:2] for path, state in look(root, times=False).items()} == plain
        assert look(outside, times=True) == before_outside
        assert look(root / ".git", times=True) == before_git
        assert {*arena.iterdir()} - {journals} == entries - {journals}
        shutil.rmtree(journals, ignore_errors=True)

    attack()
    assert codes >= {
        ResultCode.APPLIED,
        ResultCode.OVERLAP,
        ResultCode.OUT_OF_RANGE,
        ResultCode.NO_PREIMAGE,
        ResultCode.UNANNOUNCED_CREATION,
        ResultCode.ABSOLUTE_PATH,
        ResultCode.PARENT_PATH,
        ResultCode.MALFORMED_PATH,
        ResultCode.RESERVED_NAME,
        ResultCode.GIT_FOLDER,
        ResultCode.COLLISION,
        ResultCode.SYMLINK,
        ResultCode.NOT_A_FILE,
        ResultCode.MISSING,
        ResultCode.EXISTS,
        ResultCode.CHANGED,
    }, "the generated patches no longer reach every refusal"
