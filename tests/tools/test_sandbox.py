"""What a hostile build script can do from inside: nothing that outlives it or leaves its folders."""
# ruff: noqa: SIM905

import os
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from rusta_server.tools import process, sandbox, sandbox_macos, sandbox_reads
from rusta_server.tools.sandbox_env import is_secret

from .processes import survivors, wait_for

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the sandbox is Linux's")
LAUNCHER = sandbox.LAUNCHER
PYTHON = (Path(sys.prefix), Path(sys.base_prefix))  # what these tests run inside

SEMVER = Path(__file__).parents[1] / "fixtures/crates/semver"

here = sandbox.describe()
needs_landlock = pytest.mark.skipif(not here.writes_limited, reason="no Landlock here")
needs_namespaces = pytest.mark.skipif(not here.network_off, reason="namespaces are refused here")
needs_filter = pytest.mark.skipif(not {"--landlock", "--filter"} <= {*here.options}, reason="not here")


def by_launcher(prefix, command, **more):
    more.setdefault("cwd", "/")
    return subprocess.run(
        [*prefix, *command], capture_output=True, text=True, timeout=120, check=False, **more
    )


def by_resident(prefix, command, cwd="/", env=None):
    done = process.run([*prefix, *command], cwd=Path(cwd), env=env, timeout_s=120)
    return subprocess.CompletedProcess(command, done.code, done.stdout.decode(), done.stderr.decode())


@pytest.fixture(params=[by_launcher, by_resident], ids=["launcher", "resident"])
def run(request):
    """Both ways to start a command in the sandbox."""
    return request.param


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
def test_writes_inside(run, inside):
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
def test_writes_outside_fail(run, inside, outside, attack):
    environment = {**os.environ, "INSIDE": str(inside)}
    done = run(sandbox.prefix([inside], [outside]), ["sh", "-c", attack], cwd=outside, env=environment)
    assert done.returncode not in (0, 125)
    assert unharmed(outside)


@needs_namespaces
@pytest.mark.parametrize("attack", ["chmod 777 precious", "touch -d 2001-01-01 precious"])
def test_what_landlock_does_not_watch(run, inside, outside, attack):
    before = (outside / "precious").stat()
    done = run(sandbox.prefix([inside], [outside]), ["sh", "-c", attack], cwd=outside)
    assert done.returncode not in (0, 125)
    assert (outside / "precious").stat() == before


@needs_namespaces
def test_the_way_back_is_shut(run, inside):
    done = run(sandbox.prefix([inside]), ["mount", "-o", "remount,rw", "/"])
    assert done.returncode != 0
    status = run(sandbox.prefix([inside]), ["cat", "/proc/self/status"]).stdout
    assert "CapEff:\t0000000000000000" in status
    assert "NoNewPrivs:\t1" in status


@needs_landlock
def test_temporary_files_go_inside(run, inside):
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
def test_nobody_hears_a_call(run, inside, listener):
    done = run(sandbox.prefix([inside], PYTHON), python(CALL.format(port=listener.getsockname()[1])))
    assert "ConnectionRefusedError" in done.stderr
    assert not heard(listener)


@needs_namespaces
def test_there_is_a_loopback_of_its_own(run, inside):
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
        done = by_launcher(prefix, python(f"import socket; socket.socket(socket.{family})"))
        assert "PermissionError" in done.stderr
    assert not heard(listener)
    assert (
        by_launcher(prefix, python("import socket; a, b = socket.socketpair(); a.send(b'x')")).returncode == 0
    )


@needs_filter
def test_files_without_namespaces(inside, outside):
    prefix = without_namespaces(inside)
    assert by_launcher(prefix, ["sh", "-c", "echo x > a && mv a b && cat b"], cwd=inside).stdout == "x\n"
    for attack in (
        f"cat {outside}/precious",
        f"ls {outside}",
        f"echo x > {outside}/precious",
        "cat /proc/1/cmdline",
    ):
        assert by_launcher(prefix, ["sh", "-c", attack], cwd=inside).returncode != 0
    assert unharmed(outside)


def without_namespaces(inside, *readable):
    reads = (*sandbox_reads.readable(sys.platform), *PYTHON, *readable)
    ro = [part for path in reads for part in ("--ro", str(path))]
    return (*LAUNCHER, "--landlock", "--filter", *ro, "--rw", str(inside), "--")


def test_output_input_and_exit_code_pass(inside):
    done = by_launcher(sandbox.prefix([inside]), ["sh", "-c", "cat; echo err >&2; exit 7"], input="in")
    assert (done.stdout, done.stderr, done.returncode) == ("in", "err\n", 7)


