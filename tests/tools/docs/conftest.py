"""A small folder of real documentation that a test may damage, and its index."""

import shutil
from pathlib import Path

import pytest

from rusta_server.tools.docs import Docs, Toolchain, build, toolchain

PAGES = (
    "book/ch04-01-what-is-ownership.html",
    "book/ch04-02-references-and-borrowing.html",
    "book/index.html",
    "book/title-page.html",
    "error_codes/E0382.html",
    "error_codes/E0502.html",
    "error_codes/index.html",
    "reference/unsafe-blocks.html",
    "reference/unsafe-keyword.html",
    "reference/items/unions.html",
    "std/index.html",
    "std/vec/index.html",
    "std/vec/struct.Vec.html",
    "std/collections/struct.HashMap.html",
    "std/collections/hash_map/struct.HashMap.html",
    "std/keyword.unsafe.html",
)

BOOKS = ("book", "reference", "error_codes", "nomicon")


@pytest.fixture
def real() -> Path:
    """This machine's documentation."""
    here = toolchain(Path.cwd())
    if here is None or here.html is None:
        pytest.skip("the toolchain has no documentation: rustup component add rust-docs")
    return here.html


@pytest.fixture
def bare(real: Path, tmp_path: Path) -> Toolchain:
    """A toolchain of this machine's version whose documentation is empty, and without Clippy."""
    html = tmp_path / "toolchain/share/doc/rust/html"
    html.mkdir(parents=True)
    return Toolchain(tmp_path / "toolchain", toolchain(Path.cwd()).version, html)


@pytest.fixture
def small(real: Path, bare: Toolchain) -> Toolchain:
    """A toolchain with some of the real pages of this machine's documentation."""
    for page in PAGES:
        (bare.html / page).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(real / page, bare.html / page)
    return bare


@pytest.fixture
def books(real: Path, bare: Toolchain) -> Toolchain:
    """A toolchain with this machine's books, whole: they take some seconds to index."""
    for name in BOOKS:
        (bare.html / name).symlink_to(real / name)
    return bare


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture
def small_docs(small: Toolchain, cache: Path) -> Docs:
    made = build(cache, small)
    assert isinstance(made, Docs)
    return made
