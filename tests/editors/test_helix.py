"""The README's snippet in a real Helix, in a terminal of tmux."""

import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rusta_server.patch.proof import Level

N_COLUMNS, N_ROWS = 160, 50
APPEARS_WITHIN_S = 600
PAUSE_S = 0.1
# A key after Escape within this time would count as Alt and the key.
ESCAPE_S = 0.3
MENU_S = 1.0

HINT = "first assignment to `pos`"

pytestmark = pytest.mark.editors


class Terminal:
    """A program in a terminal: keys go in, the screen comes out."""

    def __init__(self, tmux: str, socket: Path, command: list[str], cwd: Path, env: dict[str, str]) -> None:
        self._tmux = [tmux, "-f", "/dev/null", "-S", str(socket)]
        self._env = env
        size = ("-x", str(N_COLUMNS), "-y", str(N_ROWS))
        self._run("new-session", "-d", *size, "-c", str(cwd), *command)

    def keys(self, *keys: str) -> None:
        """Press keys, in tmux's names for them."""
        self._run("send-keys", *keys)

    def type(self, text: str) -> None:
        """Type text and press Enter."""
        self._run("send-keys", "-l", text)
        self.keys("Enter")

    def screen(self) -> list[str]:
        """The rows of the screen; none once the program has ended."""
        return self._run("capture-pane", "-p", check=False).splitlines()

    def wait_for(
        self, what: str, condition: Callable[[list[str]], bool], timeout_s: float = APPEARS_WITHIN_S
    ) -> list[str]:
        """The screen as soon as ``condition`` holds."""
        deadline = time.monotonic() + timeout_s
        while not condition(screen := self.screen()):
            assert time.monotonic() < deadline, f"{what} did not appear:\n" + "\n".join(screen)
            time.sleep(PAUSE_S)
        return screen

    def close(self) -> None:
        """End the terminal and what runs in it."""
        self._run("kill-server", check=False)

    def _run(self, *arguments: str, check: bool = True) -> str:
        argv = [*self._tmux, *arguments]
        done = subprocess.run(argv, env=self._env, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0 or not check, done.stderr
        return done.stdout


@pytest.fixture
def helix(programs, snippet, broken: Path, home: dict, tmp_path: Path) -> Iterator[Terminal]:
    """Helix with the README's snippet, started in the broken crate."""
    config = tmp_path / "config/helix"
    config.mkdir()
    # Helix gives up on a server that does not answer within 20 s; a busy machine may need more.
    (config / "languages.toml").write_text(snippet("toml").replace("args =", "timeout = 600\nargs =", 1))
    # A socket's path must be short.
    folder = Path(tempfile.mkdtemp(prefix="rusta-tmux-"))
    crate = broken.parents[1]
    command = [programs["hx"], str(broken.relative_to(crate))]
    env = {**home, "LC_ALL": "C.UTF-8", "SHELL": "/bin/sh"}
    env.pop("TMUX", None)
    terminal = Terminal(programs["tmux"], folder / "socket", command, crate, env)
    yield terminal
    terminal.close()
    shutil.rmtree(folder)


def test_the_snippet_brings_hovers_and_proven_fixes(helix: Terminal, broken: Path, good: str):
    before = broken.read_text()
    # What the check says. At the assignments rust-analyzer's own words may cover rustc's.
    helix.wait_for("rustc's hint at the declaration", shows(HINT))
    # To the first diagnostic, which is that hint.
    helix.keys("g", "g", "]", "d")
    place = next(i for i, line in enumerate(before.splitlines(), 1) if "let pos = Position::Major;" in line)
    helix.wait_for("the cursor there", shows(f" {place}:"))

    hover_until(
        helix, "rust-analyzer's words and a citation", lambda s: shows("let pos: Position")(s) and cites(s)
    )

    # The fix is there as soon as it is proven, so look until then, as a person would.
    deadline = time.monotonic() + APPEARS_WITHIN_S
    while not any(map(is_proven, open_menu(helix))):
        assert time.monotonic() < deadline, "no proven fix:\n" + "\n".join(helix.screen())
        helix.keys("Escape")
        time.sleep(ESCAPE_S)
    # It is preferred and made for this diagnostic, so Helix lists it first and has it selected.
    helix.keys("Enter")
    helix.wait_for("the fix", shows("let mut pos = Position::Major;"))
    assert broken.read_text() == before, "only the buffer has changed so far"

    helix.keys("u")
    helix.wait_for("the way back", shows("let pos = Position::Major;"))
    helix.keys("U")
    helix.wait_for("the fix again", shows("let mut pos = Position::Major;"))

    helix.type(":w")
    helix.wait_for("what Helix wrote", lambda _: broken.read_text() == good, timeout_s=120)
    helix.wait_for("a screen without rustc's hint", lambda screen: not shows(HINT)(screen))

    helix.type(":lsp-restart")
    # The cursor is then on an operator's last byte: there is something to cite without any error, and
    # rust-analyzer has no long words on it.
    helix.keys("g", "g", "/")
    helix.type("0 &&")
    hover_until(helix, "a citation after the restart", cites)
    helix.type(":q")
    helix.wait_for("the end of Helix", lambda screen: not screen, timeout_s=120)


def hover_until(helix: Terminal, what: str, *conditions: Callable[[list[str]], bool]) -> None:
    """Ask for the hover until it shows what it should; close it."""
    deadline = time.monotonic() + APPEARS_WITHIN_S
    helix.keys("Space", "k")
    while not all(condition(helix.screen()) for condition in conditions):
        assert time.monotonic() < deadline, f"{what} did not appear:\n" + "\n".join(helix.screen())
        helix.keys("Escape")
        time.sleep(ESCAPE_S)
        helix.keys("Space", "k")
        time.sleep(MENU_S)
    helix.keys("Escape")
    time.sleep(ESCAPE_S)


def cites(screen: list[str]) -> bool:
    return shows("“")(screen)


def shows(text: str) -> Callable[[list[str]], bool]:
    return lambda screen: any(text in row for row in screen)


def open_menu(helix: Terminal) -> list[str]:
    """The screen with the menu of code actions."""
    helix.keys("Space", "a")
    time.sleep(MENU_S)
    return helix.screen()


def is_proven(row: str) -> bool:
    return any(f"[{level.name}: " in row for level in (Level.V2, Level.V3))
