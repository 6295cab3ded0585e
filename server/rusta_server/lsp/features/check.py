"""One check serves both: rust-analyzer's flycheck runs through our relay, which tells us what cargo said.

The command is the one rust-analyzer would have run by itself. A user's own `check.overrideCommand` stays as
it is; Rusta then hears nothing of the checks and searches only on `rusta.proposePatch`.
"""

import asyncio
import logging
import re
import shutil
import socket
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import define, field, frozen

from ...errors import RustaError
from ...tools import cargo, relay
from ..hooks import Hooks

if TYPE_CHECKING:
    from ..proxy import Proxy

log = logging.getLogger(__name__)

_FOLDER, _SOCKET = "rusta-check-", "check"
_ANSWERS_WITHIN_S = 0.2
_LINE_LIMIT = 64 << 20
_BACKLOG = 16
# The command it runs, and the number rust-analyzer gives each of several workspaces.
_THROUGH_RELAY = re.compile(rf"{re.escape(relay.__file__)} .* -- (cargo \S+)(?:.*( \(#\d+\))$)?")


@frozen
class CheckRun:
    """One finished run of the check command: where it ran and what it printed.

    Attributes:
        workspace: what cargo said of the workspace while the check ran; None if it could not say.
        repeatable: whether a check in a shadow says the same of the same code.
    """

    root: Path
    code: int
    stdout: bytes = field(repr=False)
    workspace: cargo.Workspace | None
    repeatable: bool = True

    def outcome(self, base: Path) -> cargo.CheckOutcome:
        """The diagnostics, with paths relative to `base`."""
        return cargo.read(self.code, self.stdout, b"", root=self.root, base=base)


@define
class Checks:
    """The feature's state: where the relay reports, and who wants to know.

    Attributes:
        scope: what the checks look at; a fix is proven in the same scope.
        repeatable: whether `scope` says all that matters of the check command.
    """

    folder: Path | None = None
    listening: socket.socket | None = None
    server: asyncio.AbstractServer | None = None
    scope: cargo.Scope = field(factory=cargo.Scope)
    repeatable: bool = True
    subscribers: list[Callable[["Proxy", CheckRun], None]] = field(factory=list)


def register(hooks: Hooks) -> None:
    """Hook into rust-analyzer's settings and listen to the relay."""
    hooks.settings(_patch_settings)
    hooks.ready(_listen)
    hooks.from_analyzer("$/progress", _named)
    hooks.before("shutdown", _leave)
    hooks.close(_close)


def _patch_settings(proxy: "Proxy", settings: dict[str, Any]) -> dict[str, Any]:
    experimental = proxy.session.client_capabilities.get("experimental") or {}
    command = check_command(settings, color=bool(experimental.get("colorDiagnosticOutput")))
    checks = proxy.session.state(Checks)
    checks.scope, checks.repeatable = scope_of(settings), is_repeatable(settings)
    if command is None:
        return settings
    address = _address(checks)
    prefix = [sys.executable, "-I", "-S", relay.__file__, address, "--"]
    check = _nested(settings, "check")
    return {**settings, "check": {**check, "overrideCommand": [*prefix, *command]}}


def _named(proxy: "Proxy", params: dict[str, Any]) -> dict[str, Any] | None:
    """The progress of a check has the name that rust-analyzer gives its own, not the relay's long command."""
    value = params.get("value")
    title = value.get("title") if isinstance(value, dict) else None
    found = _THROUGH_RELAY.search(title) if isinstance(title, str) else None
    if found is None:
        return None
    return {**params, "value": {**params["value"], "title": "".join(found.groups(default=""))}}


def check_command(settings: Mapping[str, Any], *, color: bool) -> list[str] | None:
    """The check that rust-analyzer runs under `settings`; None where it is off or the user's own.

    Source: rust-analyzer's manual, settings `check.*` and `cargo.*`.
    """
    check, general = _nested(settings, "check"), _nested(settings, "cargo")
    if check.get("overrideCommand") or settings.get("checkOnSave") is False:
        return None
    scope = scope_of(settings)
    command = ["cargo", scope.subcommand]
    if check.get("workspace", True):
        command.append("--workspace")
    command.append("--message-format=json" + ("-diagnostic-rendered-ansi" if color else ""))
    command.append("--keep-going")
    if _either(settings, "allTargets", True):
        command.append("--all-targets")
    command += scope.options
    target_dir = general.get("targetDir")
    if target_dir:
        command += ["--target-dir", "target/rust-analyzer" if target_dir is True else str(target_dir)]
    return command + [str(a) for a in (*(general.get("extraArgs") or ()), *(check.get("extraArgs") or ()))]


