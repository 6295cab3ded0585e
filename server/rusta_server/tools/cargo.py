"""cargo: where a workspace lies, `check` and `test`. Always offline."""

import json
import os
import re
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from attrs import evolve, frozen

from ..errors import RustaError
from .diagnostic import Checked, CouldNotCheck, Diagnostic, parse
from .process import Cancel, Cancelled, Ended, Finished, TimedOut, run

CheckOutcome = Checked | CouldNotCheck | TimedOut | Cancelled

_METADATA_TIMEOUT_S = 30.0
_WRAPPERS = ("RUSTC_WRAPPER", "RUSTC_WORKSPACE_WRAPPER")
_DEPENDENCY_TABLES = (
    "dependencies",
    "dev-dependencies",
    "build-dependencies",
    "patch",
    "replace",
    "workspace",
    "target",
)
_MAIN_KINDS = frozenset({"lib", "rlib", "dylib", "cdylib", "staticlib", "proc-macro", "bin"})
_SUMMARY = re.compile(r"^test result: \S+ (\d+) passed; (\d+) failed;", re.M)
_NOISE = ("Blocking waiting", "Updating", "warning:", "Locking", "Compiling", "Checking")


@frozen
class Package:
    """A member of a workspace; `needs` are the folders of its path dependencies."""

    name: str
    folder: Path
    needs: tuple[Path, ...]


@frozen
class Workspace:
    """A cargo workspace on disk.

    Attributes:
        root: the folder of the workspace's manifest.
        members: its packages.
        target_dir: where the user's builds go.
        outside: folders of path dependencies that lie outside `root`.
        edition: the edition of the first member.
    """

    root: Path
    members: tuple[Package, ...]
    target_dir: Path
    outside: tuple[Path, ...]
    edition: str

    def affected(self, files: Iterable[Path]) -> tuple[str, ...]:
        """Names of the members that hold one of `files`, or depend on one that does.

        All members if there is no file, or one that no package holds.
        """
        folders = [*(member.folder for member in self.members), *self.outside]
        holders = [[folder for folder in folders if file.is_relative_to(folder)] for file in files]
        if not holders or not all(holders):
            return tuple(member.name for member in self.members)
        hit = {max(found, key=lambda folder: len(folder.parts)) for found in holders}
        while more := {m.folder for m in self.members if hit.intersection(m.needs)} - hit:
            hit |= more
        return tuple(member.name for member in self.members if member.folder in hit)


@frozen
class TestRun:
    """cargo test ran to its end.

    Attributes:
        n_passed, n_failed: tests, over all test binaries; a binary that fails without saying how many
            counts as one failed test.
    """

    __test__ = False  # not a test for pytest

    n_passed: int
    n_failed: int
    output: str


@frozen
class Scope:
    """What a check looks at, as far as a person can choose it.

    Attributes:
        subcommand: ``check``, ``clippy`` or what else checks.
        options: features and the target, for checks and tests alike.
    """

    subcommand: str = "check"
    options: tuple[str, ...] = ()


@frozen
class Invocation:
    """How cargo is run on one copy of a workspace.

    Attributes:
        root: the folder of the workspace's manifest, in which cargo runs.
        base: paths in diagnostics are made relative to this folder.
        launcher: a command prefix, such as the sandbox's.
        options: for every subcommand, such as `--config`.
        check_with: the subcommand that checks.
    """

    root: Path
    base: Path
    target_dir: Path
    launcher: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    env: Mapping[str, str] = {}
    check_with: str = "check"

    def run(self, subcommand: str, *options: str, timeout_s: float, cancel: Cancel | None) -> Ended:
        """Run one subcommand, offline.

        Raises:
            FileNotFoundError: there is no cargo.
        """
        command = (*self.launcher, "cargo", subcommand, "--offline", *self.options, *options)
        env = {**environment(self.target_dir), **_toolchain(self.root), **self.env}
        return run(command, cwd=self.root, env=env, timeout_s=timeout_s, cancel=cancel)


