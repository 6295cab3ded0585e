"""The launcher that stays: what it passes on, what it keeps to itself, and that nothing outlives its user."""

import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from rusta_server.tools import process, sandbox, sandbox_launcher
from rusta_server.tools.process import Cancel, Cancelled, Finished, TimedOut

from .processes import survivors, wait_for

here = sandbox.describe()
pytestmark = pytest.mark.skipif("--isolate" not in here.options, reason="namespaces are refused here")
PYTHON = (Path(sys.prefix), Path(sys.base_prefix))


@pytest.fixture
def inside(tmp_path):
    (tmp_path / "inside").mkdir()
    return tmp_path / "inside"


@pytest.fixture
def resident(monkeypatch):
    """One of this test's own."""
    own = sandbox_launcher._Resident()
    monkeypatch.setattr(sandbox_launcher, "_resident", own)
    yield own
    own.close()


def run(inside, *command, **more):
    more.setdefault("timeout_s", 60)
    return process.run([*sandbox.prefix([inside], PYTHON), *command], cwd=inside, **more)


def python(code: str) -> list[str]:
    return [sys.executable, "-I", "-S", "-c", code]


def pid_of(resident) -> int:
    return resident._process.pid


def is_gone(pid: int) -> bool:
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def sleeper(mark: Path) -> list[str]:
    """A command that leaves a process in a session of its own and then waits, too."""
    return ["sh", "-c", f"setsid sleep 60 & touch {mark}; sleep 60; : {mark}"]


def test_one_process_starts_all_commands(resident, inside):
    first = run(inside, "true")
    pid = pid_of(resident)
    assert [first, *(run(inside, "true") for _ in range(3))] == [Finished(0, b"", b"")] * 4
    assert pid_of(resident) == pid
    assert wait_for(lambda: psutil.Process(pid).children() == [])


def test_output_and_exit_codes_pass(resident, inside):
    code = "import sys; sys.stdout.write('x' * 300_000); sys.stderr.write('y' * 300_000); sys.exit(7)"
    assert run(inside, *python(code)) == Finished(7, b"x" * 300_000, b"y" * 300_000)
    assert run(inside, "sh", "-c", "kill -SEGV $$").code == 128 + signal.SIGSEGV
    assert run(inside, "cat") == Finished(0, b"", b"")  # nothing on standard input


def test_names_that_are_no_text_pass_unchanged(resident, inside):
    argument, value = os.fsdecode(b"a\xff\n b"), os.fsdecode(b"\xfe=\xfd\n")
    folder = inside / os.fsdecode(b"\xe4")
    folder.mkdir()
    code = "import os, sys; print(*map(os.fsencode, (os.getcwd(), os.environ['VALUE'], sys.argv[1])))"
    done = process.run(
        [*sandbox.prefix([inside], PYTHON), *python(code), argument],
        cwd=folder,
        env={**os.environ, "VALUE": value},
        timeout_s=60,
    )
    assert (
        done.stdout.decode().strip() == f"{os.fsencode(folder)} {os.fsencode(value)} {os.fsencode(argument)}"
    )


def test_a_large_environment_passes(resident, inside):
    many = {f"V{n}": "x" * 1000 for n in range(1000)}
    done = run(inside, *python("import os; print(sum(map(len, os.environ.values())))"), env=many)
    assert int(done.stdout) >= 1_000_000


def test_a_command_gets_its_own_variables_and_no_others(resident, inside, monkeypatch):
    """Neither those of the process that started the resident nor those of an earlier command."""
    monkeypatch.setenv("OURS", "seen")
    run(inside, "true", env={**os.environ, "EARLIER": "seen"})
    mine = {"PATH": os.environ["PATH"], "MINE": "1"}
    said = run(inside, "cat", "/proc/self/environ", env=mine).stdout.decode()
    assert sorted(one.partition("=")[0] for one in said.split("\0") if one) == ["MINE", "PATH", "TMPDIR"]


def test_the_resident_holds_no_variables(resident, inside, monkeypatch):
    monkeypatch.setenv("GITHUB_TOKEN", "precious")
    assert b"precious" not in run(inside, "sh", "-c", "cat /proc/*/environ; printenv").stdout
    assert Path(f"/proc/{pid_of(resident)}/environ").read_bytes() == b""


def test_a_command_gets_no_file_but_the_first_three(resident, inside):
    def listed(_):
        return run(inside, "sh", "-c", "ls /proc/self/fd; sleep 0.1").stdout.split()

    with ThreadPoolExecutor(4) as pool:
        for numbers in pool.map(listed, range(8)):
            assert numbers == [b"0", b"1", b"2", b"3"]  # 3: the folder that ls reads


