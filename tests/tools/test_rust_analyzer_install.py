"""Where rust-analyzer is looked for, and what `rusta setup` leaves on disk."""

import gzip
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from rusta_server.config import Config
from rusta_server.errors import RustaError
from rusta_server.tools import rust_analyzer_install as ra

has_apt = pytest.mark.skipif(
    sys.platform != "linux" or not shutil.which("dpkg-deb") or not shutil.which("apt-get"),
    reason="no apt here",
)


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A PATH with nothing on it but what a test puts there, and a data folder of its own."""
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setattr(ra.platformdirs, "user_data_dir", lambda name: str(tmp_path / "data" / name))
    return tmp_path


def program(path: Path, script: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n" + script)
    path.chmod(0o755)
    return path


def library(path: Path) -> Path:
    (path / "core/src").mkdir(parents=True)
    (path / "core/src/lib.rs").write_text("")
    return path


def answering(version: str) -> str:
    return f'[ "$1" = --version ] && echo "rust-analyzer {version}"\n'


def private(machine: Path, folder: str, version: str) -> Path:
    prefix = machine / "data/rusta/rust-analyzer" / folder
    program(prefix / "usr/bin/rust-analyzer", answering(version))
    library(prefix / "library")
    (prefix / ra.MANIFEST).write_text(f'{{"version": "{version}"}}')
    return prefix


STAND_IN = "echo \"error: Unknown binary 'rust-analyzer'\" >&2; exit 1\n"


def test_nothing_anywhere(machine):
    with pytest.raises(RustaError, match="not on PATH; no rustup; not in Rusta's own folder") as caught:
        ra.find(Config())
    assert caught.value.hint == "rusta setup"


def test_configured_wins(machine):
    mine = program(machine / "mine", answering("0.3"))
    program(machine / "bin/rust-analyzer", answering("0.4"))
    found = ra.find(Config(rust_analyzer_path=str(mine)))
    assert (found.path, found.version, found.origin) == (mine, "0.3", "configured")


def test_configured_but_broken_is_said_and_not_passed_over(machine):
    program(machine / "bin/rust-analyzer", answering("0.4"))
    with pytest.raises(RustaError, match="/nowhere"):
        ra.find(Config(rust_analyzer_path="/nowhere"))


def test_path_before_private(machine):
    on_path = program(machine / "bin/rust-analyzer", answering("0.4 (abc 2026-01-01)"))
    private(machine, "1", "1.0")
    found = ra.find(Config())
    assert (found.path, found.version, found.origin) == (on_path, "0.4 (abc 2026-01-01)", "PATH")
    # … but the sources of std are taken from where they are.
    assert found.sysroot_src == machine / "data/rusta/rust-analyzer/1/library"
    assert ra.environment(found) == {"RUST_SRC_PATH": str(found.sysroot_src)}


def test_a_stand_in_of_rustup_does_not_count(machine):
    program(machine / "bin/rust-analyzer", STAND_IN)
    private(machine, "1", "1.0")
    assert ra.find(Config()).origin == "private"


def test_rustup_knows_one_that_is_not_on_path(machine):
    real = program(machine / "toolchain/rust-analyzer", answering("0.5"))
    program(machine / "bin/rustup", f'[ "$1 $2" = "which rust-analyzer" ] && echo {real}\n')
    found = ra.find(Config())
    assert (found.path, found.origin) == (real, "rustup")


def test_the_toolchains_own_sources_need_no_telling(machine):
    program(machine / "bin/rustc", f"echo {machine}/sysroot\n")
    own = library(machine / "sysroot/lib/rustlib/src/rust/library")
    private(machine, "1", "1.0")
    found = ra.find(Config())
    assert found.sysroot_src == own
    assert ra.environment(found) == {}


def test_the_newest_complete_private_one(machine):
    os.utime(private(machine, "1", "1.0") / ra.MANIFEST, (1, 1))
    os.utime(private(machine, "2", "2.0") / ra.MANIFEST, (2, 2))
    (private(machine, "3", "3.0") / ra.MANIFEST).unlink()
    private(machine, ".partial-x", "4.0")
    assert ra.find(Config()).version == "2.0"


def test_a_rust_analyzer_that_hangs(machine, monkeypatch):
    monkeypatch.setattr(ra, "ANSWER_TIMEOUT_S", 0.3)
    program(machine / "bin/rust-analyzer", "/bin/sleep 60\n")
    assert isinstance(ra.look(Config()), ra.Missing)


def test_setup_without_rustup_and_apt_says_what_to_do(machine):
    with pytest.raises(RustaError, match="there is no rustup; this system has no apt") as caught:
        ra.install(Config(), report=lambda step: None)
    assert caught.value.hint == "rustup component add rust-analyzer rust-src"


def test_setup_lets_rustup_do_it(machine):
    program(
        machine / "bin/rustup",
        f"""
        [ "$1 $2 $3 $4" = "component add rust-analyzer rust-src" ] || exit 1
        /bin/mkdir -p {machine}/sysroot/lib/rustlib/src/rust/library/core
        echo '#!/bin/sh
        echo rust-analyzer 7' > {machine}/bin/rust-analyzer
        /bin/chmod +x {machine}/bin/rust-analyzer
        """,
    )
    program(machine / "bin/rustc", f"echo {machine}/sysroot\n")
    found = ra.install(Config(), report=lambda step: None)
    assert (found.version, found.origin, found.sysroot_src_is_private) == ("7", "PATH", False)
    assert not (machine / "data").exists()


# The packages: the real apt, on a repository made here


def deb(
    repository: Path, name: str, files: dict[str, bytes], depends: str = "", version: str = "9.1-2"
) -> None:
    tree = repository / f"tree-{name}"
    (tree / "DEBIAN").mkdir(parents=True)
    control = f"Package: {name}\nVersion: {version}\nArchitecture: all\n"
    control += "Maintainer: nobody <n@example.invalid>\n"
    control += f"Depends: {depends}\n" if depends else ""
    control += "Description: made by a test\n"
    (tree / "DEBIAN/control").write_text(control)
    for path, content in files.items():
        target = tree / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        target.chmod(0o755)
    file = repository / f"{name}_{version}_all.deb"
    subprocess.run(["dpkg-deb", "--build", "-Znone", str(tree), str(file)], check=True, capture_output=True)
    shutil.rmtree(tree)
    record = control + f"Filename: ./{file.name}\nSize: {file.stat().st_size}\n"
    record += f"SHA256: {hashlib.sha256(file.read_bytes()).hexdigest()}\n\n"
    with gzip.open(repository / "Packages.gz", "ab") as packages:
        packages.write(record.encode())


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """A package repository that the system's apt uses in place of its own, with lists not fetched yet."""
    for sub in ("repository", "state/lists/partial", "cache/archives/partial", "etc"):
        (tmp_path / sub).mkdir(parents=True)
    (tmp_path / "etc/sources.list").write_text(f"deb [trusted=yes] file:{tmp_path}/repository ./\n")
    (tmp_path / "etc/apt.conf").write_text(
        f'Dir::Etc::sourcelist "{tmp_path}/etc/sources.list";\nDir::Etc::sourceparts "/nonexistent";\n'
        f'Dir::State "{tmp_path}/state";\nDir::State::status "/var/lib/dpkg/status";\n'
        f'Dir::Cache "{tmp_path}/cache";\nAPT::Sandbox::User "{"root" if os.geteuid() == 0 else "_apt"}";\n'
    )
    monkeypatch.setenv("APT_CONFIG", str(tmp_path / "etc/apt.conf"))
    return tmp_path / "repository"


