"""What a hostile build script can do from inside: nothing that outlives it or leaves its folders."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from rusta_server.tools import sandbox, sandbox_reads

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the sandbox is Linux's")
LAUNCHER = sandbox.LAUNCHER
PYTHON = (Path(sys.prefix), Path(sys.base_prefix))  # what these tests run inside

SEMVER = Path(__file__).parents[1] / "fixtures/crates/semver"

here = sandbox.describe()
needs_landlock = pytest.mark.skipif(not here.writes_limited, reason="no Landlock here")
needs_namespaces = pytest.mark.skipif(not here.network_off, reason="namespaces are refused here")
needs_filter = pytest.mark.skipif(not {"--landlock", "--filter"} <= {*here.options}, reason="not here")


def run(prefix, command, **more):
    more.setdefault("cwd", "/")
    return subprocess.run(
        [*prefix, *command], capture_output=True, text=True, timeout=120, check=False, **more
    )


def python(code: str) -> list[str]:
    return [sys.executable, "-I", "-S", "-c", code]


@pytest.fixture
def inside(tmp_path):
    (tmp_path / "inside").mkdir()
    return tmp_path / "inside"


@pytest.fixture
def outside(tmp_path):
    """A folder with one file that must stay as it is."""
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/precious").write_bytes(b"precious")
    return tmp_path / "outside"


def unharmed(outside: Path) -> bool:
    return [p.name for p in outside.iterdir()] == ["precious"] and (
        outside / "precious"
    ).read_bytes() == b"precious"


@pytest.fixture
def listener():
    """Somebody who would hear a call to 127.0.0.1 from outside the sandbox."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        yield server


def heard(listener) -> bool:
    try:
        listener.accept()[0].close()
    except TimeoutError:
        return False
    return True


