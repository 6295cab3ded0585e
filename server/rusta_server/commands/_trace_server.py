"""Start the trace server: its address, its token, its end."""

import os
import secrets
import socket as sockets
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn
from rich.console import Console

from ..config import Config
from ..errors import RustaError
from ..trace.jobs import Jobs
from ..trace.ledger import Ledger, write_whole
from ..trace.service import Abilities, app
from . import _jobs

HOST = "127.0.0.1"
_GRACE_S = 2


def run(config: Config, *, port: int, socket: Path | None) -> None:
    """Serve until a signal ends it.

    Raises:
        RustaError: the address is taken.
    """
    ledger = Ledger(config.cache / "ledger")
    token_file = config.cache / "trace-token"
    token = _token(token_file)
    with _listening(port, socket) as listener:
        if socket is None:
            number = listener.getsockname()[1]
            hosts: tuple[str, ...] = (f"{HOST}:{number}", f"localhost:{number}")
            where = f"http://{HOST}:{number}/"
        else:
            hosts, where = ("localhost", "rusta"), f"unix socket {socket}"
        jobs = Jobs(_jobs.kinds(config))
        abilities = Abilities(
            anchor=lambda id: _jobs.anchor(config, id), replay=lambda id: _jobs.played_back(ledger, id)
        )
        server = uvicorn.Server(
            uvicorn.Config(
                app(ledger, jobs, abilities, token=token, hosts=hosts),
                log_level="warning",
                access_log=False,
                server_header=False,
                ws="websockets-sansio",
                ws_max_size=1 << 20,
                timeout_graceful_shutdown=_GRACE_S,
            )
        )
        console = Console(stderr=True, highlight=False)
        console.print(f"[bold]{where}[/]" + (f"#token={token}" if socket is None else ""), soft_wrap=True)
        console.print(f"[dim]The token is in {token_file}. Stop with Ctrl+C.[/]", soft_wrap=True)
        try:
            server.run(sockets=[listener])
        except KeyboardInterrupt:
            pass  # asked for
        finally:
            jobs.stop()


def _token(file: Path) -> str:
    """The token of this user, made on the first call; a file others can read is made anew."""
    try:
        status = file.lstat()
        if stat.S_ISREG(status.st_mode) and not status.st_mode & 0o077 and status.st_uid == os.getuid():
            token = file.read_text().strip()
            if len(token) >= 32:
                return token
    except OSError:
        pass
    token = secrets.token_urlsafe(32)
    try:
        write_whole(file, f"{token}\n".encode())
    except OSError as error:
        raise RustaError(f"{file} cannot be written: {error.strerror}") from error
    return token


@contextmanager
def _listening(port: int, path: Path | None) -> Iterator[sockets.socket]:
    listener = sockets.socket(sockets.AF_INET if path is None else sockets.AF_UNIX)
    try:
        if path is None:
            listener.setsockopt(sockets.SOL_SOCKET, sockets.SO_REUSEADDR, 1)
            listener.bind((HOST, port))
        else:
            old = os.umask(0o177)
            try:
                listener.bind(str(path))
            finally:
                os.umask(old)
        listener.listen(64)
    except OSError as error:
        listener.close()
        where = f"port {port}" if path is None else str(path)
        raise RustaError(
            f"The trace server cannot listen on {where}: {error.strerror}.", hint="Choose another one."
        ) from error
    try:
        yield listener
    finally:
        listener.close()
        if path is not None:
            path.unlink(missing_ok=True)