@needs_namespaces
def test_a_death_by_signal_is_told_as_a_shell_does(run, inside):
    assert run(sandbox.prefix([inside]), ["sh", "-c", "kill -SEGV $$"]).returncode == 128 + signal.SIGSEGV


@needs_landlock
def test_a_command_that_does_not_exist(run, inside):
    done = run(sandbox.prefix([inside]), ["rusta-no-such-command"])
    assert done.returncode == 125
    assert done.stderr == "sandbox: rusta-no-such-command: No such file or directory\n"


@needs_landlock
def test_a_folder_that_does_not_exist_is_not_ignored(run, inside):
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


@needs_namespaces
def test_everything_dies_with_the_launcher(inside):
    mark = inside / "mark"
    command = [*sandbox.prefix([inside], PYTHON), *python(DAEMON.format(mark=str(mark)))]
    launcher = subprocess.Popen(command, cwd="/")
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
        python(f"import subprocess; subprocess.run({command!r}, start_new_session=True)"), cwd="/"
    )
    assert wait_for(mark.exists)
    starter.kill()
    starter.wait()
    assert wait_for(lambda: not survivors(mark))


@needs_namespaces
def test_daemons_end_with_the_command(run, inside):
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


def cargo(run, crate: Path, *arguments: str):
    target = crate.parent / "target"
    return run(
        sandbox.prefix([target, crate]),
        ["cargo", *arguments, "--offline"],
        cwd=crate,
        env={**os.environ, "CARGO_TARGET_DIR": str(target)},
    )


@needs_landlock
def test_cargo_check_and_test_work(run, crate):
    assert cargo(run, crate, "check").returncode == 0
    done = cargo(run, crate, "test")
    assert done.returncode == 0
    assert "test result: ok. 3 passed" in done.stdout


