"""Finding rust-analyzer and the sources of std, and installing both where they are missing.

`find` is what the server and the command line call: it only looks, in the order configured path, PATH,
rustup component, Rusta's own folder. `install` is what `rusta setup` calls: rustup first, and where rustup
cannot, the distribution's packages unpacked into Rusta's own folder, without root.
"""

import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO, Literal

import platformdirs
from attrs import frozen

from ..config import Config
from ..errors import RustaError
from . import process

Origin = Literal["configured", "PATH", "rustup", "private"]
Report = Callable[[str], None]

MANIFEST = "rusta.json"
RUSTUP_TIMEOUT_S = 300.0
DOWNLOAD_TIMEOUT_S = 1800.0
ANSWER_TIMEOUT_S = 20.0
RUSTUP_HINT = "rustup component add rust-analyzer rust-src"

# Debian's stable release carries a current compiler for its browsers under the name "-web"; where that
# exists it is the newer one.
_ANALYZER_PACKAGES = ("rust-web-analyzer", "rust-analyzer")
_SOURCE_PACKAGES = {"rust-web-analyzer": "rust-web-src", "rust-analyzer": "rust-src"}


@frozen
class Found:
    """A rust-analyzer that answered, and the std sources it should read.

    Attributes:
        path: the executable.
        version: what `--version` said, without the program's name.
        origin: where it came from.
        sysroot_src: the `library` folder with the sources of std; None when there are none here, and
            then hovers on std stay empty.
        sysroot_src_is_private: the sources lie in Rusta's own folder, so rust-analyzer must be told.
    """

    path: Path
    version: str
    origin: Origin
    sysroot_src: Path | None
    sysroot_src_is_private: bool


@frozen
class Missing:
    """No rust-analyzer here; ``tried`` says, per place, why not."""

    tried: tuple[str, ...]


def find(config: Config, *, cwd: Path | None = None) -> Found:
    """The rust-analyzer to run for the crate in ``cwd`` (rustup's choice depends on the folder).

    Raises:
        RustaError: none was found; the message says where we looked.
    """
    outcome = look(config, cwd=cwd)
    if isinstance(outcome, Found):
        return outcome
    raise RustaError(
        "rust-analyzer was not found (" + "; ".join(outcome.tried) + ").",
        hint="rusta setup",
    )


def look(config: Config, *, cwd: Path | None = None) -> Found | Missing:
    """Like `find`, with the absence as data.

    Raises:
        RustaError: the configured path does not run; falling back silently would hide the mistake.
    """
    # Each question starts a program or two, and rustup's stand-ins are slow: ask them all at once.
    with ThreadPoolExecutor() as pool:
        asked_sources = pool.submit(_std_sources, cwd)
        if config.rust_analyzer_path is not None:
            return _configured(Path(config.rust_analyzer_path).expanduser(), cwd, asked_sources.result)
        on_path = shutil.which("rust-analyzer")
        if on_path and _is_rustups(on_path):
            on_path = None  # whether rustup has the component, rustup itself says faster
        asked_path = pool.submit(_version, Path(on_path), cwd) if on_path else None
        asked_rustup = pool.submit(_rustup_which, cwd)

        tried: list[str] = []
        if on_path is None or asked_path is None:
            tried.append("not on PATH")
        elif version := asked_path.result():
            return Found(Path(on_path), version, "PATH", *asked_sources.result())
        else:
            tried.append(f"{on_path} on PATH does not answer")

        by_rustup = asked_rustup.result()
        if by_rustup is not None and (version := _version(by_rustup, cwd)):
            return Found(by_rustup, version, "rustup", *asked_sources.result())
        tried.append("no rustup component" if shutil.which("rustup") else "no rustup")

        private = _newest_private()
        if private is not None:
            prefix, facts = private
            program = prefix / "usr/bin/rust-analyzer"
            return Found(program, str(facts["version"]), "private", *asked_sources.result())
        tried.append("not in Rusta's own folder")
        return Missing(tuple(tried))


def _configured(program: Path, cwd: Path | None, sources: Callable[[], tuple[Path | None, bool]]) -> Found:
    version = _version(program, cwd)
    if version is None:
        raise RustaError(
            f"The configured rust-analyzer, {program}, does not answer to --version.",
            hint="Correct rust_analyzer_path, or unset it to let Rusta look.",
        )
    return Found(program, version, "configured", *sources())


