"""Where the server's log goes: a file of its own per process, on request also to the editor. Never stdout."""

import logging
import os
import time
from collections.abc import Callable
from pathlib import Path

_KEPT = 20
_FORMAT = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"
_LSP_LEVELS = {logging.ERROR: 1, logging.WARNING: 2, logging.INFO: 3, logging.DEBUG: 4}


def to_file(folder: Path, level: str) -> Path | None:
    """Log into a new file in ``folder`` and delete all but the newest; None if it cannot be written."""
    root = logging.getLogger()
    root.setLevel(level.upper())
    path = folder / f"serve-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}.log"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handler = logging.FileHandler(path, encoding="utf-8")
        for old in sorted(folder.glob("serve-*.log"))[:-_KEPT]:
            old.unlink(missing_ok=True)
    except OSError as error:
        root.addHandler(logging.StreamHandler())
        root.warning("the log file %s cannot be written: %s; logging to standard error", path, error)
        return None
    handler.setFormatter(logging.Formatter(_FORMAT))
    root.addHandler(handler)
    return path


class ToEditor(logging.Handler):
    """Sends records as `window/logMessage`; ``notify`` may be called from any thread."""

    def __init__(self, notify: Callable[[str, object], None]) -> None:
        super().__init__()
        self._notify = notify
        self.setFormatter(logging.Formatter("%(name)s: %(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        """Send one record."""
        kind = next((value for at, value in _LSP_LEVELS.items() if record.levelno >= at), 4)
        self._notify("window/logMessage", {"type": kind, "message": self.format(record)})
