"""`rusta doctor` names what is missing, the one command that mends it, and ends accordingly."""

import json
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from rusta_server.commands import doctor
from rusta_server.tools import rust_analyzer_install, sandbox


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A machine with nothing but Python; what a test needs is put into bin/."""
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setattr(
        rust_analyzer_install.platformdirs, "user_data_dir", lambda name: str(tmp_path / "data" / name)
    )
    monkeypatch.setattr(
        rust_analyzer_install.platformdirs, "user_cache_dir", lambda name: str(tmp_path / "cache")
    )
    return tmp_path


def program(path: Path, script: str) -> None:
    path.write_text("#!/bin/sh\n" + script)
    path.chmod(0o755)


def diagnose(folder: Path) -> tuple[int, dict[str, dict[str, str]]]:
    done = CliRunner().invoke(doctor.command, [str(folder), "--json"])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.output
    return done.exit_code, {finding["name"]: finding for finding in json.loads(done.stdout)}


def toolchain(machine: Path) -> None:
    program(machine / "bin/cargo", "echo 'cargo 1.99.0 (abc 2026-01-01)'\n")
    program(
        machine / "bin/rustc",
        f'if [ "$1" = --version ]; then echo "rustc 1.99.0 (abc)"; else echo {machine}/sysroot; fi\n',
    )
    program(machine / "bin/rust-analyzer", "echo rust-analyzer 1.99.0\n")
    (machine / "sysroot/lib/rustlib/src/rust/library/core").mkdir(parents=True)
    (machine / "sysroot/share/doc/rust/html").mkdir(parents=True)


def test_nothing_but_python(machine):
    code, findings = diagnose(machine)
    assert code == 1
    missing = {name: f["remedy"] for name, f in findings.items() if f["state"] == "missing"}
    assert missing == {
        "cargo": doctor.INSTALL_RUST,
        "rustc": doctor.INSTALL_RUST,
        "rust-analyzer": "rusta setup",
    }
    assert findings["sources of std"]["remedy"] == "rusta setup"
    assert findings["Rust's documentation"]["remedy"] == "rustup component add rust-docs"


def test_all_there(machine):
    toolchain(machine)
    code, findings = diagnose(machine)
    assert code == 0
    assert findings["cargo"]["found"] == f"1.99.0 (abc 2026-01-01) ({machine}/bin/cargo)"
    assert findings["rust-analyzer"]["found"] == f"1.99.0, PATH ({machine}/bin/rust-analyzer)"
    assert {f["state"] for name, f in findings.items() if name != "sandbox"} == {"ok"}


def test_rustup_without_a_toolchain(machine):
    toolchain(machine)
    program(
        machine / "bin/cargo", "echo 'error: rustup could not choose a version of cargo to run' >&2; exit 1\n"
    )
    code, findings = diagnose(machine)
    assert code == 1
    assert findings["cargo"]["found"] == "rustup could not choose a version of cargo to run"
    assert findings["cargo"]["remedy"] == "rustup default stable"


def test_a_lack_that_only_limits_does_not_fail(machine):
    toolchain(machine)
    (machine / "sysroot/share/doc/rust/html").rmdir()
    code, findings = diagnose(machine)
    assert code == 0
    assert findings["Rust's documentation"]["state"] == "limited"


def test_a_cache_that_cannot_be_written(machine):
    toolchain(machine)
    (machine / "cache").write_text("a file where the folder should be")
    code, findings = diagnose(machine)
    assert (code, findings["cache folder"]["state"]) == (1, "missing")
    assert findings["cache folder"]["remedy"].startswith("mkdir -p")


@pytest.mark.parametrize("state", ["isolate landlock:7 filter", "landlock:4 filter", "landlock:1", ""])
def test_the_sandbox_never_fails_it(machine, monkeypatch, state):
    toolchain(machine)
    found = sandbox._read_probe(state.split(), "unshare: Operation not permitted")
    monkeypatch.setattr(doctor.sandbox, "describe", lambda: found)
    code, findings = diagnose(machine)
    assert code == 0
    assert (findings["sandbox"]["state"] == "ok") == ("filter" in state)


def test_the_table_reads_well(machine):
    toolchain(machine)
    (machine / "bin/rust-analyzer").unlink()
    done = CliRunner().invoke(doctor.command, [str(machine)])
    assert done.exit_code == 1
    assert "✓  cargo" in done.stdout
    assert "✗  rust-analyzer" in done.stdout
    assert "try: rusta setup" in done.stdout
    assert "1 missing" in done.stdout


def test_python_and_libraries_are_named(machine):
    _, findings = diagnose(machine)
    assert sys.executable in findings["Python"]["found"]
    assert "pygls 2." in findings["libraries"]["found"]