def environment(found: Found) -> dict[str, str]:
    """What has to be in the environment of ``found``: where the std sources are, if it cannot know."""
    if found.sysroot_src is None or not found.sysroot_src_is_private:
        return {}
    return {"RUST_SRC_PATH": str(found.sysroot_src)}


def private_folder() -> Path:
    """Where Rusta keeps the rust-analyzer it installed itself."""
    return Path(platformdirs.user_data_dir("rusta")) / "rust-analyzer"


def install(config: Config, *, report: Report, again: bool = False) -> Found:
    """Make rust-analyzer and the std sources available, and say what came out. Changes nothing if both are.

    One in Rusta's own folder that is older than the compiler is replaced by a newer one, if there is one:
    an older one does not run the compiler's procedural macros. Where there is no newer one, that is found out
    once for each compiler; where the attempt fails, the old one is kept.

    Args:
        config: a configured path is respected and never replaced.
        report: called with a short line before each step that takes time.
        again: install the packages into Rusta's own folder even if something was found.

    Raises:
        RustaError: neither rustup nor the packages worked; the hint names the next command.
    """
    reasons: list[str] = []
    found = look(config)
    kept: Found | None = None
    if isinstance(found, Found) and found.sysroot_src is not None and not again:
        if found.origin != "private" or not _has_apt() or not _may_be_replaced(_compiler()):
            return found
        kept = found
    if not again and kept is None:
        report("Asking rustup for rust-analyzer and rust-src")
        refusal = _rustup_add()
        if refusal is None:
            found = look(config)
            if isinstance(found, Found) and found.sysroot_src is not None:
                return found
        else:
            reasons.append(refusal)
    if not _has_apt():
        if isinstance(found, Found):
            return found  # works, without std sources: `rusta doctor` says so
        reasons.append("this system has no apt packages to unpack")
        raise RustaError(
            "rust-analyzer could not be installed: " + "; ".join(reasons) + ".", hint=RUSTUP_HINT
        )
    try:
        _install_packages(private_folder(), _compiler(), report)
    except (RustaError, OSError) as error:
        if kept is None:
            if isinstance(error, RustaError):
                raise
            raise RustaError(
                f"rust-analyzer could not be installed into {private_folder()}: {error.strerror or error}.",
                hint="Make room there or let it be written to, then rusta setup again.",
            ) from error
        report(f"Keeping rust-analyzer {kept.version}, which is older than the compiler: {error}")
        return kept
    return find(config)


# Looking


def _version(program: Path, cwd: Path | None) -> str | None:
    """What ``program --version`` says, or None if it does not run."""
    answer = _answer([str(program), "--version"], cwd)
    if answer is None:
        return None
    return answer.removeprefix("rust-analyzer").strip() or "unknown"


def _is_rustups(program: str) -> bool:
    """Whether it is the stand-in that rustup puts on PATH whether or not the component is there."""
    rustup = shutil.which("rustup")
    return rustup is not None and Path(program).samefile(rustup)


def _rustup_which(cwd: Path | None) -> Path | None:
    if shutil.which("rustup") is None:
        return None
    answer = _answer(["rustup", "which", "rust-analyzer"], cwd)
    return Path(answer) if answer else None


def _std_sources(cwd: Path | None) -> tuple[Path | None, bool]:
    """The folder with the std sources and whether it is ours; the toolchain's own always win."""
    sysroot = _answer(["rustc", "--print", "sysroot"], cwd) if shutil.which("rustc") else None
    if sysroot is not None:
        library = Path(sysroot) / "lib/rustlib/src/rust/library"
        if (library / "core").is_dir():
            return library, False
    private = _newest_private()
    if private is not None and (private[0] / "library/core").is_dir():
        return private[0] / "library", True
    return None, False


def _newest_private() -> tuple[Path, dict[str, object]] | None:
    """The newest complete installation; the manifest is written last, so its presence means complete."""
    manifests = sorted(
        private_folder().glob(f"*/{MANIFEST}"), key=lambda manifest: manifest.stat().st_mtime, reverse=True
    )
    for manifest in manifests:
        if manifest.parent.name.startswith("."):
            continue
        try:
            facts = json.loads(manifest.read_bytes())
        except (OSError, ValueError):
            continue
        if "version" in facts and (manifest.parent / "usr/bin/rust-analyzer").is_file():
            return manifest.parent, facts
    return None


