"""`rusta trace serve` as a program: jobs that really search, a socket file, and a clean end."""

import os
import signal
import stat
import subprocess
import sys
import time
from contextlib import contextmanager

import httpx
import psutil
import pytest

from rusta_server.config import Config

BROKEN = """fn main() {
    let v = vec![1, 2, 3];
    let w = v;
    println!("{:?} {:?}", v, w);
}
"""


@contextmanager
def serving(folder, *arguments):
    log = folder / "serve.log"
    with log.open("w") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "rusta_server", "trace", "serve", "--cache-dir", "cache", *arguments],
            cwd=folder,
            stderr=out,
            env={**os.environ, "COLUMNS": "300"},
        )
    try:
        for _ in range(200):
            if "Stop with" in log.read_text():
                break
            assert process.poll() is None, log.read_text()
            time.sleep(0.05)
        yield process, log.read_text()
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)


def wait_for(client, job):
    for _ in range(600):
        found = client.get(f"/job/{job}").json()
        if found["status"] in ("done", "failed", "cancelled"):
            return found
        time.sleep(0.1)
    raise AssertionError(found)


@pytest.mark.slow
def test_a_fix_is_searched_shown_and_written_over_the_wire(tmp_path, docs):
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "docs").symlink_to(Config().cache / "docs")
    (tmp_path / "main.rs").write_text(BROKEN)
    with serving(tmp_path) as (process, said):
        url, token = said.split()[0].split("#token=")
        token_file = tmp_path / "cache" / "trace-token"
        assert stat.S_IMODE(token_file.stat().st_mode) == 0o600
        assert token_file.read_text().strip() == token
        with httpx.Client(base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=60) as client:
            arguments = {"path": str(tmp_path / "main.rs")}

            def ask(kind, **more):
                answer = client.post("/job", json={"kind": kind, "arguments": {**arguments, **more}})
                return wait_for(client, answer.json()["id"])

            errors = ask("diagnose")["result"]["errors"]
            assert [error["code"] for error in errors] == ["E0382"]
            proposed = ask("propose")
            assert proposed["result"]["fixes"][0]["level"] == "V2"
            assert (tmp_path / "main.rs").read_text() == BROKEN
            trace = client.get(f"/traces/{proposed['trace']}").json()
            assert trace["steps"][0]["kind"] == "plan"
            assert client.post(f"/replay/{proposed['trace']}").json()["difference"] is None
            assert ask("apply")["result"]["written"] is True
            assert "clone()" in (tmp_path / "main.rs").read_text()
            for path in ("relative", "/" + "a" * 5000, "~", str(tmp_path / "absent")):
                assert "absolute path" in ask("diagnose", path=path)["error"]
            told = ask("explain", subject="E0382")
            assert told["result"]["explanations"][0]["parts"]
            steps = client.get(f"/traces/{told['trace']}").json()["steps"]
            cited = [id for step in steps for id in step["citations"]]
            assert client.get("/anchors/" + cited[0].replace("#", "%23")).json()["state"] == "valid"
        children = psutil.Process(process.pid).children(recursive=True)
    assert process.returncode in (0, -signal.SIGTERM, 128 + signal.SIGTERM)
    assert not any(child.is_running() and child.status() != psutil.STATUS_ZOMBIE for child in children)


def test_a_socket_of_this_user_only(tmp_path):
    path = tmp_path / "s"
    with serving(tmp_path, "--socket", str(path)) as (_, said):
        assert "token=" not in said
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        token = (tmp_path / "cache" / "trace-token").read_text().strip()
        with httpx.Client(transport=httpx.HTTPTransport(uds=str(path)), base_url="http://rusta") as client:
            assert client.get("/traces").status_code == 401
            answer = client.get("/traces", headers={"Authorization": f"Bearer {token}"})
            assert answer.json() == {"traces": [], "next": None}
    assert not path.exists()


def test_a_port_that_is_taken_is_a_clear_word(tmp_path):
    with serving(tmp_path) as (_, said):
        port = said.split("/#token=")[0].rsplit(":", 1)[1]
        ended = subprocess.run(
            [sys.executable, "-m", "rusta_server", "trace", "serve", "--cache-dir", "cache", "--port", port],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=30,
        )
    assert ended.returncode == 2 and f"cannot listen on port {port}" in ended.stderr


def test_a_token_that_others_could_read_is_made_anew(tmp_path):
    with serving(tmp_path) as (_, said):
        first = said.split()[0].split("#token=")[1]
    (tmp_path / "cache" / "trace-token").chmod(0o644)
    with serving(tmp_path) as (_, said):
        second = said.split()[0].split("#token=")[1]
    assert first != second
