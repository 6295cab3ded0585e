"""A crate that tries everything to get out: from build scripts (a dependency's too), a macro and a test.

What it tries is in `fixtures/crates/escape/attempts`. Its victims are made here: a home with secrets, another
process, listeners. Without the sandbox most attempts work; in it none may, and the crate must compile and
pass its test all the same.
"""

import contextlib
import functools
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
import uuid
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil
import pytest
from attrs import define, field

from rusta_server.commands._assists import analyzing
from rusta_server.config import Config
from rusta_server.patch import crate
from rusta_server.tools import cargo, process, sandbox
from rusta_server.tools.diagnostic import Checked

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="the attempts are Linux's"),
    pytest.mark.slow,
]

ESCAPE = Path(__file__).parents[1] / "fixtures/crates/escape"
WHO = {"build-script", "macro", "dependency", "test"}
SECRETS = (
    ".ssh/id_ed25519", ".cargo/credentials.toml", ".cargo/credentials", ".aws/credentials", ".netrc",
    ".config/gh/hosts.yml", ".mozilla/firefox/x.default/logins.json", ".bash_history", "projects/other/.env",
)  # fmt: skip
# What works for every user where nothing is in the way.
FREE = {
    "write-home", "append-profile", "write-workspace", "write-tmp-of-others", "remove-file", "rename-file",
    "write-system", "read-ssh-key", "read-cargo-credentials", "read-aws", "read-netrc", "read-config",
    "read-browser", "read-history", "read-other-project", "read-tmp-of-others", "read-through-link",
    "read-through-dots", "read-shared-memory", "list-home", "list-projects", "variable-token",
    "variable-agent", "variables-of-parents", "command-lines", "environ-of-victim", "root-of-victim",
    "root-of-any", "tcp", "udp", "abstract-socket", "socket-in-tmp", "socket-in-home", "signal", "kill",
    "signal-parent-of-cargo", "write-through-link", "write-through-folder-link", "write-through-hard-link",
    "exchange-folder", "change-mode", "change-times", "setuid-program", "inherited-files", "fill-disk",
}  # fmt: skip
# Landlock does not watch these; only namespaces stop them.
UNWATCHED = {"change-mode", "change-times"}

here = sandbox.describe()


@define
class Victims:
    """What the crate attacks, and what was heard of it."""

    folder: Path
    secret: str = field(factory=lambda: f"secret-{uuid.uuid4()}")
    marker: str = field(factory=lambda: f"marker-{uuid.uuid4()}")
    heard: list[str] = field(factory=list)
    plan: dict[str, object] = field(factory=dict)

    @property
    def home(self) -> Path:
        return self.folder / "home"

    def contents(self) -> dict[str, object]:
        """All that must stay as it is: content, mode and time of every file."""
        shared = Path(str(self.plan["shared-memory"]))
        files = [*self.home.rglob("*"), *(self.folder / "outside").rglob("*"), shared]
        return {
            str(f): (f.stat().st_mode, f.is_file() and (f.read_bytes(), f.stat().st_mtime_ns)) for f in files
        }

    def survivors(self) -> list[psutil.Process]:
        found = []
        for one in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                if str(self.plan["daemon"]) in one.cmdline():
                    found.append(one)
        return found


@pytest.fixture
def victims(monkeypatch):
    build = Path(__file__).parents[2] / "build"
    build.mkdir(exist_ok=True)
    # Not below /tmp: the sandbox has one of its own, and writing there would be no escape.
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(TemporaryDirectory(prefix="escape-", dir=build))
        yield make_victims(Path(folder), monkeypatch, stack)