def _compiler() -> tuple[int, ...]:
    """The version of rustc here; empty if there is none."""
    answer = _answer(["rustc", "--version"], None) if shutil.which("rustc") else None
    return _numbers((answer or "").removeprefix("rustc"))


def _numbers(version: str) -> tuple[int, ...]:
    """``1.96`` of ``1.96.0+dfsg1-1``: what is compared of a version of Rust."""
    found = re.match(r"\s*(\d+)\.(\d+)", version)
    return tuple(map(int, found.groups())) if found else ()


def _may_be_replaced(compiler: tuple[int, ...]) -> bool:
    """Whether the private one is older than the compiler, and no newer one was looked for since it came."""
    private = _newest_private()
    if private is None:
        return False
    facts = private[1]
    return _numbers(str(facts["version"])) < compiler and facts.get("compiler") != list(compiler)


def _answer(argv: Sequence[str], cwd: Path | None) -> str | None:
    """The trimmed standard output of a quick command, or None if it failed in any way."""
    # Where it is told to, rustup makes a stack trace of a plain "no", which takes longer than the answer.
    env = {**os.environ, "RUST_BACKTRACE": "0"}
    try:
        ended = process.run(argv, cwd=cwd or Path.cwd(), env=env, timeout_s=ANSWER_TIMEOUT_S)
    except OSError:
        return None
    if not isinstance(ended, process.Finished) or ended.code != 0:
        return None
    return ended.stdout.decode(errors="replace").strip()


# Installing: rustup


def _rustup_add() -> str | None:
    """Ask rustup for the components; None when it worked, else one line that says why not."""
    if shutil.which("rustup") is None:
        return "there is no rustup"
    argv = ["rustup", "component", "add", "rust-analyzer", "rust-src"]
    try:
        ended = process.run(argv, cwd=Path.cwd(), timeout_s=RUSTUP_TIMEOUT_S)
    except OSError as error:
        return f"rustup does not run: {error.strerror}"
    if not isinstance(ended, process.Finished):
        return f"rustup did not finish within {RUSTUP_TIMEOUT_S:.0f} s"
    if ended.code == 0:
        return None
    complaints = [
        line.removeprefix("error:").strip()
        for line in ended.stderr.decode(errors="replace").splitlines()
        if line.startswith("error:")
    ]
    return "rustup refused: " + (complaints[0] if complaints else f"exit code {ended.code}")


# Installing: the distribution's packages


@frozen
class _Package:
    name: str
    version: str


def _has_apt() -> bool:
    return all(shutil.which(tool) for tool in ("apt-get", "apt-cache", "dpkg-deb", "dpkg-query", "tar"))