def scope_of(settings: Mapping[str, Any]) -> cargo.Scope:
    """The subcommand, the features and the targets that `settings` choose."""
    check, general = _nested(settings, "check"), _nested(settings, "cargo")
    options: list[str] = []
    targets = check.get("targets") or general.get("target") or []
    for target in [targets] if isinstance(targets, str) else targets:
        options += ["--target", target]
    features = _either(settings, "features", [])
    if features == "all":
        options.append("--all-features")
    else:
        if _either(settings, "noDefaultFeatures", False):
            options.append("--no-default-features")
        if features:
            options += ["--features", ",".join(features)]
    return cargo.Scope(str(check.get("command") or "check"), tuple(options))


def is_repeatable(settings: Mapping[str, Any]) -> bool:
    """Whether the scope says all: no arguments or variables beside it, no packages or targets left out."""
    check, general = _nested(settings, "check"), _nested(settings, "cargo")
    more = [section.get(name) for section in (check, general) for name in ("extraArgs", "extraEnv")]
    return (
        not any(more) and bool(_either(settings, "allTargets", True)) and check.get("workspace") is not False
    )


def _either(settings: Mapping[str, Any], name: str, default: object) -> Any:  # noqa: ANN401  a JSON value
    """A setting of `check`, which without one of its own takes `cargo`'s."""
    for section in ("check", "cargo"):
        value = _nested(settings, section).get(name)
        if value is not None:
            return value
    return default


def _nested(settings: Mapping[str, Any], name: str) -> dict[str, Any]:
    """A section of the settings, whether it is nested or written with dots."""
    dotted = {key[len(name) + 1 :]: v for key, v in settings.items() if key.startswith(name + ".")}
    section = settings.get(name)
    return {**dotted, **(section if isinstance(section, dict) else {})}


def _address(checks: Checks) -> str:
    """Bind the socket at once: a relay that starts before we listen then waits instead of being lost."""
    if checks.folder is None:
        checks.folder = Path(tempfile.mkdtemp(prefix=_FOLDER))
        checks.listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        checks.listening.bind(str(checks.folder / _SOCKET))
        checks.listening.listen(_BACKLOG)
    return str(checks.folder / _SOCKET)


def sweep(scratch: Path) -> None:
    """Remove from `scratch` what servers left there that were killed: sockets that nobody listens to."""
    for folder in scratch.glob(f"{_FOLDER}*"):
        with socket.socket(socket.AF_UNIX) as other:
            other.settimeout(_ANSWERS_WITHIN_S)
            try:
                other.connect(str(folder / _SOCKET))
            except ConnectionRefusedError:
                shutil.rmtree(folder, ignore_errors=True)
            except OSError:
                continue  # somebody else's, or it is being made


async def _listen(proxy: "Proxy") -> None:
    checks = proxy.session.state(Checks)
    if checks.listening is None:
        return

    async def receive(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            run = await _receive(reader, repeatable=checks.repeatable)
        except (ValueError, asyncio.LimitOverrunError) as error:
            log.error("the check's report could not be read: %s", error)
            run = None
        finally:
            writer.close()
        if run is not None:
            log.info("a check in %s ended with code %d", run.root, run.code)
            for subscriber in checks.subscribers:
                subscriber(proxy, run)

    checks.server = await asyncio.start_unix_server(receive, sock=checks.listening, limit=_LINE_LIMIT)
    proxy.background(asyncio.to_thread(sweep, Path(tempfile.gettempdir())))  # its own now answers, too


async def _receive(reader: asyncio.StreamReader, *, repeatable: bool) -> CheckRun | None:
    """Read one run; None if it was cut off (rust-analyzer cancels a check when the next one is due)."""
    first = await reader.readline()
    if not first:
        return None  # another server looked whether we are alive
    root = Path(first.decode().rstrip("\n"))
    locating = asyncio.create_task(asyncio.to_thread(_locate, root))  # takes as long as a quick check
    lines: list[bytes] = []
    while line := await reader.readline():
        if line.startswith(b"exit "):
            return CheckRun(root, int(line[5:]), b"".join(lines), await locating, repeatable)
        lines.append(line)
    return None


def _locate(root: Path) -> cargo.Workspace | None:
    try:
        return cargo.locate(root)
    except RustaError as error:
        log.warning("no fixes for %s: %s", root, error)
        return None


def _leave(proxy: "Proxy", params: Any) -> None:  # noqa: ANN401  JSON
    """Remove the folder on `shutdown` already: Helix kills a server right after its `exit`."""
    folder = proxy.session.state(Checks).folder
    if folder is not None:
        shutil.rmtree(folder, ignore_errors=True)


async def _close(proxy: "Proxy") -> None:
    checks = proxy.session.state(Checks)
    if checks.server is not None:
        checks.server.close()
    elif checks.listening is not None:
        checks.listening.close()
    _leave(proxy, None)