def test_many_at_once_do_not_mix(resident, inside):
    def echo(n: int) -> bool:
        return run(inside, "sh", "-c", f"echo {n}; exit {n}") == Finished(n, f"{n}\n".encode(), b"")

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(echo, range(32)))


def test_a_folder_that_is_not_there_is_said(resident, inside):
    done = process.run([*sandbox.prefix([inside]), "true"], cwd=inside / "absent", timeout_s=60)
    assert done.code == 125
    assert done.stderr.startswith(b"sandbox: ")


@pytest.mark.parametrize("how", ["timeout", "cancel"])
def test_when_its_time_is_up_everything_is_dead(resident, inside, how):
    mark, cancel = inside / "mark", Cancel()
    if how == "cancel":
        threading.Thread(target=lambda: (wait_for(mark.exists), cancel.set())).start()
    ended = run(inside, *sleeper(mark), timeout_s=60 if how == "cancel" else 1.5, cancel=cancel)
    assert isinstance(ended, Cancelled if how == "cancel" else TimedOut)
    assert mark.exists()
    assert survivors(mark) == []
    assert run(inside, "true").code == 0


def test_what_a_command_leaves_behind_is_dead_when_it_ends(resident, inside):
    mark = inside / "mark"
    leave = f"import os, time\nif os.fork() == 0:\n os.setsid(); open({str(mark)!r}, 'w'); time.sleep(60)\n"
    leave += f"while not os.path.exists({str(mark)!r}): pass"
    assert run(inside, *python(leave)).code == 0
    assert survivors(mark) == []


USER = """
import os, sys
from pathlib import Path
from rusta_server.tools import process, sandbox, sandbox_launcher
inside = Path(sys.argv[1])
prefix = sandbox.prefix([inside])
process.run([*prefix, "true"], cwd=inside, timeout_s=60)
print(sandbox_launcher._resident._process.pid, flush=True)
if len(sys.argv) > 3: os.fork()  # a copy that keeps all files open
process.run([*prefix, *sys.argv[2].split("|")], cwd=inside, timeout_s=60)
"""


def start_user(inside: Path, mark: Path, *more: str) -> tuple[subprocess.Popen, int]:
    user = subprocess.Popen(
        [sys.executable, "-c", USER, str(inside), "|".join(sleeper(mark)), *more],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    pid = int(user.stdout.readline())
    assert wait_for(mark.exists)
    return user, pid


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_everything_dies_with_whoever_uses_it(inside, number):
    mark = inside / "mark"
    user, resident = start_user(inside, mark)
    os.kill(user.pid, number)
    user.wait()
    assert wait_for(lambda: is_gone(resident))
    assert wait_for(lambda: not survivors(mark))


def test_everything_dies_even_if_a_fork_of_the_user_lives_on(inside):
    mark = inside / "mark"
    user, resident = start_user(inside, mark, "fork")
    fork = next(one for one in psutil.Process(user.pid).children() if one.pid != resident)
    try:
        user.kill()
        user.wait()
        assert wait_for(lambda: is_gone(resident))
        assert fork.is_running()
    finally:
        fork.kill()
    assert wait_for(lambda: not survivors(mark))


def test_it_ends_with_a_user_that_ends_by_itself(inside):
    done = subprocess.run(
        [sys.executable, "-c", USER, str(inside), "true"], capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert wait_for(lambda: is_gone(int(done.stdout)))


def test_if_it_is_killed_its_commands_die_and_the_next_starts_another(resident, inside):
    mark = inside / "mark"
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(run, inside, *sleeper(mark))
        assert wait_for(mark.exists)
        os.kill(pid_of(resident), signal.SIGKILL)
        assert running.result(20) == Finished(-signal.SIGKILL, b"", b"")
    assert wait_for(lambda: not survivors(mark))
    old = pid_of(resident)
    assert run(inside, "echo", "again").stdout == b"again\n"
    assert pid_of(resident) != old


def test_where_it_cannot_stay_each_command_has_a_launcher(resident, inside, monkeypatch):
    real = subprocess.Popen

    def refuse(command, **options):
        return real(["false"] if "--resident" in command else command, **options)

    monkeypatch.setattr(subprocess, "Popen", refuse)
    assert run(inside, "sh", "-c", "echo said; exit 3") == Finished(3, b"said\n", b"")
    assert resident._process is None


def test_only_what_the_kernel_would_end_is_handed_over(resident, inside):
    """Without a namespace of processes nothing would end what a command leaves behind."""
    without = [part for part in sandbox.prefix([inside]) if part != "--isolate"]
    assert process.run([*without, "echo", "x"], cwd=inside, timeout_s=60).stdout == b"x\n"
    assert process.run(["echo", "x"], cwd=inside, timeout_s=60).stdout == b"x\n"
    assert resident._process is None