def _install_packages(folder: Path, compiler: tuple[int, ...], report: Report) -> Path:
    """Unpack rust-analyzer's packages below ``folder``; all or nothing. Returns the new prefix.

    The packages are meant for /usr, where they would conflict with rustup; in a prefix of their own they
    do not, once the libraries know to look beside themselves.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".partial-", dir=folder) as scratch_name:
        scratch = Path(scratch_name)
        apt = _Apt(scratch)
        analyzer = _choose_analyzer(apt, compiler, report)
        target = folder / analyzer.version.replace(":", "_")

        prefix = scratch / "prefix"
        prefix.mkdir()
        debs = scratch / "debs"
        debs.mkdir()
        source = apt.candidate(_SOURCE_PACKAGES[analyzer.name])
        needed = [analyzer.name, *apt.absent_libraries(analyzer.name)]
        tools = [] if shutil.which("patchelf") else ["patchelf"]
        wanted = [*needed, *([source.name] if source else []), *tools]
        report(f"Downloading {', '.join(wanted)}")
        apt.download(wanted, debs)

        report("Unpacking")
        for name in needed:
            _unpack(_deb(debs, name), prefix)
        for useless in ("usr/share", "usr/lib/rustlib", "usr/lib/debug"):
            shutil.rmtree(prefix / useless, ignore_errors=True)
        if source:
            _unpack_library(_deb(debs, source.name), prefix / "library")
        if tools:
            _unpack(_deb(debs, "patchelf"), scratch / "tools")

        report("Linking the libraries")
        _relink(prefix, shutil.which("patchelf") or str(scratch / "tools/usr/bin/patchelf"))
        version = _version(prefix / "usr/bin/rust-analyzer", None)
        if version is None:
            raise RustaError(
                "The unpacked rust-analyzer does not start" + _unresolved(prefix) + ".", hint=RUSTUP_HINT
            )
        facts = {"version": version, "packages": wanted, "package_version": analyzer.version}
        (prefix / MANIFEST).write_text(json.dumps({**facts, "compiler": compiler}) + "\n")
        _replace(prefix, target)
    return target


def _choose_analyzer(apt: "_Apt", compiler: tuple[int, ...], report: Report) -> _Package:
    """The newest; the system's lists suffice if it is not older than the compiler."""
    for attempt in ("as they are", "refreshed"):
        if attempt == "refreshed":
            report("Refreshing the package lists")
            apt.refresh()
        known = [package for name in _ANALYZER_PACKAGES if (package := apt.candidate(name))]
        best = max(known, key=lambda package: _numbers(package.version), default=None)
        if best and (attempt == "refreshed" or _numbers(best.version) >= compiler):
            return best
    raise RustaError(
        "The package lists of this system carry no rust-analyzer (looked for "
        + " and ".join(_ANALYZER_PACKAGES)
        + ").",
        hint=RUSTUP_HINT,
    )


class _Apt:
    """apt without root: where the system's lists do not suffice, lists of our own in ``scratch``."""

    def __init__(self, scratch: Path) -> None:
        self._scratch = scratch
        self._options: list[str] = []
        if os.geteuid() == 0:
            # As root apt drops to a user that may not enter our private folder.
            self._options += ["-o", "APT::Sandbox::User=root"]

    def refresh(self) -> None:
        state, cache = self._scratch / "apt-state", self._scratch / "apt-cache"
        (state / "lists/partial").mkdir(parents=True, exist_ok=True)
        (cache / "archives/partial").mkdir(parents=True, exist_ok=True)
        own = {
            "Dir::State": str(state),
            "Dir::State::status": "/var/lib/dpkg/status",
            "Dir::Cache": str(cache),
        }
        self._options += [part for key, value in own.items() for part in ("-o", f"{key}={value}")]
        self._run(["apt-get", *self._options, "update"], timeout_s=DOWNLOAD_TIMEOUT_S)

    def candidate(self, name: str) -> _Package | None:
        """The version that apt would install, or None if there is none."""
        shown = self._run(["apt-cache", *self._options, "show", "--no-all-versions", name])
        if shown is None or (version := re.search(r"^Version: (\S+)$", shown, re.MULTILINE)) is None:
            return None
        return _Package(name, version[1])

    def absent_libraries(self, name: str) -> list[str]:
        """The libraries that ``name`` needs, however indirectly, and this system does not have."""
        absent: list[str] = []
        frontier = [name]
        while frontier:
            shown = self._run(["apt-cache", *self._options, "depends", "--important", *frontier]) or ""
            named = set(re.findall(r"^[ |]*(?:Pre)?Depends: (lib[a-z0-9.+-]+)$", shown, re.MULTILINE))
            frontier = sorted(n for n in named if n not in absent and not _is_installed(n))
            absent += frontier
        return absent

    def download(self, names: Sequence[str], into: Path) -> None:
        argv = ["apt-get", *self._options, "-q", "download", *names]
        if self._run(argv, cwd=into, timeout_s=DOWNLOAD_TIMEOUT_S) is not None:
            return
        # Old lists name packages that the server has since replaced.
        self.refresh()
        argv = ["apt-get", *self._options, "-q", "download", *names]
        if self._run(argv, cwd=into, timeout_s=DOWNLOAD_TIMEOUT_S) is None:
            raise RustaError(
                "The packages with rust-analyzer could not be downloaded: "
                + (self.complaint or "no reason given"),
                hint="Check the network, then rusta setup again; or " + RUSTUP_HINT,
            )

    complaint: str | None = None

    def _run(
        self, argv: Sequence[str], *, cwd: Path | None = None, timeout_s: float = ANSWER_TIMEOUT_S
    ) -> str | None:
        """Standard output, or None with the last complaint kept in ``complaint``."""
        ended = process.run(
            argv, cwd=cwd or self._scratch, env={**os.environ, "LC_ALL": "C"}, timeout_s=timeout_s
        )
        if not isinstance(ended, process.Finished):
            self.complaint = f"apt did not finish within {timeout_s:.0f} s"
            return None
        if ended.code == 0:
            return ended.stdout.decode(errors="replace")
        lines = ended.stderr.decode(errors="replace").strip().splitlines()
        self.complaint = lines[-1].removeprefix("E:").strip() if lines else f"exit code {ended.code}"
        return None


