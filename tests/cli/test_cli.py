"""The command line as a whole."""

import subprocess
import sys

import pytest

from rusta_server.cli import COMMANDS

PYTHON = [sys.executable, "-m", "rusta_server"]


def run(*arguments: str, **options) -> subprocess.CompletedProcess:
    return subprocess.run([*PYTHON, *arguments], capture_output=True, text=True, check=False, **options)


def test_help_names_every_command():
    shown = run("--help").stdout
    assert [name for name in COMMANDS if f" {name} " not in shown] == []


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(name):
    done = run(name, "--help")
    assert done.returncode == 0
    assert "Usage:" in done.stdout


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts(shell):
    assert "_RUSTA_COMPLETE" in run("completion", shell).stdout


def test_completion_offers_the_commands(monkeypatch):
    words = {"_RUSTA_COMPLETE": "bash_complete", "COMP_WORDS": "rusta fi", "COMP_CWORD": "1"}
    for name, value in words.items():
        monkeypatch.setenv(name, value)
    assert run().stdout.split() == ["plain,fix"]


def test_the_answer_to_version_needs_nothing_of_the_server():
    done = run("--version")
    assert done.stdout.startswith("rusta, version ")
    heavy = [sys.executable, "-X", "importtime", "-m", "rusta_server", "--version"]
    imported = subprocess.run(heavy, capture_output=True, text=True, check=False).stderr
    assert [name for name in ("pygls", "lsprotocol", "tree_sitter", "selectolax") if name in imported] == []


def test_an_unknown_command_is_answered_with_help():
    done = run("fxi")
    assert done.returncode == 2
    assert "No such command" in done.stderr


def test_an_editor_that_starts_rusta_as_rust_analyzer_is_served():
    body = b'{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"capabilities":{},"processId":null}}'
    with subprocess.Popen(PYTHON, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
        server.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        server.stdin.flush()
        assert server.stdout.readline().startswith(b"Content-Length: ")
        server.stdin.close()


def test_without_arguments_a_person_gets_help():
    done = run(stdin=subprocess.DEVNULL)
    assert "Usage:" in done.stdout + done.stderr