def make_victims(folder: Path, monkeypatch, stack: contextlib.ExitStack) -> Victims:
    victims = Victims(folder)
    outside = folder / "outside"
    for name in SECRETS:
        write(victims.home / name, victims.secret)
    write(victims.home / ".profile", "# mine\n")
    for name in (
        "other",
        "inherited",
        *(f"removable/{who}{more}" for who in WHO for more in ("", "-2")),
        *(f"movable/{who}/file" for who in WHO),
    ):
        write(outside / name, victims.secret)
    (outside / "system").mkdir()
    workspace = Path(shutil.copytree(ESCAPE, outside / "workspace"))
    shared = Path(f"/dev/shm/{victims.secret}")
    write(shared, victims.secret)
    stack.callback(shared.unlink)

    rustup = os.environ.get("RUSTUP_HOME", str(Path.home() / ".rustup"))
    for name, value in {
        "HOME": str(victims.home),
        "RUSTUP_HOME": rustup,
        "CARGO_REGISTRY_TOKEN": victims.secret,
        "GITHUB_TOKEN": victims.secret,
        "AWS_SECRET_ACCESS_KEY": victims.secret,
        "DATABASE_URL": f"postgres://me:{victims.secret}@localhost/x",
        "SSH_AUTH_SOCK": str(victims.home / "agent.sock"),
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("CARGO_HOME", raising=False)

    sleeper = "import signal, time; signal.signal(15, signal.SIG_IGN); print(flush=True); time.sleep(600)"
    victim = subprocess.Popen([sys.executable, "-c", sleeper, victims.marker], stdout=subprocess.PIPE)
    stack.callback(victim.wait)
    stack.callback(victim.kill)
    assert victim.stdout
    victim.stdout.read(1)

    inherited = os.open(outside / "inherited", os.O_WRONLY | os.O_APPEND)
    stack.callback(os.close, inherited)
    # Rusta never leaves a file open for a command; here one is, on purpose.
    popen = functools.partial(subprocess.Popen, pass_fds=(inherited,))
    monkeypatch.setattr(process.subprocess, "Popen", popen)

    victims.plan |= {
        "home": victims.home,
        "profile": victims.home / ".profile",
        "workspace": workspace,
        "other": outside / "other",
        "removable": outside / "removable",
        "movable": outside / "movable",
        "system": "/usr/share",
        "inherited": outside / "inherited",
        "shared-memory": shared,
        "secret": victims.secret,
        "marker": victims.marker,
        "victim": victim.pid,
        "tester": os.getpid(),
        "daemon": f"daemon-{uuid.uuid4()}",
        "disk": next(
            (f"/dev/{d.name}" for d in Path("/sys/block").iterdir() if Path("/dev", d.name).exists()), "/"
        ),
        "socket": outside / "socket",
        **listen(victims, outside, stack),
    }
    return victims


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def listen(victims: Victims, outside: Path, stack: contextlib.ExitStack) -> dict[str, object]:
    """Answer whoever calls, and note it; gives the ports, and the name of the abstract socket."""
    name = f"rusta-{uuid.uuid4()}"
    servers = {
        "tcp": (socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", 0)),
        "tcp6": (socket.AF_INET6, socket.SOCK_STREAM, ("::1", 0)),
        "udp": (socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", 0)),
        "abstract": (socket.AF_UNIX, socket.SOCK_STREAM, f"\0{name}"),
        "path": (socket.AF_UNIX, socket.SOCK_STREAM, str(outside / "socket")),
        "home": (socket.AF_UNIX, socket.SOCK_STREAM, str(victims.home / "agent.sock")),
    }
    found: dict[str, object] = {"abstract": name}
    for kind, (family, type, address) in servers.items():
        server = stack.enter_context(socket.socket(family, type))
        server.bind(address)
        if family != socket.AF_UNIX:
            found[kind] = server.getsockname()[1]
        if type == socket.SOCK_STREAM:
            server.listen(64)
        threading.Thread(target=answer, args=(victims, kind, server), daemon=True).start()
    return found


def answer(victims: Victims, name: str, server: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while True:
            if server.type == socket.SOCK_STREAM:
                server.accept()[0].close()
            else:
                server.sendto(b"yes", server.recvfrom(16)[1])
            victims.heard.append(name)


def attack(victims: Victims, launcher_for, also=lambda shadow: None) -> dict[str, set[str]]:
    """Check and test the crate in a shadow; what worked, by who tried it."""
    workspace = cargo.locate(Path(str(victims.plan["workspace"])))
    text = "".join(f"{key}={value}\n" for key, value in victims.plan.items())
    (workspace.root / "plan.txt").write_text(text)
    before = victims.contents()
    with crate.of_workspace(workspace, cache=victims.folder / "cache", launcher_for=launcher_for) as shadow:
        checked = shadow.check({})
        assert isinstance(checked, Checked), checked
        assert checked.errors == ()
        tested = shadow.test({})
        assert tested.green, tested
        also(shadow)
        report = [line.split(" ", 3) for line in (shadow.tree / "report.txt").read_text().splitlines()]
    worked: dict[str, set[str]] = {who: set() for who, *_ in report}
    for who, name, outcome, *_ in report:
        if outcome == "worked":
            worked[who].add(name)
    assert set(worked) == WHO
    assert {name for _, name, *_ in report} >= FREE
    victims.plan["changed"] = victims.contents() != before
    return worked


def test_without_a_sandbox_the_attempts_work(victims):
    """Or the other tests would prove nothing."""
    victims.plan["system"] = victims.folder / "outside/system"
    try:
        worked = attack(victims, lambda writable, readable: ())
        for who in WHO:
            assert FREE - worked[who] == set(), who
        assert set(victims.heard) >= {"tcp", "udp", "abstract", "path", "home"}
        assert victims.plan["changed"]
        assert victims.survivors()
    finally:
        for one in victims.survivors():
            one.kill()


@pytest.mark.skipif(not here.is_complete or not here.processes_end, reason="the sandbox is incomplete here")
def test_nothing_gets_out(victims):
    worked = attack(victims, sandbox.prefix, also=ask_rust_analyzer)
    # If Python lies below /tmp, the home of this test is in the command's own /tmp.
    inside = {"write-home", "write-through-folder-link"} if sys.prefix.startswith("/tmp/") else set()
    assert {who: done - inside for who, done in worked.items()} == {who: set() for who in WHO}
    assert victims.heard == []
    assert not victims.plan["changed"]
    assert gone(victims)


def ask_rust_analyzer(shadow) -> None:
    """It runs build scripts and macros too."""
    report = shadow.tree / "report.txt"
    n_before = len(report.read_text().splitlines())
    with analyzing(shadow, Config()) as analyzer:
        if analyzer is None:
            return
        assert analyzer.wait_until_ready(120)
        uri = (shadow.tree / "src/lib.rs").as_uri()
        at = {"textDocument": {"uri": uri}, "position": {"line": 5, "character": 6}}
        assert "fn answer() -> u32" in str(analyzer.request("textDocument/hover", at, timeout_s=60))
    assert len(report.read_text().splitlines()) > n_before


@pytest.mark.skipif("--landlock" not in here.options or "--filter" not in here.options, reason="not here")
def test_nothing_gets_out_without_namespaces(victims):
    """Only what Landlock does not watch: modes and times of files that are named, and processes that stay."""
    try:
        worked = attack(victims, launcher_without("--isolate"))
        assert set().union(*worked.values()) <= UNWATCHED
        assert victims.heard == []
    finally:
        for one in victims.survivors():
            one.kill()


@pytest.mark.skipif("--isolate" not in here.options, reason="namespaces are refused here")
def test_nothing_gets_out_without_landlock(victims):
    worked = attack(victims, launcher_without("--landlock"))
    # If Python lies below /tmp, the home of this test is in the command's own /tmp.
    inside = {"write-home", "write-through-folder-link"} if sys.prefix.startswith("/tmp/") else set()
    assert {who: done - inside for who, done in worked.items()} == {who: set() for who in WHO}
    assert victims.heard == []
    assert not victims.plan["changed"]
    assert gone(victims)


def gone(victims: Victims) -> bool:
    """Whether nothing that the crate started is left, after a moment for the kernel to end it."""
    deadline = time.monotonic() + 5
    while victims.survivors() and time.monotonic() < deadline:
        time.sleep(0.05)
    return not victims.survivors()


def launcher_without(option: str):
    return lambda writable, readable: tuple(p for p in sandbox.prefix(writable, readable) if p != option)
