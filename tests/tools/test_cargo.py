import shutil
import subprocess
from pathlib import Path

import pytest

from rusta_server.tools import cargo
from rusta_server.tools.docs import anchor
from rusta_server.tools.docs.source import Sources, by_id, doc_at


@pytest.fixture
def root(make_crate, semver: Path) -> Path:
    """A crate that depends on a vendored copy of semver and, by its path, on a crate beside it."""
    beside = make_crate({"src/lib.rs": "/// Half of it.\npub fn half() {}\n"}, name="half-way")
    root = make_crate({"src/lib.rs": "", ".cargo/config.toml": ""})
    with (root / "Cargo.toml").open("a") as manifest:
        manifest.write(f'[dependencies]\nsemver = "1"\nhalf-way = {{ path = "{beside}" }}\n')
    (root / ".cargo/config.toml").write_text(
        '[source.crates-io]\nreplace-with = "vendored"\n[source.vendored]\ndirectory = "vendor"\n'
    )
    shutil.copytree(semver, root / "vendor/semver")
    (root / "vendor/semver/.cargo-checksum.json").write_text('{"files":{}}')
    return root


def test_dependencies_are_where_cargo_says(root: Path):
    subprocess.run(["cargo", "generate-lockfile", "--offline"], cwd=root, check=True, capture_output=True)
    found = cargo.dependencies(root)
    (vendored,) = (key for key in found if key.startswith("semver@1."))
    assert found[vendored] == root / "vendor/semver"
    assert found["half-way@0.1.0"] == root.parent / "half-way"

    sources = Sources((root,), found)
    parse = doc_at(sources, root / "vendor/semver/src/lib.rs", 431)
    assert parse is not None
    assert parse.corpus == f"crate:{vendored}"
    made = anchor(parse, "Create Version by parsing from string representation.")
    assert made.id.startswith("crate:semver/semver::Version::parse#")
    assert by_id(made.id, sources) == made


def test_asking_writes_no_lock_file(root: Path):
    assert cargo.dependencies(root) == {}
    assert not (root / "Cargo.lock").exists()
    assert cargo.dependencies(root.parent) == {}
    assert cargo.dependencies(root / "nowhere") == {}