@needs_landlock
def test_writes_inside(inside):
    done = run(
        sandbox.prefix([inside]),
        ["sh", "-c", "mkdir a && echo x > a/b && mv a/b c && echo y >> c"],
        cwd=inside,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert (inside / "c").read_text() == "x\ny\n"


@needs_landlock
@pytest.mark.parametrize(
    "attack",
    [
        "echo x > precious",
        "echo x >> precious",
        ": > precious",
        "rm precious",
        "mv precious other",
        "mv precious $INSIDE/",
        "ln precious $INSIDE/alias && echo x > $INSIDE/alias",
        "ln -s $PWD/precious $INSIDE/alias && echo x > $INSIDE/alias",
        "touch new",
        "mkdir new",
        "mkfifo new",
        "ln -s precious new",
        "cp $INSIDE/../outside/precious new",
    ],
)
def test_writes_outside_fail(inside, outside, attack):
    environment = {**os.environ, "INSIDE": str(inside)}
    done = run(sandbox.prefix([inside], [outside]), ["sh", "-c", attack], cwd=outside, env=environment)
    assert done.returncode not in (0, 125)
    assert unharmed(outside)


@needs_namespaces
@pytest.mark.parametrize("attack", ["chmod 777 precious", "touch -d 2001-01-01 precious"])
def test_what_landlock_does_not_watch(inside, outside, attack):
    before = (outside / "precious").stat()
    done = run(sandbox.prefix([inside], [outside]), ["sh", "-c", attack], cwd=outside)
    assert done.returncode not in (0, 125)
    assert (outside / "precious").stat() == before


@needs_namespaces
def test_the_way_back_is_shut(inside):
    done = run(sandbox.prefix([inside]), ["mount", "-o", "remount,rw", "/"])
    assert done.returncode != 0
    status = run(sandbox.prefix([inside]), ["cat", "/proc/self/status"]).stdout
    assert "CapEff:\t0000000000000000" in status
    assert "NoNewPrivs:\t1" in status


@needs_landlock
def test_temporary_files_go_inside(inside):
    done = run(sandbox.prefix([inside], PYTHON), python("import os; print(os.environ['TMPDIR'])"))
    assert Path(done.stdout.strip()).is_relative_to(inside)
    (inside / "mine").mkdir()
    done = run(
        sandbox.prefix([inside], PYTHON),
        python("import os; print(os.environ['TMPDIR'])"),
        env={**os.environ, "TMPDIR": str(inside / "mine")},
    )
    assert Path(done.stdout.strip()) == inside / "mine"


CALL = "import socket; socket.create_connection(('127.0.0.1', {port}), 2).sendall(b'secret')"


@needs_namespaces
def test_nobody_hears_a_call(inside, listener):
    done = run(sandbox.prefix([inside], PYTHON), python(CALL.format(port=listener.getsockname()[1])))
    assert "ConnectionRefusedError" in done.stderr
    assert not heard(listener)


@needs_namespaces
def test_there_is_a_loopback_of_its_own(inside):
    talk = """
import socket
server = socket.create_server(('127.0.0.1', 0))
client = socket.create_connection(server.getsockname(), 2)
client.sendall(b'hello')
print(server.accept()[0].recv(5).decode())
"""
    assert run(sandbox.prefix([inside], PYTHON), python(talk)).stdout == "hello\n"


@needs_filter
def test_there_are_no_sockets_without_namespaces(inside, outside, listener):
    prefix = without_namespaces(inside, outside)
    for family in (
        "AF_INET, socket.SOCK_STREAM",
        "AF_INET, socket.SOCK_DGRAM",
        "AF_UNIX, socket.SOCK_STREAM",
    ):
        done = run(prefix, python(f"import socket; socket.socket(socket.{family})"))
        assert "PermissionError" in done.stderr
    assert not heard(listener)
    assert run(prefix, python("import socket; a, b = socket.socketpair(); a.send(b'x')")).returncode == 0


@needs_filter
def test_files_without_namespaces(inside, outside):
    prefix = without_namespaces(inside)
    assert run(prefix, ["sh", "-c", "echo x > a && mv a b && cat b"], cwd=inside).stdout == "x\n"
    for attack in (
        f"cat {outside}/precious",
        f"ls {outside}",
        f"echo x > {outside}/precious",
        "cat /proc/1/cmdline",
    ):
        assert run(prefix, ["sh", "-c", attack], cwd=inside).returncode != 0
    assert unharmed(outside)


def without_namespaces(inside, *readable):
    reads = (*sandbox_reads.readable(sys.platform), *PYTHON, *readable)
    ro = [part for path in reads for part in ("--ro", str(path))]
    return (*LAUNCHER, "--landlock", "--filter", *ro, "--rw", str(inside), "--")


def test_output_input_and_exit_code_pass(inside):
    done = run(sandbox.prefix([inside]), ["sh", "-c", "cat; echo err >&2; exit 7"], input="in")
    assert (done.stdout, done.stderr, done.returncode) == ("in", "err\n", 7)


@needs_namespaces
def test_a_death_by_signal_is_told_as_a_shell_does(inside):
    assert run(sandbox.prefix([inside]), ["sh", "-c", "kill -SEGV $$"]).returncode == 128 + signal.SIGSEGV


@needs_landlock
def test_a_command_that_does_not_exist(inside):
    done = run(sandbox.prefix([inside]), ["rusta-no-such-command"])
    assert done.returncode == 125
    assert done.stderr == "sandbox: rusta-no-such-command: No such file or directory\n"


@needs_landlock
def test_a_folder_that_does_not_exist_is_not_ignored(inside):
    done = run(sandbox.prefix([inside / "absent"]), ["touch", "x"], cwd=inside)
    assert done.returncode == 125
    assert done.stderr.startswith("sandbox: ")
    assert not (inside / "x").exists()


DAEMON = """
import os, sys, time
if os.fork(): time.sleep(60)
os.setsid()
if os.fork(): os._exit(0)
open({mark!r}, 'w').write('started')
time.sleep(60)
"""


def survivors(mark: Path) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        try:
            if str(mark) in " ".join(process.cmdline()):
                found.append(process)
        except psutil.Error:
            continue
    return found


def wait_for(condition, timeout_s: float = 10.0) -> bool:
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.02)
    return condition()


@needs_namespaces
def test_everything_dies_with_the_launcher(inside):
    mark = inside / "mark"
    launcher = subprocess.Popen([*sandbox.prefix([inside], PYTHON), *python(DAEMON.format(mark=str(mark)))])
    assert wait_for(mark.exists)
    assert survivors(mark)
    launcher.kill()
    launcher.wait()
    assert wait_for(lambda: not survivors(mark))


@needs_namespaces
def test_everything_dies_with_whoever_started_the_launcher(inside):
    mark = inside / "mark"
    command = [*sandbox.prefix([inside], PYTHON), *python(DAEMON.format(mark=str(mark)))]
    starter = subprocess.Popen(
        python(f"import subprocess; subprocess.run({command!r}, start_new_session=True)")
    )
    assert wait_for(mark.exists)
    starter.kill()
    starter.wait()
    assert wait_for(lambda: not survivors(mark))


