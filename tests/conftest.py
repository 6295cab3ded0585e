"""What tests of several rooms share."""

import shutil
from pathlib import Path

import pytest

from rusta_server.config import Config
from rusta_server.tools.docs import Docs, NotIndexed, build, open_docs, toolchain

SEMVER = Path(__file__).parent / "fixtures/crates/semver"


@pytest.fixture(scope="session")
def docs() -> Docs:
    """The documentation of this machine's toolchain; its index is the user's own, made if there is none."""
    here = toolchain(Path.cwd())
    if here is None or here.html is None:
        pytest.skip("the toolchain has no documentation: rustup component add rust-docs")
    found = open_docs(Config().cache, here)
    if isinstance(found, NotIndexed):
        found = build(Config().cache, here)
    assert isinstance(found, Docs)
    return found


@pytest.fixture
def semver(tmp_path: Path) -> Path:
    """A copy of a real crate that compiles and whose tests are green."""
    return Path(shutil.copytree(SEMVER, tmp_path / "semver"))


@pytest.fixture
def make_crate(tmp_path: Path):
    """Make a package from a mapping of paths to texts; a manifest is added where there is none."""

    def make(files: dict[str, str], name: str = "demo", edition: str = "2021") -> Path:
        root = tmp_path / name
        manifest = f'[package]\nname = "{name}"\nversion = "0.1.0"\nedition = "{edition}"\n'
        for path, text in {"Cargo.toml": manifest, **files}.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text)
        return root

    return make
