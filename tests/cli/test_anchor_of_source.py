"""`rusta anchor` on spans of the user's own sources and of dependencies."""

import json
import subprocess
import sys
from pathlib import Path

from attrs import asdict

from rusta_server.tools.docs import Anchor, anchor
from rusta_server.tools.docs.source import Sources, doc_at

QUOTE = "Create Version by parsing from string representation."


def rusta(*arguments: str, cwd: Path) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "rusta_server", "anchor", *arguments]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True)


def made_in(root: Path, workspace: Path) -> Anchor:
    section = doc_at(Sources((workspace,)), root / "src/lib.rs", 431)
    assert section is not None
    return anchor(section, QUOTE)


def test_a_span_of_the_users_own(semver: Path, docs):
    made = made_in(semver, semver)
    for folder in (semver, semver / "src"):
        done = rusta("show", made.id, cwd=folder)
        assert done.returncode == 0, done.stderr
        assert QUOTE in done.stdout
        assert "valid" in done.stdout
    (semver / "anchors.json").write_text(json.dumps([{"id": made.id, **asdict(made)}]))
    assert rusta("verify", "anchors.json", cwd=semver).returncode == 0
    source = (semver / "src/lib.rs").read_text()
    (semver / "src/lib.rs").write_text(source.replace("by parsing from string", "out of a string"))
    assert rusta("show", made.id, cwd=semver).returncode == 2
    assert rusta("verify", "anchors.json", cwd=semver).returncode == 1


def test_a_span_of_a_dependency(semver: Path, make_crate, docs):
    root = make_crate({"src/lib.rs": ""})
    with (root / "Cargo.toml").open("a") as manifest:
        manifest.write(f'[dependencies]\nsemver = {{ path = "{semver}" }}\n')
    subprocess.run(["cargo", "generate-lockfile", "--offline"], cwd=root, check=True, capture_output=True)
    made = made_in(semver, root)
    assert made.id.startswith("crate:semver/semver::Version::parse#")
    done = rusta("show", made.id, "--json", cwd=root)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["state"] == "valid"