def _is_installed(package: str) -> bool:
    status = _answer(["dpkg-query", "-W", "-f", "${db:Status-Status}\n", package], None)
    return status is not None and "installed" in status.split()


def _deb(folder: Path, name: str) -> Path:
    try:
        return next(folder.glob(f"{name}_*.deb"))
    except StopIteration:
        raise RustaError(
            f"apt said it downloaded {name}, but there is no such file.", hint=RUSTUP_HINT
        ) from None


def _unpack(deb: Path, into: Path) -> None:
    into.mkdir(parents=True, exist_ok=True)
    _must(["dpkg-deb", "-x", str(deb), str(into)])


def _unpack_library(deb: Path, library: Path) -> None:
    """Take only std's own sources out of the compiler's (a tenth of the package).

    The workspace's manifest must go: with it rust-analyzer asks cargo about std's dependencies, waits for
    a network that is not there, and hovers on std stay empty. The vendored crates and the tests are of no
    use to anybody then.
    """
    library.mkdir(parents=True)
    only_library = ("--strip-components=5", "--wildcards", "./usr/src/rustc-*/library/*")
    with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", str(deb)], stdout=subprocess.PIPE) as packed:
        _must(["tar", "-x", "-C", str(library), "--no-same-owner", *only_library], stdin=packed.stdout)
    for useless in ("Cargo.toml", "Cargo.lock", "vendor", "coretests", "alloctests"):
        path = library / useless
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    if not (library / "core").is_dir():
        raise RustaError(f"{deb.name} does not hold the sources of std.", hint=RUSTUP_HINT)


def _relink(prefix: Path, patchelf: str) -> None:
    """Let every program and library find the others inside ``prefix``."""
    folders = [path for path in (prefix / "usr/lib").glob("*-linux-gnu*") if path.is_dir()]
    folders += [path for path in (prefix / "lib").glob("*-linux-gnu*") if path.is_dir()]
    binary = prefix / "usr/bin/rust-analyzer"
    libraries = [path for folder in folders for path in folder.iterdir() if _is_elf(path)]
    for file in [binary, *libraries]:
        search = ":".join("$ORIGIN/" + os.path.relpath(folder, file.parent) for folder in folders)
        _must([patchelf, "--set-rpath", search, str(file)])


def _is_elf(path: Path) -> bool:
    if path.is_symlink() or not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(4) == b"\x7fELF"


def _unresolved(prefix: Path) -> str:
    """The libraries that are still not found, as the end of a sentence."""
    binary = prefix / "usr/bin/rust-analyzer"
    listed = _answer(["ldd", str(binary)], None) or ""
    missing = [line.split()[0] for line in listed.splitlines() if "not found" in line]
    return f": {', '.join(missing)} not found" if missing else ""


def _replace(prefix: Path, target: Path) -> None:
    """Move ``prefix`` to ``target`` in one step; an older one there steps aside first."""
    old = prefix.parent / "old"
    if target.exists():
        target.rename(old)
    prefix.rename(target)
    # The manifest's time is what says which installation is the newest.
    os.utime(target / MANIFEST)


def _must(argv: Sequence[str], stdin: IO[bytes] | int | None = subprocess.DEVNULL) -> None:
    done = subprocess.run(argv, stdin=stdin, capture_output=True, check=False)
    if done.returncode != 0:
        lines = done.stderr.decode(errors="replace").strip().splitlines()
        raise RustaError(
            f"{Path(argv[0]).name} failed while installing rust-analyzer: "
            + (lines[-1] if lines else f"exit code {done.returncode}"),
            hint="Check the free space on the disk, then rusta setup again.",
        )
