"""The real workbench of VS Code in a real browser: with the packaged extension, driven, photographed."""

import asyncio
import fcntl
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import zipfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from rusta_server.config import Config
from rusta_server.tools import rust_analyzer_install

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
CLIENT = ROOT / "vscode-client"
SCREENSHOTS = ROOT / "build/screenshots"
RUSTA = Path(sys.executable).with_name("rusta")

# Machines that test are slow and busy; what is waited for is always a condition.
APPEARS_WITHIN_S = 300
ENDS_WITHIN_S = 20
BOX = ".quick-input-widget input"
SIZE = {"width": 1400, "height": 900}
THEMES = {"dark": "Default Dark Modern", "light": "Default Light Modern"}


@pytest.fixture(scope="session")
def programs() -> dict[str, str]:
    """Where node, npm, the workbench and the browser are; without them the test is skipped."""
    done = subprocess.run(
        [sys.executable, str(HERE / "install.py"), "--where"], capture_output=True, check=True
    )
    found = json.loads(done.stdout)
    reason = found.pop("reason") or "run make test-editors"
    missing = [name for name, path in found.items() if path is None]
    if missing:
        pytest.skip(f"no {missing[0]}: {reason}")
    return found


@pytest.fixture(scope="session")
def client(programs) -> Path:
    """The client's folder with its packages installed and everything bundled, tests and stand-ins too."""
    (ROOT / "build").mkdir(exist_ok=True)
    with (ROOT / "build/vscode-client.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # another worker may be at it
        if not (CLIENT / "node_modules").is_dir():
            npm(programs, "ci", "--ignore-scripts")
        built = CLIENT / "out/rusta.vsix"
        if not built.exists() or built.stat().st_mtime < max(file.stat().st_mtime for file in sources()):
            npm(programs, "run", "package")
    return CLIENT


def sources() -> list[Path]:
    """All that the package and its tests are made of."""
    made = {"node_modules", "dist", "out"}
    return [
        file for file in CLIENT.rglob("*") if file.is_file() and file.relative_to(CLIENT).parts[0] not in made
    ]


@pytest.fixture(scope="session")
def vsix(client: Path) -> Path:
    """The extension as it is published."""
    return client / "out/rusta.vsix"


def npm(programs: dict[str, str], *arguments: str) -> subprocess.CompletedProcess:
    done = subprocess.run(
        [programs["npm"], *arguments], cwd=CLIENT, capture_output=True, text=True, timeout=900, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done


class Workbench:
    """A window. Waits are for conditions; keys and clicks are a person's."""

    def __init__(self, page: Any, crate: Path, folder: Path) -> None:
        self.page, self.crate, self.folder = page, crate, folder
        self.began = 0.0  # when the folder was opened, on the monotonic clock
        self.asked_by_views: list[str] = []
        page.on("request", self._note)

    def _note(self, request: Any) -> None:
        """Keep what a view asks for; the workbench's own requests are not ours."""
        try:
            is_view = request.frame != self.page.main_frame
        except Exception:  # a service worker has no frame
            return
        if is_view:
            self.asked_by_views.append(request.url)

    async def until(
        self, what: str, holds: Callable[[], Awaitable[Any]], within_s: float = APPEARS_WITHIN_S
    ) -> Any:
        """What `holds` gives, once that is something."""
        deadline = time.monotonic() + within_s
        while not (found := await holds()):
            if time.monotonic() > deadline:
                await self.screenshot("failed")
                raise AssertionError(f"{what}: not within {within_s} s; see {SCREENSHOTS}/failed.png")
            await asyncio.sleep(0.1)
        return found

    async def appears(self, locator: Any, what: str = "") -> Any:
        """The element, once it is visible."""

        async def is_visible() -> bool:
            return await locator.count() > 0 and await locator.first.is_visible()

        await self.until(what or str(locator), is_visible)
        return locator.first

    async def disappears(self, locator: Any, what: str) -> None:
        """Return once there is no such element."""

        async def is_gone() -> bool:
            return await locator.count() == 0

        await self.until(f"{what} to go", is_gone)

    async def run(self, title: str) -> None:
        """Run a command by its title in the palette."""
        row = self.page.locator(".quick-input-list .monaco-list-row").filter(has_text=title)
        await self.until(f"the command {title}", lambda: self._ask_box("F1", f">{title}", row))
        await self.page.keyboard.press("Enter")

    async def go_to(self, line: int, column: int) -> None:
        """Put the cursor there."""
        place = self.page.get_by_text(f"Ln {line}, Col {column}")

        async def is_there() -> bool:
            if not await self._ask_box("Control+g", f":{line}:{column}", self.page.locator(BOX)):
                return False
            await self.page.keyboard.press("Enter")
            return await is_visible_within(place, 3)

        await self.until(f"the cursor at {line}:{column}", is_there)

    async def _ask_box(self, key: str, words: str, then: Any) -> bool:
        """Open the input box and fill it; whether `then` appears. A change of focus may close the box."""
        await self.page.keyboard.press(key)
        box = self.page.locator(BOX).first
        if not await is_visible_within(box, 3):
            return False
        try:
            await box.fill(words, timeout=3000)
        except Exception:  # it has closed meanwhile
            return False
        return await is_visible_within(then.first, 10)

    async def text(self) -> str:
        """What the editor shows of its document."""
        lines = await self.page.locator(".editor-instance .view-line").all_inner_texts()
        return "\n".join(lines).replace("\xa0", " ")

    async def shows(self, words: str) -> None:
        async def is_shown() -> bool:
            return words in await self.text()

        await self.until(f"the text {words!r}", is_shown)

    async def frame(self, selector: str) -> Any:
        """The view of ours that holds an element."""

        async def find() -> Any:
            for frame in self.page.frames:
                try:
                    if await frame.locator(selector).count():
                        return frame
                except Exception:  # a frame that goes while it is looked at
                    continue
            return None

        return await self.until(f"a view with {selector}", find)

    async def fixes_wait(self) -> None:
        await self.appears(self.page.get_by_label(re.compile(r"^Rusta, .*proven fix")), "a proven fix")

    async def open_menu(self) -> list[str]:
        """The rows of the lightbulb's menu, once a fix of Rusta's is among them."""

        async def rows() -> list[str]:
            await self.page.keyboard.press("Control+.")
            for _ in range(50):
                found = await self.page.locator(".action-widget .monaco-list-row.action").all_inner_texts()
                if found:
                    break
                await asyncio.sleep(0.1)
            if any(re.search(r"\[V[123]: ", row) for row in found):
                return found
            await self.page.keyboard.press("Escape")
            return []

        return await self.until("a proven fix in the menu", rows)

    async def screenshot(self, name: str) -> None:
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        await self.page.screenshot(path=SCREENSHOTS / f"{name}.png")


@pytest.fixture
def broken(semver: Path) -> Path:
    """A file of a real crate that lacks a `mut`."""
    file = semver / "src/parse.rs"
    text = file.read_text()
    file.write_text(text.replace("let mut pos = Position::Major;", "let pos = Position::Major;", 1))
    return file


@pytest.fixture
def open_workbench(programs, vsix, tmp_path, docs):
    """`async with open_workbench(folder, file, …) as workbench`."""
    if isinstance(rust_analyzer_install.look(Config()), rust_analyzer_install.Missing):
        pytest.skip("no rust-analyzer; run rusta setup")
    cache = tmp_path / "cache"
    cache.mkdir(exist_ok=True)
    (cache / "docs").symlink_to(docs.path.parent)

    @asynccontextmanager
    async def start(
        crate: Path,
        file: Path | None = None,
        *,
        theme: str = "dark",
        settings: dict[str, Any] | None = None,
        extensions: tuple[Path, ...] = (),
        host_suite: str | None = None,
        env: dict[str, str] | None = None,
        with_rusta: bool = True,
    ) -> AsyncIterator[Workbench]:
        from playwright.async_api import async_playwright

        data, installed = tmp_path / "data", tmp_path / "extensions"
        shutil.rmtree(installed, ignore_errors=True)
        installed.mkdir()
        if with_rusta:
            unpack(vsix, installed)
        for extension in extensions:
            manifest = json.loads((extension / "package.json").read_text())
            name = f"{manifest['publisher']}.{manifest['name']}-{manifest['version']}"
            shutil.copytree(extension, installed / name, dirs_exist_ok=True)
        chosen = {
            "security.workspace.trust.enabled": False,
            "workbench.colorTheme": THEMES[theme],
            "workbench.startupEditor": "none",
            "workbench.tips.enabled": False,
            "extensions.autoCheckUpdates": False,
            "extensions.ignoreRecommendations": True,
            "telemetry.telemetryLevel": "off",
            "editor.minimap.enabled": False,
            "editor.inlayHints.enabled": "off",  # they would stand in the middle of the text
            "rusta.server.path": str(RUSTA),
            "rusta.cacheDir": str(cache),
            **(settings or {}),
        }
        for place in ("User", "Machine"):
            (data / "data" / place).mkdir(parents=True, exist_ok=True)
            (data / "data" / place / "settings.json").write_text(json.dumps(chosen))
        port = free_port()
        argv = [programs["node"], programs["server"], "--host", "127.0.0.1", "--port", str(port)]
        argv += ["--without-connection-token", "--accept-server-license-terms", "--disable-telemetry"]
        argv += ["--server-data-dir", str(data), "--extensions-dir", str(installed)]
        log = (tmp_path / "server.log").open("wb")
        process = subprocess.Popen(
            argv, stdout=log, stderr=log, env={**os.environ, **(env or {})}, start_new_session=True
        )
        try:
            await answers(f"http://127.0.0.1:{port}/")
            payload = [["skipWelcome", "true"]]
            remote = f"vscode-remote://127.0.0.1:{port}"
            if file is not None:
                payload.append(["openFile", f"{remote}{file}"])
            if host_suite is not None:
                payload.append(["extensionDevelopmentPath", f"{remote}{CLIENT}"])
                payload.append(["extensionTestsPath", f"{remote}{CLIENT}/out/host.js"])
            async with async_playwright() as playwright:
                browser = await playwright.chromium.launch(
                    executable_path=programs["browser"], args=["--no-sandbox", "--disable-gpu"]
                )
                context = await browser.new_context(
                    viewport=SIZE, permissions=["clipboard-read", "clipboard-write"]
                )
                workbench = Workbench(await context.new_page(), crate, tmp_path)
                workbench.began = time.monotonic()
                url = f"http://127.0.0.1:{port}/?folder={crate}&payload={json.dumps(payload)}"
                await workbench.page.goto(url, timeout=APPEARS_WITHIN_S * 1000)
                yield workbench
                await browser.close()
        finally:
            process.terminate()
            try:
                process.wait(ENDS_WITHIN_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            log.close()

    return start


def unpack(vsix: Path, extensions: Path) -> None:
    """Lay the packaged extension where the workbench looks for extensions."""
    with zipfile.ZipFile(vsix) as archive:
        manifest = json.loads(archive.read("extension/package.json"))
        folder = extensions / f"{manifest['publisher']}.{manifest['name']}-{manifest['version']}"
        for name in archive.namelist():
            if name.startswith("extension/") and not name.endswith("/"):
                target = folder / name.removeprefix("extension/")
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(archive.read(name))


async def is_visible_within(locator: Any, within_s: float) -> bool:
    """Whether the element becomes visible in that time."""
    try:
        await locator.wait_for(timeout=within_s * 1000)
    except Exception:  # playwright's own kind of time-out
        return False
    return True


async def answers(url: str) -> None:
    """Return once something answers there."""

    def ask() -> bool:
        try:
            with urllib.request.urlopen(url, timeout=10):
                return True
        except urllib.error.HTTPError:
            return True
        except OSError:
            return False

    async with asyncio.timeout(APPEARS_WITHIN_S):
        while not await asyncio.to_thread(ask):
            await asyncio.sleep(0.2)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