def locate(path: Path) -> Workspace:
    """The workspace that `path` (a folder, a file in it, or a Cargo.toml) belongs to.

    Writes nothing: dependencies are not resolved, so no Cargo.lock appears.

    Raises:
        RustaError: no manifest, a broken manifest, or no cargo.
    """
    if not path.exists():
        raise RustaError(f"{path} does not exist.", hint="Give the folder of a crate, or run inside one.")
    folder = path if path.is_dir() else path.parent
    manifest = next(
        (f / "Cargo.toml" for f in (folder, *folder.resolve().parents) if (f / "Cargo.toml").is_file()), None
    )
    if manifest is None:
        raise RustaError(
            f"no Cargo.toml in {folder.resolve()} or above it.",
            hint="Run in a crate, or give its folder: rusta fix PATH",
        )
    _refuse_own_toolchain(manifest.resolve().parent)
    command = (
        "cargo",
        "metadata",
        "--no-deps",
        "--offline",
        "--format-version=1",
        f"--manifest-path={manifest.resolve()}",
    )
    try:
        ended = run(command, cwd=manifest.resolve().parent, env=environment(), timeout_s=_METADATA_TIMEOUT_S)
    except FileNotFoundError:
        raise RustaError(
            "cargo was not found.", hint="Install Rust from https://rustup.rs, then: rusta doctor"
        ) from None
    if not isinstance(ended, Finished):
        raise RustaError(
            f"cargo did not answer about {manifest} within {_METADATA_TIMEOUT_S:g} s.", hint="rusta doctor"
        )
    if ended.code != 0:
        raise _manifest_error(manifest, ended.stderr.decode(errors="replace"))
    return _workspace(json.loads(ended.stdout))


def _refuse_own_toolchain(folder: Path) -> None:
    """rustup would start the programs of a toolchain that comes with the code, outside of any sandbox."""
    if "RUSTUP_TOOLCHAIN" in os.environ:
        return
    for above in (folder, *folder.parents):
        file = above / "rust-toolchain.toml"
        if file.is_file() or (file := above / "rust-toolchain").is_file():
            try:
                path = tomllib.loads(file.read_text(errors="replace")).get("toolchain", {}).get("path")
            except (OSError, tomllib.TOMLDecodeError, AttributeError):
                return
            if path is not None:
                raise RustaError(
                    f"{file} names a toolchain by its path, {path}, whose programs would run unconfined.",
                    hint="If you trust it: RUSTUP_TOOLCHAIN=PATH rusta fix",
                )
            return


def dependencies(root: Path) -> dict[str, Path]:
    """The folders of all packages that the workspace in `root` is built of, by ``NAME@VERSION``.

    Empty where cargo cannot tell without writing: there is no Cargo.lock, it is out of date, a dependency was
    not fetched yet.
    """
    command = ("cargo", "metadata", "--offline", "--locked", "--format-version=1")
    # Or cargo would ask the compiler that the workspace's settings name, whatever that is.
    compiler = {**_toolchain(root), **dict.fromkeys(_WRAPPERS, "")}
    if "RUSTC" not in compiler and "RUSTC" not in os.environ:
        return {}
    try:
        ended = run(command, cwd=root, env={**environment(), **compiler}, timeout_s=_METADATA_TIMEOUT_S)
    except OSError:
        return {}
    if not isinstance(ended, Finished) or ended.code != 0:
        return {}
    packages = json.loads(ended.stdout)["packages"]
    return {f"{one['name']}@{one['version']}": Path(one["manifest_path"]).parent for one in packages}


def check(
    invocation: Invocation, *, all_targets: bool = True, timeout_s: float, cancel: Cancel | None = None
) -> CheckOutcome:
    """`cargo check` of a workspace, of all targets or only of its libraries and programs."""
    options = ["--workspace", "--keep-going", "--message-format=json"]
    options += ["--all-targets"] if all_targets else []
    try:
        ended = invocation.run(invocation.check_with, *options, timeout_s=timeout_s, cancel=cancel)
    except FileNotFoundError:
        return CouldNotCheck("cargo was not found.", "Install Rust from https://rustup.rs")
    if not isinstance(ended, Finished):
        return ended
    return read(ended.code, ended.stdout, ended.stderr, root=invocation.root, base=invocation.base)


def read(code: int, stdout: bytes, stderr: bytes, *, root: Path, base: Path) -> CheckOutcome:
    """Read what a check with `--message-format=json` printed; it ran in `root` and ended with `code`."""
    diagnostics, finished = _read_messages(stdout, root, base)
    if code != 0 and not any(d.is_error for d in diagnostics):
        return _why(stderr.decode(errors="replace"))
    if not finished:
        return CouldNotCheck("cargo check ended before it was finished.", "Try `cargo check` yourself.")
    return Checked(tuple(diagnostics))


