"""The client's source and package, as far as no browser is needed."""

import importlib.util
import json
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from rusta_server import __version__

CLIENT = Path(__file__).parents[2] / "vscode-client"
MAX_N_BYTES = 2 << 20

needs_npm = [pytest.mark.slow, pytest.mark.editors, pytest.mark.xdist_group("browser")]


def manifest() -> dict:
    return json.loads((CLIENT / "package.json").read_text())


def settings_of_client() -> dict[str, dict]:
    sections = manifest()["contributes"]["configuration"]
    return {name: shape for section in sections for name, shape in section["properties"].items()}


def test_the_servers_settings_in_the_manifest_are_those_of_the_server():
    done = subprocess.run(
        [sys.executable, str(CLIENT / "settings.py"), "--check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_a_stale_setting_is_noticed():
    spec = importlib.util.spec_from_file_location("settings", CLIENT / "settings.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    stale = manifest()
    stale["contributes"]["configuration"][-1]["properties"]["rusta.maxLines"]["default"] = 21
    assert module.generated(stale) == manifest()


def test_no_folder_can_set_what_protects_a_person_or_names_a_program():
    scopes = {name: shape.get("scope") for name, shape in settings_of_client().items()}
    for name in ("sandbox", "sandboxReads", "applyLevel", "tauPatch", "rustAnalyzerPath", "cacheDir"):
        assert scopes[f"rusta.{name}"] == "machine", name
    assert scopes["rusta.keepFeedback"] == "application"
    restricted = manifest()["capabilities"]["untrustedWorkspaces"]["restrictedConfigurations"]
    assert {"rusta.server.path", "rusta.server.package", "rusta.server.env"} <= set(restricted)
    assert "rusta.trusted" not in scopes


def test_client_and_server_have_one_version():
    assert manifest()["version"] == __version__
    least = re.search(r'LEAST_VERSION = "([^"]+)"', (CLIENT / "src/locate.ts").read_text())[1]
    assert [int(part) for part in least.split(".")] <= [int(part) for part in __version__.split(".")]


def test_the_lock_file_names_no_download_address():
    assert "resolved" not in (CLIENT / "package-lock.json").read_text()


def test_every_setting_and_command_says_what_it_is_for():
    assert [
        name for name, shape in settings_of_client().items() if not shape.get("markdownDescription")
    ] == []
    assert [one for one in manifest()["contributes"]["commands"] if not one.get("title")] == []


class TestWithNpm:
    pytestmark = needs_npm

    def test_types_style_and_unit_tests_are_green(self, programs, client):
        for arguments in (["run", "check"], ["exec", "--", "tsc", "-p", "webview"]):
            done = run(programs, *arguments)
            assert done.returncode == 0, done.stdout + done.stderr
        done = subprocess.run(
            [programs["node"], "--test", "out/unit/"],
            cwd=CLIENT,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        assert done.returncode == 0, done.stdout
        assert int(re.search(r"# pass (\d+)", done.stdout)[1]) >= 35

    def test_the_package_is_small_and_holds_only_what_is_needed(self, vsix):
        assert vsix.stat().st_size <= MAX_N_BYTES
        with zipfile.ZipFile(vsix) as archive:
            names = {name.removeprefix("extension/") for name in archive.namelist()}
        assert {"dist/extension.js", "dist/timeline.js", "dist/NOTICES.txt", "icon.png"} <= names
        assert [name for name in names if re.search(r"\.(ts|map|svg)$|node_modules|test", name)] == []

    def test_every_bundled_package_is_in_the_notices(self, client):
        notices = (client / "dist/NOTICES.txt").read_text()
        for name in ("vscode-languageclient", "vscode-languageserver-protocol", "vscode-jsonrpc", "semver"):
            assert re.search(rf"^{name} \d", notices, re.MULTILINE), name

    def test_the_package_installs_without_a_network(self, programs, vsix, tmp_path):
        argv = [programs["node"], programs["server"], "--accept-server-license-terms"]
        argv += [
            "--server-data-dir",
            str(tmp_path / "data"),
            "--extensions-dir",
            str(tmp_path / "extensions"),
        ]
        done = subprocess.run(
            ["unshare", "-rn", *argv, "--install-extension", str(vsix)],
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        assert "was successfully installed" in done.stdout, done.stdout + done.stderr
        installed = list((tmp_path / "extensions").glob("rusta.rusta-*/dist/extension.js"))
        assert len(installed) == 1


def run(programs: dict[str, str], *arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [programs["npm"], *arguments], cwd=CLIENT, capture_output=True, text=True, check=False, timeout=900
    )