@pytest.fixture
def with_apt(machine, repository):
    """The tools of the system, without its Rust; relinking a stand-in for an ELF file has no effect."""
    for tool in ("apt-get", "apt-cache", "dpkg", "dpkg-deb", "dpkg-query", "tar", "ldd", "sh", "gzip", "rm"):
        found = shutil.which(tool, path="/usr/bin:/bin")
        assert found, tool
        (machine / "bin" / tool).symlink_to(found)
    program(machine / "bin/patchelf", f'echo "$@" >> {machine}/relinked\n')
    return machine


SOURCES = {
    "usr/src/rustc-9.1.0/library/core/src/lib.rs": b"//! core",
    "usr/src/rustc-9.1.0/library/Cargo.toml": b"[workspace]",
    "usr/src/rustc-9.1.0/library/Cargo.lock": b"",
    "usr/src/rustc-9.1.0/library/vendor/x/lib.rs": b"",
    "usr/src/rustc-9.1.0/compiler/lib.rs": b"not wanted",
}


def analyzer_packages(repository: Path, program: bytes) -> None:
    deb(
        repository,
        "rust-web-analyzer",
        {"usr/bin/rust-analyzer": program},
        depends="libstd-rust-web-9.1, libc6",
    )
    deb(
        repository,
        "libstd-rust-web-9.1",
        {"usr/lib/x86_64-linux-gnu/librustc_driver-1.so": b"\x7fELF"},
        depends="liballvm9",
    )
    deb(repository, "liballvm9", {"usr/lib/x86_64-linux-gnu/liballvm.so.9": b"\x7fELF"})
    deb(repository, "rust-web-src", SOURCES)