def test(
    invocation: Invocation, packages: Iterable[str], *, timeout_s: float, cancel: Cancel | None = None
) -> TestRun | CouldNotCheck | TimedOut | Cancelled:
    """`cargo test` of some packages of a workspace, every target even after a failure."""
    chosen = [f"--package={name}" for name in packages]
    try:
        ended = invocation.run("test", *chosen, "--no-fail-fast", timeout_s=timeout_s, cancel=cancel)
    except FileNotFoundError:
        return CouldNotCheck("cargo was not found.", "Install Rust from https://rustup.rs")
    if not isinstance(ended, Finished):
        return ended
    output = ended.stdout.decode(errors="replace")
    counts = [(int(passed), int(failed)) for passed, failed in _SUMMARY.findall(output)]
    n_passed, n_failed = sum(p for p, _ in counts), sum(f for _, f in counts)
    if ended.code != 0 and n_failed == 0:
        n_failed = 1
    return TestRun(n_passed, n_failed, output + ended.stderr.decode(errors="replace"))


def environment(target_dir: Path | None = None) -> dict[str, str]:
    """Our environment without what would change cargo's output or reach a build cache elsewhere."""
    drop = {*_WRAPPERS, "CARGO_TARGET_DIR", "CARGO_BUILD_TARGET_DIR", "CARGO_BUILD_BUILD_DIR"}
    drop |= {f"CARGO_BUILD_{name}" for name in _WRAPPERS}
    env = {key: value for key, value in os.environ.items() if key not in drop}
    env |= {"CARGO_TERM_COLOR": "never", "CARGO_TERM_PROGRESS_WHEN": "never", "CARGO_NET_OFFLINE": "true"}
    env["RUSTUP_AUTO_INSTALL"] = "0"  # or a rust-toolchain.toml would start a download
    if target_dir is not None:
        # Empty wrappers and the build folder overrule .cargo/config.toml: a compile cache's daemon is out of
        # the sandbox's reach, and another build folder is not ours to write.
        env |= dict.fromkeys(_WRAPPERS, "")
        env |= {"CARGO_TARGET_DIR": str(target_dir), "CARGO_BUILD_BUILD_DIR": str(target_dir)}
    return env


@cache
def _toolchain(root: Path) -> dict[str, str]:
    """Point straight to the toolchain that is used in `root`: rustup's stand-ins cost 20 ms a call."""
    if "RUSTC" in os.environ:
        return {}
    try:
        ended = run(
            ("rustc", "--print", "sysroot"), cwd=root, env=environment(), timeout_s=_METADATA_TIMEOUT_S
        )
    except OSError:
        return {}
    if not isinstance(ended, Finished) or ended.code != 0:
        return {}
    programs = Path(os.fsdecode(ended.stdout.strip())) / "bin"
    if not all((programs / name).is_file() for name in ("cargo", "rustc", "rustdoc")):
        return {}
    return {
        "PATH": f"{programs}{os.pathsep}{os.environ.get('PATH', '')}",
        "RUSTC": str(programs / "rustc"),
        "RUSTDOC": str(programs / "rustdoc"),
    }


def inherited_settings(root: Path, copied: Sequence[Path] = ()) -> tuple[list[str], dict[str, str]]:
    """What folders above `root` add for cargo: options with their config files, and the toolchain.

    A copy of `root` elsewhere would miss them. The user's own folder ($CARGO_HOME) is found anyway, and so
    is what lies in the `copied` folders.
    """
    options: list[str] = []
    env: dict[str, str] = {}
    home = Path(os.environ.get("CARGO_HOME", Path.home() / ".cargo")).resolve()
    for folder in root.resolve().parents:
        if any(folder.is_relative_to(other) for other in copied):
            continue
        config = next((f for n in ("config.toml", "config") if (f := folder / ".cargo" / n).is_file()), None)
        if config and config.parent != home:
            options.insert(0, f"--config={config}")  # of several the last wins: the nearest
        for name in ("rust-toolchain.toml", "rust-toolchain"):
            if (folder / name).is_file() and "RUSTUP_TOOLCHAIN" not in env:
                channel = _channel(folder / name)
                env |= {"RUSTUP_TOOLCHAIN": channel} if channel else {}
    return options, env


def _channel(file: Path) -> str | None:
    text = file.read_text(errors="replace")
    try:
        channel = tomllib.loads(text).get("toolchain", {}).get("channel")
    except tomllib.TOMLDecodeError:
        channel = text.strip()
    return channel if isinstance(channel, str) else None


