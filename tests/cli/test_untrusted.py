"""`--untrusted`: nothing of the crate is run."""

import subprocess
import sys

TRAPPED = "pub fn f() -> Result<u8, ()> {\n    Err(())?;\n    Ok(true)\n}\n"


def run(*arguments) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "rusta_server", *(str(argument) for argument in arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def trapped(make_crate, tmp_path):
    build = f'fn main() {{ std::fs::write("{tmp_path}/ran", "").unwrap(); }}'
    return make_crate({"src/lib.rs": TRAPPED, "build.rs": build})


def test_fix_refuses(make_crate, tmp_path):
    crate = trapped(make_crate, tmp_path)
    done = run("fix", crate, "--untrusted", "--no-sandbox", "--cache-dir", tmp_path / "cache")
    assert done.returncode == 2
    assert "not trusted" in done.stderr
    assert not (tmp_path / "ran").exists()
    assert not (tmp_path / "cache/shadows").exists()


def test_explain_reads_and_runs_nothing(make_crate, tmp_path, docs):
    crate = trapped(make_crate, tmp_path)
    done = run("explain", f"{crate}/src/lib.rs:2:12", "--untrusted", "--no-sandbox", "--plain")
    assert done.returncode == 0
    assert "operator" in done.stdout
    assert not (tmp_path / "ran").exists()
