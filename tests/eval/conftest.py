"""The index of three real corpora, for all tests here."""

import pytest

from rusta_server.tools.docs import Docs, Toolchain, build, toolchain


@pytest.fixture(scope="session")
def docs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("citations")
    here = toolchain(folder)
    if here is None or here.html is None:
        pytest.skip("the toolchain has no documentation: rustup component add rust-docs")
    html = folder / "toolchain/share/doc/rust/html"
    html.mkdir(parents=True)
    for corpus in ("error_codes", "book", "reference"):
        (html / corpus).symlink_to(here.html / corpus)
    made = build(folder, Toolchain(folder / "toolchain", here.version, html))
    assert isinstance(made, Docs)
    yield made
    made.close()
