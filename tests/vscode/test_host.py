"""The extension's tests inside the extension host; each of them is a test here."""

import asyncio
import json
from pathlib import Path

import pytest

from rusta_server.config import Config
from rusta_server.tools import rust_analyzer_install

pytestmark = [pytest.mark.slow, pytest.mark.editors, pytest.mark.xdist_group("browser")]

# The aim is for a quiet machine; a busy one is judged more mildly, on the median.
LIGHTBULB_MS = 150
BUSY = 4


async def results(open_workbench, crate: Path, suite: str, **more) -> dict[str, dict]:
    """What the suite found, by the names of its tests."""
    folder = crate.parent / "results"
    folder.mkdir()
    env = {"RUSTA_HOST_SUITE": suite, "RUSTA_HOST_RESULTS": str(folder)}
    async with open_workbench(crate, host_suite=suite, env=env, **more) as workbench:

        async def are_there() -> bool:
            return (folder / "results.json").exists()

        await workbench.until(f"the results of {suite}", are_there, within_s=1200)
        await asyncio.sleep(0)
    return {one["name"]: one for one in json.loads((folder / "results.json").read_text())}


def assert_none_failed(found: dict[str, dict], at_least: int) -> None:
    failed = {name: one["problem"] for name, one in found.items() if "problem" in one}
    assert not failed, "\n\n".join(f"{name}\n{problem}" for name, problem in failed.items())
    assert len(found) >= at_least, list(found)


async def test_as_a_server_of_its_own(open_workbench, semver, broken):
    found = await results(open_workbench, semver, "own", settings={"rusta.runTests": False})
    assert_none_failed(found, at_least=9)
    figures = {key: value for one in found.values() for key, value in one["figures"].items()}
    print("lightbulb:", figures)
    assert figures["lightbulb_ms_p50"] <= LIGHTBULB_MS * BUSY


async def test_in_a_folder_that_is_not_trusted(open_workbench, semver, broken):
    # A program that lies in the folder, where a trusted project's environment would be.
    program = semver / ".venv/bin/rusta"
    program.parent.mkdir(parents=True)
    program.write_text(f"#!/bin/sh\ntouch {semver}/was-run\necho 'rusta, version 9.0.0'\n")
    program.chmod(0o755)
    settings = {"security.workspace.trust.enabled": True, "security.workspace.trust.startupPrompt": "never"}
    found = await results(open_workbench, semver, "untrusted", settings=settings)
    assert_none_failed(found, at_least=3)
    assert not (semver / "was-run").exists()
    assert not (semver / "target").exists()


async def test_beside_and_under_the_rust_analyzer_extension(open_workbench, client, semver, broken):
    analyzer = rust_analyzer_install.look(Config())
    settings = {"rust-analyzer.server.path": str(analyzer.path)}
    found = await results(
        open_workbench, semver, "under", settings=settings, extensions=(client / "out/neighbour",)
    )
    assert_none_failed(found, at_least=3)
