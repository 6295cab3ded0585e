"""Builds the index of the documentation: the program of a process of its own, which the server starts.

    python -m rusta_server.lsp.indexer CACHE FOLDER

It indexes the documentation of the toolchain that is used in FOLDER. Each line it prints is JSON: how far it
is, ``{"share": 0.4, "what": "std"}``.
"""

import json
import os
import sys
from pathlib import Path

from ..errors import RustaError
from ..tools.docs import Docs, build, toolchain


def main(cache: str, folder: str) -> int:
    """Build it with the lowest priority; returns the exit code."""
    os.nice(19)
    here = toolchain(Path(folder))
    if here is None:
        return 1
    try:
        built = build(Path(cache), here, progress=_report)
    except RustaError as error:
        print(error, file=sys.stderr)
        return 1
    return 0 if isinstance(built, Docs) else 1


def _report(share: float, what: str) -> None:
    print(json.dumps({"share": share, "what": what}), flush=True)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
