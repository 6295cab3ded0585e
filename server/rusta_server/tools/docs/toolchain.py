"""The Rust toolchain of a folder: where it is, which version, and whether its documentation is there."""

import os
import re
from functools import lru_cache
from pathlib import Path

from attrs import frozen

from ..process import Finished, run

REMEDY = "rustup component add rust-docs"
_ANSWER_TIMEOUT_S = 20.0
_VERSION = re.compile(r"rustc (\S+)")


@frozen
class Toolchain:
    """A rustc and what was installed with it.

    Attributes:
        version: as rustc says it: ``1.95.0``, ``1.97.0-nightly``.
        html: the folder of the HTML documentation, None if it is not installed.
    """

    sysroot: Path
    version: str
    html: Path | None

    @property
    def web(self) -> str:
        """Where this version's documentation is on the canonical site. For copying only."""
        release, _, channel = self.version.partition("-")
        return f"https://doc.rust-lang.org/{channel.split('.')[0] or release}/"

    def program(self, name: str) -> str:
        """One of its programs: without rustup's stand-in, which costs time, where that is possible."""
        path = self.sysroot / "bin" / name
        return str(path) if path.is_file() else name


def toolchain(cwd: Path) -> Toolchain | None:
    """The toolchain that is used in `cwd`, or None if there is no rustc that answers."""
    asked = _ask(cwd, os.environ.get("PATH", ""), os.environ.get("RUSTUP_TOOLCHAIN", ""))
    if asked is None:
        return None
    sysroot, version = asked
    html = sysroot / "share/doc/rust/html"  # may be added or removed while we run
    return Toolchain(sysroot, version, html if html.is_dir() else None)


@lru_cache(maxsize=64)  # asking costs 30 ms; what may change the answer is in the key
def _ask(cwd: Path, path: str, chosen: str) -> tuple[Path, str] | None:
    said = []
    for query in (("--print", "sysroot"), ("--version",)):
        try:
            ended = run(("rustc", *query), cwd=cwd, timeout_s=_ANSWER_TIMEOUT_S)
        except OSError:
            return None
        if not isinstance(ended, Finished) or ended.code != 0:
            return None
        said.append(ended.stdout.decode(errors="replace").strip())
    version = _VERSION.match(said[1])
    return (Path(said[0]), version[1]) if said[0] and version else None
