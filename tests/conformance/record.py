"""Records the profile of an editor: make it the editor's language server, and open a file.

    python record.py PROFILE.json

It writes what the editor says of itself in `initialize`, answers that it can do nothing, and stays until the
editor leaves.
"""

import json
import sys
from pathlib import Path


def main(target: Path) -> None:
    while (message := _read()) is not None:
        if message.get("method") == "initialize":
            said = message["params"]
            profile = {"clientInfo": said.get("clientInfo", {}), "capabilities": said["capabilities"]}
            target.write_text(json.dumps(profile, indent=1, ensure_ascii=False) + "\n")
            _answer(message["id"], {"capabilities": {}})
        elif message.get("method") == "exit":
            return
        elif "id" in message and "method" in message:
            _answer(message["id"], None)


def _read() -> dict | None:
    n_bytes = None
    while (line := sys.stdin.buffer.readline()) not in (b"", b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            n_bytes = int(value)
    return None if n_bytes is None else json.loads(sys.stdin.buffer.read(n_bytes))


def _answer(id: int | str, result: object) -> None:
    body = json.dumps({"jsonrpc": "2.0", "id": id, "result": result}).encode()
    sys.stdout.buffer.write(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