@needs_namespaces
def test_daemons_end_with_the_command(inside):
    mark = inside / "mark"
    wait = f"\n while not os.path.exists({str(mark)!r}): pass\n sys.exit(3)"
    code = DAEMON.format(mark=str(mark)).replace("time.sleep(60)", wait, 1)
    assert run(sandbox.prefix([inside], PYTHON), python(code)).returncode == 3
    assert mark.exists()
    assert wait_for(lambda: not survivors(mark))


# cargo


@pytest.fixture
def crate(inside):
    shutil.copytree(SEMVER, inside / "semver")
    (inside / "target").mkdir()
    return inside / "semver"


def cargo(crate: Path, *arguments: str):
    target = crate.parent / "target"
    return run(
        sandbox.prefix([target, crate]),
        ["cargo", *arguments, "--offline"],
        cwd=crate,
        env={**os.environ, "CARGO_TARGET_DIR": str(target)},
    )


@needs_landlock
def test_cargo_check_and_test_work(crate):
    assert cargo(crate, "check").returncode == 0
    done = cargo(crate, "test")
    assert done.returncode == 0
    assert "test result: ok. 3 passed" in done.stdout


@needs_landlock
def test_cargo_works_where_its_home_has_never_been_written(crate, tmp_path, monkeypatch):
    monkeypatch.setenv("CARGO_HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    assert cargo(crate, "check").returncode == 0
    assert list((tmp_path / "home").iterdir()) == []


HOSTILE = """
use std::io::Write;
fn main() {{
    let write = std::fs::write("{outside}/precious", b"changed").is_err();
    let remove = std::fs::remove_file("{outside}/precious").is_err();
    let call = std::net::TcpStream::connect("127.0.0.1:{port}")
        .and_then(|mut s| s.write_all(b"secret")).is_err();
    let own = std::fs::write(std::env::var("OUT_DIR").unwrap() + "/x.rs", "").is_ok();
    println!("cargo:warning=stopped {{write}} {{remove}} {{call}} own {{own}}");
}}
"""


@needs_landlock
@needs_namespaces
def test_a_hostile_build_script(crate, outside, listener):
    (crate / "build.rs").write_text(HOSTILE.format(outside=outside, port=listener.getsockname()[1]))
    done = cargo(crate, "check")
    assert "stopped true true true own true" in done.stderr
    assert unharmed(outside)
    assert not heard(listener)


# Where something is missing


def test_elsewhere_there_is_none(monkeypatch):
    monkeypatch.setattr(sandbox.sys, "platform", "haiku")
    sandbox.describe.cache_clear()
    try:
        assert "not available on this system" in sandbox.describe().note
        assert not sandbox.describe().is_complete
        assert sandbox.prefix([Path("/")]) == ()
    finally:
        sandbox.describe.cache_clear()


@pytest.mark.parametrize(
    ("words", "options", "lacks", "note"),
    [
        ("landlock:7 filter isolate", "--isolate --landlock --filter", "", ""),
        (
            "landlock:4 filter",
            "--landlock --filter",
            "processes that stay behind",
            "namespaces are refused (unshare: no)",
        ),
        (
            "landlock:3",
            "--landlock",
            "the network, processes that stay behind",
            "namespaces are refused (unshare: no)",
        ),
        ("filter isolate", "--isolate --filter", "", ""),
        (
            "filter",
            "",
            "the network, reading your files, writing elsewhere, processes that stay behind",
            "namespaces are refused (unshare: no); the kernel has no Landlock",
        ),
    ],
)
def test_step_by_step(monkeypatch, words, options, lacks, note):
    found = sandbox._read_probe(words.split(), "" if "isolate" in words else "unshare: no")
    assert (found.note, found.lacks, found.options) == (note, lacks, tuple(options.split()))
    monkeypatch.setattr(sandbox, "describe", lambda: found)
    prefix = sandbox.prefix([Path("/x")], [Path("/y")])
    if options:
        assert prefix[: len(LAUNCHER) + len(found.options)] == (*LAUNCHER, *found.options)
        assert prefix[-5:] == ("--ro", "/y", "--rw", "/x", "--")
    else:
        assert prefix == ()
