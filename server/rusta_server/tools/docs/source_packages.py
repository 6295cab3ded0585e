"""Which package and module a Rust file belongs to, as far as its place tells."""

import re
import tomllib
from functools import lru_cache
from pathlib import Path
from typing import Any

from attrs import frozen

# A larger manifest was generated and would take too long; its folder's name says what is needed.
_LARGEST_MANIFEST_BYTES = 100_000
_MOST_PARENTS = 40
_NAME = re.compile(r"[\w-]{1,100}")
_VERSION = re.compile(r"\d[\w.+-]{0,99}", re.ASCII)
_NAME_VERSION = re.compile(r"(?P<name>[A-Za-z0-9_-]+?)-(?P<version>\d+\.\d+\.\d+\S*)")
# What cargo leaves in the folders of packages that it unpacked or vendored.
_FETCHED = (".cargo-ok", ".cargo-checksum.json")
_SEVERAL_ROOTS = {"tests", "examples", "benches"}


@frozen
class Package:
    """A package on disk.

    Attributes:
        crate: its library's name in paths.
        root: its library's first file.
        is_fetched: whether cargo brought it here from a registry.
    """

    name: str
    version: str
    folder: Path
    crate: str
    root: Path
    is_fetched: bool


def package_of(file: Path) -> Package | None:
    """The package around `file`: of the nearest manifest that names one."""
    for folder in list(file.parents)[:_MOST_PARENTS]:
        manifest = folder / "Cargo.toml"
        try:
            state = manifest.stat()
        except (OSError, ValueError):
            continue
        if package := _package(folder, state.st_mtime_ns, state.st_size):
            return package
    return None


def is_of_toolchain(package: Package) -> bool:
    """Whether it is one of the standard library's own crates."""
    return any(
        (parent / "std/Cargo.toml").is_file() for parent in package.folder.parents if parent.name == "library"
    )


def module_path(file: Path, package: Package) -> tuple[str, ...]:
    """The path of the module that `file` is, the crate's name first. `#[path]` is not looked at."""
    if file == package.root:
        return (package.crate,)
    try:
        *folders, stem = file.relative_to(package.folder).with_suffix("").parts
    except ValueError:
        return (package.crate,)
    if file.is_relative_to(package.root.parent) and package.root.parent != package.folder:
        *folders, stem = file.relative_to(package.root.parent).with_suffix("").parts
        if folders[:1] == ["bin"]:
            crate, folders = None, folders[1:]
        else:
            crate = package.crate
    elif folders[:1] and folders[0] in _SEVERAL_ROOTS:
        crate, folders = None, folders[1:]
    else:
        crate = package.crate
    is_own_root = stem == "mod" or (stem == "main" and (not folders or crate is None))
    parts = folders if is_own_root else [*folders, stem]
    return (crate, *parts) if crate else tuple(parts) or (package.crate,)


@lru_cache(maxsize=512)
def _package(folder: Path, mtime_ns: int, n_bytes: int) -> Package | None:
    named = _NAME_VERSION.fullmatch(folder.name)
    is_fetched = any((folder / name).exists() for name in _FETCHED)
    manifest = _manifest(folder) if n_bytes <= _LARGEST_MANIFEST_BYTES else {}
    table, library = _table(manifest, "package"), _table(manifest, "lib")
    name = table.get("name") or (named["name"] if named and is_fetched else None)
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        return None
    version = table.get("version")
    if isinstance(version, dict):
        version = _workspace_version(folder)
    if not isinstance(version, str) or not _VERSION.fullmatch(version):
        version = named["version"] if named else "0.0.0"
    crate, root = library.get("name"), library.get("path")
    return Package(
        name=name,
        version=version,
        folder=folder,
        crate=crate if isinstance(crate, str) and _NAME.fullmatch(crate) else name.replace("-", "_"),
        root=folder / (root if isinstance(root, str) else "src/lib.rs"),
        is_fetched=is_fetched,
    )


def _workspace_version(folder: Path) -> object:
    for parent in [folder, *folder.parents][:_MOST_PARENTS]:
        if workspace := _table(_manifest(parent), "workspace"):
            return _table(workspace, "package").get("version")
    return None


def _manifest(folder: Path) -> dict[str, Any]:
    manifest = folder / "Cargo.toml"
    try:  # a pipe would never end
        return tomllib.loads(manifest.read_text(encoding="utf-8")) if manifest.is_file() else {}
    except (OSError, ValueError, RecursionError):
        return {}


def _table(table: dict[str, Any], name: str) -> dict[str, Any]:
    value = table.get(name)
    return value if isinstance(value, dict) else {}
