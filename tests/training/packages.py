"""Small Debian packages of crates, as the archive carries them."""

import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

CODE = """\
/// Adds one, and says so.
pub fn add_one(value: u32) -> u32 {
    println!("adding one to {value}, as often as it takes to have a file that is worth reading");
    value.saturating_add(1)
}
"""


def crate_package(
    into: Path,
    name: str,
    *,
    licence: str = "MIT OR Apache-2.0",
    copyright_licence: str = "MIT or Apache-2.0",
    folder: str = "",
    code: str = CODE,
    files: Mapping[str, str] | None = None,
) -> Path:
    """Write ``into/librust-NAME-dev.deb`` with a crate NAME 0.1.0 and return its path."""
    into.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch)
        crate = root / "usr/share/cargo/registry" / (folder or f"{name}-0.1.0")
        (crate / "src").mkdir(parents=True)
        manifest = f'[package]\nname = "{name}"\nversion = "0.1.0"\nedition = "2021"\n'
        (crate / "Cargo.toml").write_text(manifest + (f'license = "{licence}"\n' if licence else ""))
        for path, text in {"src/lib.rs": code, **(files or {})}.items():
            (crate / path).parent.mkdir(parents=True, exist_ok=True)
            (crate / path).write_text(text)
        copyright_file = root / f"usr/share/doc/librust-{name}-dev/copyright"
        copyright_file.parent.mkdir(parents=True)
        copyright_file.write_text(
            f"Format: dep5\n\nFiles: *\nCopyright: 2024\nLicense: {copyright_licence}\n"
        )
        (root / "DEBIAN").mkdir()
        (root / "DEBIAN/control").write_text(
            f"Package: librust-{name}-dev\nVersion: 1.0-1\nArchitecture: all\nMaintainer: nobody\n"
            "Description: a crate\n"
        )
        deb = into / f"librust-{name}-dev.deb"
        argv = ["dpkg-deb", "--root-owner-group", "-Znone", "-b", str(root), str(deb)]
        subprocess.run(argv, check=True, capture_output=True)
    return deb
