"""Debian's source packages of crates: found, fetched by exact version, unpacked. The system stays as it is.

apt runs with lists, cache and state in a folder of ours. The archive's address is taken from the machine's
own configuration; apt checks signatures and hashes, and the caller checks the hashes once more against the
ledger.
"""

import os
import re
import shutil
import subprocess
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

from attrs import frozen

SUITE: Final = "trixie"
# Pinned, so that the hashes in the ledger are the same ones on every machine.
ARCHITECTURE: Final = "amd64"
KEYRING: Final = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
TIMEOUT_S: Final = 1800.0
# apt takes one argument a package; below the limits of any system.
_AT_ONCE = 100


class FetchError(RuntimeError):
    """apt is missing, has no archive of Debian, or cannot fetch what was asked."""


@frozen
class Package:
    """A binary package as the archive lists it; ``depends`` and ``provides`` are bare names."""

    name: str
    version: str
    sha256: str
    depends: tuple[str, ...]
    provides: tuple[str, ...]


@frozen
class Apt:
    """An apt of our own: the options that keep it inside one folder."""

    options: tuple[str, ...]


def configure(folder: Path) -> Apt:
    """An apt whose lists are fresh and lie in ``folder``.

    Raises:
        FetchError: this machine has no apt, or the archive cannot be reached.
    """
    for part in ("lists/partial", "cache/archives/partial"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    (folder / "status").touch()  # nothing counts as installed
    (folder / "sources.list").write_text(f"deb [signed-by={KEYRING}] {_archive()} {SUITE} main\n")
    own: dict[str, object] = {
        "APT::Architecture": ARCHITECTURE,
        "APT::Default-Release": "",
        "Acquire::Languages": "none",
        "Acquire::Retries": 2,
        "Dir::Cache": folder / "cache",
        "Dir::Etc::Preferences": "/dev/null",
        "Dir::Etc::PreferencesParts": "/dev/null",
        "Dir::Etc::SourceList": folder / "sources.list",
        "Dir::Etc::SourceParts": "/dev/null",
        "Dir::State": folder,
        "Dir::State::status": folder / "status",
    }
    if os.geteuid() == 0:
        # As root apt drops to a user that may not enter our folder.
        own["APT::Sandbox::User"] = "root"
    apt = Apt(tuple(part for key, value in own.items() for part in ("-o", f"{key}={value}")))
    _run(["apt-get", *apt.options, "-q", "--error-on=any", "update"])
    return apt


def packages(apt: Apt) -> dict[str, Package]:
    """Every package of the suite that is named ``librust-…-dev`` or ``rust-src``, by name."""
    found: dict[str, Package] = {}
    for paragraph in _run(["apt-cache", *apt.options, "dumpavail"]).split("\n\n"):
        field = dict(re.findall(r"^([A-Za-z0-9-]+): (.*)$", paragraph, re.MULTILINE))
        name = field.get("Package", "")
        if re.fullmatch(r"librust-.*-dev|rust-src", name):
            found[name] = Package(
                name,
                field["Version"],
                field["SHA256"],
                tuple(re.findall(r"librust-[^ ,(|]+", field.get("Depends", ""))),
                tuple(re.findall(r"librust-[^ ,(|]+", field.get("Provides", ""))),
            )
    return found


def most_used(found: Mapping[str, Package], at_least: int) -> list[Package]:
    """The crates that ``at_least`` that many other packages are built on, most used first.

    Left out are packages that carry no crate of their own (``+feature``), older versions kept beside the
    current one (``-0.9``), and bindings that were generated from C headers (``-sys``, winapi), which teach
    little.
    """
    provider = {provided: package.name for package in found.values() for provided in package.provides}
    users: dict[str, set[str]] = defaultdict(set)
    for package in found.values():
        for name in package.depends:
            users[name if name in found else provider.get(name, "")].add(package.name)
    chosen = [
        package
        for package in found.values()
        if package.name.startswith("librust-")
        and len(users[package.name]) >= at_least
        and not _is_left_out(package.name, found)
    ]
    return sorted(chosen, key=lambda package: (-len(users[package.name]), package.name))


def download(apt: Apt, pinned: Iterable[tuple[str, str]], into: Path) -> None:
    """Fetch packages by exact (name, version) as ``into/NAME.deb``; those that lie there already are kept.

    Raises:
        FetchError: the archive no longer has one of the versions.
    """
    into.mkdir(parents=True, exist_ok=True)
    absent = [(name, version) for name, version in pinned if not (into / f"{name}.deb").exists()]
    partial = into / "partial"
    for start in range(0, len(absent), _AT_ONCE):
        some = absent[start : start + _AT_ONCE]
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir()
        wanted = [f"{name}={version}" for name, version in some]
        _run(["apt-get", *apt.options, "-q", "download", *wanted], cwd=partial)
        for deb in partial.iterdir():
            deb.rename(into / f"{deb.name.split('_')[0]}.deb")
    shutil.rmtree(partial, ignore_errors=True)


def unpack(deb: Path, into: Path) -> None:
    """Unpack a package's files below ``into``, nothing else: its scripts do not run."""
    into.mkdir(parents=True, exist_ok=True)
    _run(["dpkg-deb", "-x", str(deb), str(into)])


def _is_left_out(name: str, found: Mapping[str, Package]) -> bool:
    bare = name.removesuffix("-dev")
    if "+" in bare or bare.endswith("-sys") or bare == "librust-winapi":
        return True
    # "-5" alone does not tell: md-5 is a crate, syn-1 is an old syn.
    older = re.fullmatch(r"(.+)-\d+(\.\d+)*", bare)
    return older is not None and (f"{older[1]}-dev" in found or re.search(r"-sys-[\d.]+$", bare) is not None)


def _archive() -> str:
    """The address of Debian's archive (or of its mirror) in the machine's own apt configuration."""
    if shutil.which("apt-get") is None:
        raise FetchError("there is no apt-get here; the sources come as Debian packages")
    listed = _run(
        ["apt-get", "indextargets", "--format", "$(ORIGIN)|$(LABEL)|$(SITE)", "Identifier: Packages"]
    )
    for line in listed.splitlines():
        if line.startswith("Debian|Debian|"):
            return line.split("|")[2]
    raise FetchError("apt knows no archive of Debian; is `apt-get update` due?")


def _run(argv: Sequence[str], cwd: Path | None = None) -> str:
    env = {**os.environ, "LC_ALL": "C"}
    done = subprocess.run(argv, cwd=cwd, capture_output=True, timeout=TIMEOUT_S, env=env, check=False)
    if done.returncode:
        complaints = [
            line
            for line in done.stderr.decode(errors="replace").splitlines()
            if line.startswith(("E:", "dpkg"))
        ]
        raise FetchError(complaints[0] if complaints else f"{argv[0]} ended with {done.returncode}")
    return done.stdout.decode(errors="replace")