def _workspace(metadata: Mapping[str, Any]) -> Workspace:
    root = Path(metadata["workspace_root"])
    members = tuple(_package(raw) for raw in metadata["packages"])
    return Workspace(
        root=root,
        members=members,
        target_dir=Path(metadata["target_directory"]),
        outside=tuple(_path_dependencies(root, [member.folder for member in members])),
        edition=metadata["packages"][0]["edition"] if metadata["packages"] else "2021",
    )


def _package(raw: Mapping[str, Any]) -> Package:
    needs = tuple(Path(d["path"]) for d in raw["dependencies"] if d.get("path"))
    return Package(raw["name"], Path(raw["manifest_path"]).parent, needs)


def _path_dependencies(root: Path, members: Iterable[Path]) -> list[Path]:
    """Folders of packages outside `root` that are reached through `path = "…"`, also indirectly."""
    outside: list[Path] = []
    waiting, seen = [root, *members], set[Path]()
    while waiting:
        folder = waiting.pop().resolve()
        if folder in seen or not (folder / "Cargo.toml").is_file():
            continue
        seen.add(folder)
        if not folder.is_relative_to(root):
            outside.append(folder)
        try:
            manifest = tomllib.loads((folder / "Cargo.toml").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue  # cargo itself will say what is wrong with it
        tables = [manifest[name] for name in _DEPENDENCY_TABLES if name in manifest]
        waiting += [folder / path for table in tables for path in _paths(table)]
    return outside


def _paths(table: object) -> Iterator[str]:
    if isinstance(table, dict):
        for key, value in table.items():
            if key == "path" and isinstance(value, str):
                yield value
            else:
                yield from _paths(value)


def _read_messages(output: bytes, root: Path, base: Path) -> tuple[list[Diagnostic], bool]:
    diagnostics: list[Diagnostic] = []
    n_in_main: Counter[Diagnostic] = Counter()
    finished = False
    for line in output.splitlines():
        if not line.startswith(b"{"):
            continue
        message = json.loads(line)
        if message["reason"] == "build-finished":
            finished = True
        elif message["reason"] == "compiler-message":
            diagnostic = from_message(message, root, base)
            diagnostics.append(diagnostic)
            if _MAIN_KINDS.intersection(message["target"]["kind"]):
                n_in_main[diagnostic] += 1
    # A library is compiled twice, by itself and with its unit tests. What is said twice is in both.
    return [evolve(d, in_main=n_in_main[d] > 1) for d in diagnostics], finished


def from_message(message: Mapping[str, Any], root: Path, base: Path) -> Diagnostic:
    """Read one `compiler-message` of cargo's; file names become relative to `base` where they lie in it."""
    package = Path(message["manifest_path"]).parent
    folder = root if package.is_relative_to(root) else package

    def rename(name: str) -> str:
        path = Path(os.path.normpath(folder / name))
        return path.relative_to(base).as_posix() if path.is_relative_to(base) else name

    return parse(message["message"], package=message["package_id"], rename=rename)


def _manifest_error(manifest: Path, stderr: str) -> RustaError:
    body = _body(stderr)
    if re.search(r"toolchain '.*' is not installed", body):
        return RustaError(body.splitlines()[0], hint="rustup toolchain install   (in the crate's folder)")
    return RustaError(f"cargo cannot read {manifest}:\n{body}", hint=f"Correct {manifest}, then again.")


def _why(stderr: str) -> CouldNotCheck:
    """Say why cargo stopped before the compiler ran."""
    body = _body(stderr)
    if any(
        sign in body for sign in ("--offline", "offline mode", "no matching package", "failed to download")
    ):
        return CouldNotCheck(
            f"a dependency is not on this machine:\n{body}",
            "cargo fetch   (once, with a network), then again",
        )
    if "No space left" in body:
        return CouldNotCheck(f"the disk is full:\n{body}", "Free some space, then again.")
    if "custom build command" in body or "build script" in body:
        return CouldNotCheck(
            f"a build script failed:\n{body}",
            "If `cargo check` works here, it reads something else: rusta fix --sandbox-read PATH",
        )
    return CouldNotCheck(f"cargo check failed:\n{body}", "Try `cargo check` yourself.")


def _body(stderr: str) -> str:
    stderr = stderr.partition("\nStack backtrace:")[0]
    lines = [line for line in stderr.splitlines() if line.strip() and not line.strip().startswith(_NOISE)]
    text = "\n".join(lines[:12])
    return text.removeprefix("error: ") or "(cargo said nothing)"