@needs_landlock
def test_cargo_works_where_its_home_has_never_been_written(run, crate, tmp_path, monkeypatch):
    monkeypatch.setenv("CARGO_HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    assert cargo(run, crate, "check").returncode == 0
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
def test_a_hostile_build_script(run, crate, outside, listener):
    (crate / "build.rs").write_text(HOSTILE.format(outside=outside, port=listener.getsockname()[1]))
    done = cargo(run, crate, "check")
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


# What is read, and what is not in the environment


@pytest.mark.parametrize(
    "name",
    """CARGO_REGISTRY_TOKEN CARGO_REGISTRIES_MINE_TOKEN GITHUB_TOKEN GH_TOKEN NPM_TOKEN AWS_PROFILE
    AWS_SECRET_ACCESS_KEY OPENAI_API_KEY ANTHROPIC_API_KEY API_KEY SSH_AUTH_SOCK SSH_AGENT_PID GPG_AGENT_INFO
    DBUS_SESSION_BUS_ADDRESS DISPLAY WAYLAND_DISPLAY XAUTHORITY XDG_RUNTIME_DIR DB_PASSWORD PGPASSWORD
    VAULT_ADDR KUBECONFIG SENTRY_DSN MAKEFLAGS github_token SIGNING_KEY JWT DOCKER_AUTH_CONFIG MAIL_PASS
    GOOGLE_APPLICATION_CREDENTIALS STRIPE_SECRET""".split(),
)
def test_variables_with_secrets(name):
    assert is_secret(name, "x")


@pytest.mark.parametrize(
    "name",
    """PATH HOME USER LANG LC_ALL PWD TMPDIR CARGO_HOME CARGO_TARGET_DIR RUSTUP_HOME RUSTC RUSTFLAGS
    RUST_BACKTRACE RUST_LOG CC CFLAGS OPENSSL_DIR PKG_CONFIG_PATH LIBCLANG_PATH LD_LIBRARY_PATH SSL_CERT_FILE
    CARGO_NET_OFFLINE
    PROFILE KEYBOARD_LAYOUT AUTHOR COMPASS MONKEY TERM""".split(),
)
def test_variables_that_builds_need(name):
    assert not is_secret(name, "/usr/lib:https://example.org/a?b=c")


def test_a_password_in_an_address():
    assert is_secret("DATABASE_URL", "postgres://me:hunter2@localhost/db")
    assert is_secret("HTTPS_PROXY", "http://me:hunter2@proxy:3128")
    assert not is_secret("DATABASE_URL", "postgres://localhost/db?at=a@b:c")
    assert not is_secret("HTTPS_PROXY", "http://proxy:3128")


def reads_of(home: Path, **more: str) -> tuple[Path, ...]:
    return sandbox_reads.readable("linux", {"HOME": str(home), "PATH": "/usr/bin", **more})


def covered(reads, path: Path) -> bool:
    return any(path.is_relative_to(one) for one in reads)


def test_of_the_home_only_the_toolchain_and_the_registry_are_read(tmp_path):
    path = f"{tmp_path}:{tmp_path}/.local/bin:.:{tmp_path}/.cargo/bin:/usr/bin"
    reads = reads_of(tmp_path, PATH=path, LD_LIBRARY_PATH=f"{tmp_path}:{tmp_path}/lib", CUDA_HOME="/")
    for name in (
        ".cargo/bin",
        ".cargo/registry/src",
        ".cargo/git/db",
        ".rustup/toolchains",
        ".local/bin",
        "lib/x",
    ):
        assert covered(reads, tmp_path / name), name
    for name in (
        ".ssh/id",
        ".cargo/credentials.toml",
        ".cargo/credentials",
        ".local/share/keyrings",
        "code/x",
        "",
    ):
        assert not covered(reads, tmp_path / name), name
    for name in (
        "/etc/shadow",
        "/etc/ssh",
        "/etc/ssl/private",
        "/root",
        "/home",
        "/var",
        "/run",
        "/proc",
        "/dev",
    ):
        assert not covered(reads, Path(name)), name


def test_what_the_users_own_settings_name_is_read(tmp_path):
    (tmp_path / ".cargo").mkdir()
    (tmp_path / ".cargo/config.toml").write_text(
        f"""
        [source.vendored]
        directory = "crates"
        [target.x]
        linker = "{tmp_path}/tools/ld"
        [env]
        LIBTORCH = {{ value = "{tmp_path}/libtorch" }}
        HERE = "{tmp_path}"
        """
    )
    reads = reads_of(tmp_path)
    for name in ("crates", "tools/ld", "libtorch"):
        assert tmp_path / name in reads
    assert not covered(reads, tmp_path / ".ssh")
    (tmp_path / ".cargo/config.toml").write_text("no settings")
    assert covered(reads_of(tmp_path), tmp_path / ".cargo/registry")


def test_what_a_folder_above_the_crate_names_is_read_only_below_it(tmp_path):
    repository = tmp_path / "repository"
    (repository / ".cargo").mkdir(parents=True)
    (repository / "link").symlink_to(tmp_path / "outside")
    settings = repository / ".cargo/config.toml"
    settings.write_text(
        f"""
        [source.a]
        directory = "vendor"
        [source.b]
        directory = "../outside"
        [source.c]
        local-registry = "{tmp_path}/outside"
        [source.d]
        directory = "link"
        """
    )
    assert sandbox_reads.settings_above([f"--config={settings}"]) == (settings, repository / "vendor")
    assert sandbox_reads.settings_above(["--config=a.b=1", "--locked"]) == ()


def test_a_linked_toolchain_and_one_beside_its_programs_are_read(tmp_path):
    for name in ("mine", "other"):
        (tmp_path / name / "lib/rustlib").mkdir(parents=True)
        (tmp_path / name / "bin").mkdir()
    (tmp_path / ".rustup/toolchains").mkdir(parents=True)
    (tmp_path / ".rustup/toolchains/mine").symlink_to(tmp_path / "mine")
    reads = reads_of(tmp_path, PATH=f"{tmp_path}/other/bin")
    assert {tmp_path / "mine", tmp_path / "other/bin", tmp_path / "other/lib"} <= set(reads)


@needs_landlock
def test_secrets_are_out_of_reach(run, inside, outside):
    attack = (
        "cat precious; cat $OUT/precious; cat /proc/1/environ /proc/self/environ; printenv; ls -R ~ /home"
    )
    done = run(
        sandbox.prefix([inside]),
        ["sh", "-c", attack],
        cwd=inside,
        env={**os.environ, "OUT": str(outside), "MY_TOKEN": "precious secret", "HOME": str(outside)},
    )
    assert "precious" not in done.stdout


def test_a_toolchain_among_the_systems_folders(tmp_path):
    """As in containers: CARGO_HOME=/usr/local/cargo."""
    env = {"HOME": "/root", "CARGO_HOME": "/usr/local/cargo", "RUSTUP_HOME": "/usr/local/rustup"}
    assert Path("/usr") in sandbox_reads.readable("linux", env)
    assert sandbox_reads.hidden(env)[0] == Path("/usr/local/cargo/credentials.toml")


@needs_namespaces
def test_credentials_in_a_folder_that_is_read_are_hidden(run, inside, outside, monkeypatch):
    monkeypatch.setenv("CARGO_HOME", str(outside))
    (outside / "credentials.toml").write_text("precious")
    read = [
        "sh",
        "-c",
        f"cat {outside}/precious; cat {outside}/credentials.toml; rm {outside}/credentials.toml",
    ]
    done = run(sandbox.prefix([inside], [outside]), read)
    assert (done.returncode, done.stdout) == (1, "precious")
    assert (outside / "credentials.toml").read_text() == "precious"


@needs_landlock
def test_links_on_the_way_lead_where_they_lead_outside(run, inside, tmp_path):
    """The user's folders may be links: /home/me/.cargo on another disk."""
    (tmp_path / "disk/registry").mkdir(parents=True)
    (tmp_path / "disk/registry/file").write_text("crate")
    (tmp_path / "absolute").symlink_to(tmp_path / "disk")
    (tmp_path / "relative").symlink_to("absolute/../disk")
    (tmp_path / "loop").symlink_to("loop")
    reads = [tmp_path / "absolute/registry", tmp_path / "relative/registry", tmp_path / "loop/x"]
    command = ["cat", str(tmp_path / "absolute/registry/file"), str(tmp_path / "relative/registry/file")]
    assert run(sandbox.prefix([inside], reads), command).stdout == "cratecrate"
    (tmp_path / "way").symlink_to(inside)
    done = run(sandbox.prefix([tmp_path / "way"]), ["sh", "-c", "echo x > new"], cwd=tmp_path / "way")
    assert (done.returncode, (inside / "new").exists()) == (0, True)


@needs_landlock
def test_programs_see_the_machine_they_need(run, inside):
    checks = "test -c /dev/null && echo x > /dev/null && head -c1 /dev/urandom | wc -c && ls / > /dev/null"
    checks += " && echo y > /tmp/y && cat /tmp/y && echo 2 && test -e /proc/self/exe && uname > /dev/stdout"
    done = run(sandbox.prefix([inside]), ["sh", "-c", checks])
    assert (done.returncode, done.stdout, done.stderr) == (0, "1\ny\n2\nLinux\n", "")
    assert not Path("/tmp/y").exists()


# macOS: the text of the profile. It was not run there.


def test_the_profile_of_macos():
    text = sandbox_macos.profile([Path("/shadow/target")], [Path("/usr"), Path('/odd "name"')])
    lines = text.splitlines()
    assert lines[:2] == ["(version 1)", "(deny default)"]
    assert "(deny network*)" in lines
    assert '(allow file-read* (subpath "/usr"))' in lines
    assert '(allow file-read* (subpath "/odd \\"name\\""))' in lines
    assert lines[-1] == '(allow file-read* file-write* (subpath "/shadow/target"))'
    assert text.count("(") == text.count(")")
    assert [line for line in lines if "file-write*" in line] == lines[-1:]
    assert not [line for line in lines if line.startswith("(allow network")]


def test_the_launcher_of_macos(monkeypatch, tmp_path):
    monkeypatch.setenv("GITHUB_TOKEN", "secret")
    monkeypatch.setenv("TMPDIR", "/private/var/folders/x")
    prefix = sandbox_macos.prefix([tmp_path], [Path("/usr")])
    assert prefix[:2] == ("/usr/bin/sandbox-exec", "-p")
    assert prefix[3] == "/usr/bin/env"
    assert prefix[prefix.index("GITHUB_TOKEN") - 1] == "-u"
    assert prefix[-1] == f"TMPDIR={tmp_path}"
    assert "secret" not in " ".join(prefix)


def test_macos_is_believed_only_after_a_try(monkeypatch, tmp_path):
    """A stand-in that runs everything and stops nothing is found out."""
    monkeypatch.setattr(sandbox_macos, "_PROGRAM", str(tmp_path / "sandbox-exec"))
    assert "is not there" in sandbox_macos.why_not()
    (tmp_path / "sandbox-exec").write_text('#!/bin/sh\nshift 2\nexec "$@"\n')
    (tmp_path / "sandbox-exec").chmod(0o755)
    assert "does not stop reading" in sandbox_macos.why_not()
    (tmp_path / "sandbox-exec").write_text("#!/bin/sh\nexit 65\n")
    assert "nothing runs in it" in sandbox_macos.why_not()
    monkeypatch.setattr(sandbox.sys, "platform", "darwin")
    sandbox.describe.cache_clear()
    try:
        assert not sandbox.describe().is_complete
        assert sandbox.prefix([tmp_path]) == ()
    finally:
        sandbox.describe.cache_clear()


@needs_landlock
def test_a_person_may_give_more_to_read_or_do_without(run, inside, outside):
    read = ["cat", str(outside / "precious")]
    assert run(sandbox.launcher_for(True, [])([inside], []), read).returncode != 0
    assert run(sandbox.launcher_for(True, [str(outside)])([inside], []), read).stdout == "precious"
    assert sandbox.launcher_for(False, [])([inside], []) == ()
