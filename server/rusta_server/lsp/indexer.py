"""Builds the index of the documentation: the program of a process of its own, which the server starts.

    python -m rusta_server.lsp.indexer CACHE FOLDER

It indexes the documentation of the toolchain that is used in FOLDER. Each line it prints is JSON: how far it
is, ``{"share": 0.4, "what": "std"}``. It gives up when its standard input ends.
"""

import json
import os
import sys
import threading
from pathlib import Path

from ..errors import RustaError
from ..tools.docs import Docs, build, toolchain
from ..tools.process import Cancel


def main(cache: str, folder: str) -> int:
    """Build it with the lowest priority; returns the exit code."""
    os.nice(19)
    cancel = Cancel()
    threading.Thread(target=_watch, args=(cancel,), daemon=True).start()
    here = toolchain(Path(folder))
    if here is None:
        return 1
    try:
        built = build(Path(cache), here, progress=_report, cancel=cancel)
    except RustaError as error:
        print(error, file=sys.stderr)
        return 1
    return 0 if isinstance(built, Docs) else 1


def _watch(cancel: Cancel) -> None:
    while os.read(0, 1):  # not through `sys.stdin`, whose lock would be held when we end
        pass
    cancel.set()


def _report(share: float, what: str) -> None:
    print(json.dumps({"share": share, "what": what}), flush=True)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
