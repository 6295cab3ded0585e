#!/usr/bin/env python3
"""A rust-analyzer that thinks of nothing: `stand-in/N` is answered at once with N bytes.

Against it the benchmark sees what forwarding itself costs, which the real one's thinking hides.
"""

import re
import sys

_ID = re.compile(rb'"id":(\d+|"[^"]*")')
_METHOD = re.compile(rb'"method":"([^"]*)"')
_CAPABILITIES = b'{"capabilities":{"positionEncoding":"utf-16"}}'


def main() -> None:
    """Answer until the input ends."""
    while (body := _read()) is not None:
        id, method = _ID.search(body), _METHOD.search(body)
        if id is None or method is None:
            continue
        _write(b'{"jsonrpc":"2.0","id":%b,"result":%b}' % (id.group(1), _result(method.group(1))))


def _result(method: bytes) -> bytes:
    if method == b"initialize":
        return _CAPABILITIES
    if method.startswith(b"stand-in/"):
        # Small numbers, as semantic tokens are.
        return b"[" + b",".join([b"12"] * (int(method.removeprefix(b"stand-in/")) // 3)) + b"]"
    return b"null"


def _read() -> bytes | None:
    length = None
    while (line := sys.stdin.buffer.readline()) not in (b"", b"\r\n"):
        length = int(line.split(b":")[1])
    return None if length is None else sys.stdin.buffer.read(length)


def _write(body: bytes) -> None:
    sys.stdout.buffer.write(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    if "--version" in sys.argv:
        print("rust-analyzer stand-in")
    else:
        main()