def files_below(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


@has_apt
def test_setup_unpacks_the_packages(with_apt, repository):
    analyzer_packages(repository, b"#!/bin/sh\necho rust-analyzer 9.1.0\n")
    steps: list[str] = []
    found = ra.install(Config(), report=steps.append)
    prefix = with_apt / "data/rusta/rust-analyzer/9.1-2"
    assert (found.path, found.version, found.origin) == (prefix / "usr/bin/rust-analyzer", "9.1.0", "private")
    assert found.sysroot_src == prefix / "library"
    assert files_below(prefix) == {
        "rusta.json",
        "usr/bin/rust-analyzer",
        "usr/lib/x86_64-linux-gnu/librustc_driver-1.so",
        "usr/lib/x86_64-linux-gnu/liballvm.so.9",
        "library/core/src/lib.rs",
    }
    assert [path.name for path in prefix.parent.iterdir()] == ["9.1-2"]
    relinked = (with_apt / "relinked").read_text()
    assert "$ORIGIN/../lib/x86_64-linux-gnu" in relinked
    assert relinked.count("--set-rpath") == 3

    steps.clear()
    assert ra.install(Config(), report=steps.append) == found
    assert steps == []


@has_apt
def test_setup_again_replaces(with_apt, repository):
    analyzer_packages(repository, b"#!/bin/sh\necho rust-analyzer 9.1.0\n")
    ra.install(Config(), report=lambda step: None)
    prefix = with_apt / "data/rusta/rust-analyzer/9.1-2"
    (prefix / "stale").write_text("")
    ra.install(Config(), report=lambda step: None, again=True)
    assert not (prefix / "stale").exists()
    assert [path.name for path in prefix.parent.iterdir()] == ["9.1-2"]


def with_compiler(machine: Path, version: str) -> None:
    program(
        machine / "bin/rustc",
        f'case "$1" in --version) echo "rustc {version} (x 2026-01-01)";; *) echo {machine}/sysroot;; esac\n',
    )


@has_apt
def test_one_older_than_the_compiler_is_replaced_though_the_lists_are_old(with_apt, repository):
    with_compiler(with_apt, "9.1.0")
    deb(
        repository,
        "rust-web-analyzer",
        {"usr/bin/rust-analyzer": b"#!/bin/sh\necho 8.5.0\n"},
        version="8.5-1",
    )
    subprocess.run(["/usr/bin/apt-get", "update"], check=True, capture_output=True)
    (repository / "Packages.gz").unlink()
    analyzer_packages(repository, b"#!/bin/sh\necho rust-analyzer 9.1.0\n")
    private(with_apt, "8.5", "8.5.0")
    found = ra.install(Config(), report=lambda step: None)
    assert (found.version, found.path.parents[2].name) == ("9.1.0", "9.1-2")


@has_apt
def test_a_newer_one_is_looked_for_once(with_apt, repository):
    with_compiler(with_apt, "9.5.0")
    analyzer_packages(repository, b"#!/bin/sh\necho rust-analyzer 9.1.0\n")
    assert ra.install(Config(), report=lambda step: None).version == "9.1.0"
    steps: list[str] = []
    assert ra.install(Config(), report=steps.append).version == "9.1.0"
    assert steps == []


@has_apt
def test_without_a_network_the_old_one_is_kept(with_apt, repository):
    with_compiler(with_apt, "9.1.0")
    private(with_apt, "8.5", "8.5.0")
    steps: list[str] = []
    assert ra.install(Config(), report=steps.append).version == "8.5.0"
    assert steps[-1].startswith("Keeping rust-analyzer 8.5.0")
    with pytest.raises(RustaError):  # whoever asks for it again is told that it failed
        ra.install(Config(), report=steps.append, again=True)


@has_apt
def test_a_rust_analyzer_that_does_not_start_leaves_nothing(with_apt, repository):
    analyzer_packages(repository, b"#!/bin/sh\nexit 127\n")
    with pytest.raises(RustaError, match="does not start"):
        ra.install(Config(), report=lambda step: None)
    assert list((with_apt / "data/rusta/rust-analyzer").iterdir()) == []


@has_apt
def test_a_release_without_rust_analyzer(with_apt, repository):
    deb(repository, "something-else", {})
    with pytest.raises(RustaError, match="no rust-analyzer") as caught:
        ra.install(Config(), report=lambda step: None)
    assert "rustup" in caught.value.hint
    assert list((with_apt / "data/rusta/rust-analyzer").iterdir()) == []


@has_apt
def test_a_damaged_package(with_apt, repository):
    analyzer_packages(repository, b"#!/bin/sh\necho rust-analyzer 9.1.0\n")
    (repository / "rust-web-src_9.1-2_all.deb").write_bytes(b"not what the list promised")
    with pytest.raises(RustaError, match="could not be downloaded"):
        ra.install(Config(), report=lambda step: None)
    assert list((with_apt / "data/rusta/rust-analyzer").iterdir()) == []
