"""The sources on disk: what the ledger admits, unpacked; and how the ledger is made.

`lock` looks at everything and writes down what it found and decided. `fetch` is what everyone else runs: it
takes exactly what the ledger names, checks the hashes, and unpacks the admitted, one folder ``NAME-VERSION``
each.
"""

import hashlib
import shutil
import tempfile
import tomllib
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Final

from attrs import frozen

from . import debian, ledger, licences
from .ledger import Entry, LedgerError

# A crate is taken if that many other packages of the archive are built on it: in use, and looked after.
LEAST_USERS: Final = 3

Report = Callable[[str], None]

_REGISTRY = Path("usr/share/cargo/registry")
_RUST_LICENCE = "MIT OR Apache-2.0"


@frozen
class _Part:
    """A part of Rust's own sources: where it lies in them, and whether it may be learned from."""

    name: str
    kind: ledger.Kind
    folder: str
    refusal: str | None = None


_KEPT_FOR_MEASURING = "kept for measuring: never learned from"
_PARTS: Final = (
    _Part("core", "std", "library/core"),
    _Part("alloc", "std", "library/alloc"),
    _Part("std", "std", "library/std"),
    _Part("reference", "docs", "src/doc/reference"),
    _Part("rust-by-example", "docs", "src/doc/rust-by-example"),
    _Part("nomicon", "docs", "src/doc/nomicon"),
    _Part("book", "docs", "src/doc/book", _KEPT_FOR_MEASURING),
    _Part("error-index", "docs", "compiler/rustc_error_codes", _KEPT_FOR_MEASURING),
    _Part("clippy-tests", "docs", "src/tools/clippy/tests", _KEPT_FOR_MEASURING),
)

RUSTS_OWN: Final = frozenset(part.name for part in _PARTS)
"""The names of the sources that are no crates but Rust's own."""


def lock(data: Path, report: Report, least_users: int = LEAST_USERS) -> list[Entry]:
    """Look at every crate that is in use and at Rust's own sources, and decide on each. Nothing is unpacked.

    Raises:
        debian.FetchError: the archive cannot be reached.
    """
    apt = debian.configure((data / "apt").absolute())
    found = debian.packages(apt)
    chosen = debian.most_used(found, least_users)
    report(f"fetching {len(chosen)} packages")
    rust = found["rust-src"]
    debian.download(apt, [(package.name, package.version) for package in (rust, *chosen)], _archives(data))
    entries: list[Entry] = []
    for package in chosen:
        report(f"judging {package.name}")
        entries += judge_crates(package, _archives(data) / f"{package.name}.deb")
    report("judging Rust's own sources")
    return entries + _judge_rust(rust, _archives(data) / "rust-src.deb")


def fetch(data: Path, entries: Sequence[Entry], report: Report) -> None:
    """Make ``data/sources`` hold exactly the admitted ``entries``; what is there already stays.

    Raises:
        debian.FetchError: the archive no longer has one of the versions.
        LedgerError: an archive or its content is not the one in the ledger.
    """
    admitted = {entry.folder: entry for entry in entries if entry.admitted}
    sources = data / "sources"
    sources.mkdir(parents=True, exist_ok=True)
    for folder in sources.iterdir():
        if folder.name not in admitted:
            shutil.rmtree(folder)
    absent = [entry for name, entry in admitted.items() if not (sources / name).is_dir()]
    if not absent:
        return
    pinned = sorted({_pin(entry) for entry in absent})
    if not all((_archives(data) / f"{name}.deb").exists() for name, _ in pinned):
        report(f"fetching {len(pinned)} packages")
        debian.download(debian.configure((data / "apt").absolute()), pinned, _archives(data))
    for name in sorted({name for name, _ in pinned}):
        report(f"unpacking {name}")
        _unpack(
            _archives(data) / f"{name}.deb", [entry for entry in absent if _pin(entry)[0] == name], sources
        )


def judge_crates(package: debian.Package, deb: Path) -> list[Entry]:
    """The entries of the crates in a package: admitted, or refused with the reason."""
    with tempfile.TemporaryDirectory(dir=deb.parent) as name:
        scratch = Path(name)
        debian.unpack(deb, scratch)
        copyright_file = scratch / "usr/share/doc" / package.name / "copyright"
        copyright_text = (
            copyright_file.read_text(encoding="utf-8", errors="replace") if copyright_file.is_file() else None
        )
        sha256 = _sha256(deb)
        source = f"debian:{package.name}={package.version}"
        return [
            _judge_crate(folder, copyright_text, source, sha256)
            for folder in sorted((scratch / _REGISTRY).glob("*/"))
            if folder.is_dir() and not folder.is_symlink()
        ]


def manifest_of(folder: Path) -> dict[str, Any]:
    """The ``[package]`` table of a crate's Cargo.toml; empty if there is none that can be read."""
    try:
        package = tomllib.loads((folder / "Cargo.toml").read_text(encoding="utf-8")).get("package", {})
    except (OSError, ValueError):
        return {}
    return package if isinstance(package, dict) else {}


def _judge_crate(folder: Path, copyright_text: str | None, source: str, sha256: str) -> Entry:
    manifest = manifest_of(folder)
    name, version = manifest.get("name"), manifest.get("version")
    licence = manifest.get("license")
    if not (isinstance(name, str) and isinstance(version, str) and folder.name == f"{name}-{version}"):
        crate, _, number = folder.name.rpartition("-")
        reason = "its manifest does not name it as its folder does"
        return Entry(crate or folder.name, number or "0", "crate", "", source, sha256, False, reason)
    refusal = licences.refusal(licence, copyright_text)
    reason = refusal or "permissive by its manifest and by its copyright file"
    return Entry(
        name, version, "crate", licence or "", source, sha256, admitted=refusal is None, reason=reason
    )


def _judge_rust(package: debian.Package, deb: Path) -> list[Entry]:
    with tempfile.TemporaryDirectory(dir=deb.parent) as name:
        debian.unpack(deb, Path(name))
        root = _rust_root(Path(name))
        return [
            Entry(
                part.name,
                root.name.removeprefix("rustc-"),
                part.kind,
                _RUST_LICENCE,
                f"debian:{package.name}={package.version}",
                ledger.hash_of_files(root / part.folder),
                admitted=part.refusal is None,
                reason=part.refusal or "permissive: part of Rust's own sources",
            )
            for part in _PARTS
        ]


def _unpack(deb: Path, wanted: Iterable[Entry], sources: Path) -> None:
    with tempfile.TemporaryDirectory(dir=deb.parent) as name:
        scratch = Path(name)
        debian.unpack(deb, scratch)
        for entry in wanted:
            if entry.kind == "crate":
                folder, actual = scratch / _REGISTRY / entry.folder, _sha256(deb)
            else:
                part = next(part for part in _PARTS if part.name == entry.name)
                folder = _rust_root(scratch) / part.folder
                actual = ledger.hash_of_files(folder)
            if actual != entry.sha256:
                raise LedgerError(f"{deb.name} does not hold the {entry.name} that the ledger names")
            folder.rename(sources / entry.folder)


def _rust_root(scratch: Path) -> Path:
    return next((scratch / "usr/src").glob("rustc-*/"))


def _pin(entry: Entry) -> tuple[str, str]:
    """The Debian package and version that an entry came in.

    Raises:
        LedgerError: it came in another way.
    """
    scheme, _, rest = entry.source.partition(":")
    name, _, version = rest.partition("=")
    if scheme != "debian" or not name or not version:
        raise LedgerError(f"{entry.name}: no way to fetch {entry.source}")
    return name, version


def _archives(data: Path) -> Path:
    return data / "archives"


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
