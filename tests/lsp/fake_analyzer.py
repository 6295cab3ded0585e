#!/usr/bin/env python3
"""A scripted rust-analyzer: answers `fake/*` requests with what the test wants to see happen."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

received = []
stdin, stdout = sys.stdin.buffer, sys.stdout.buffer


def send(message):
    body = json.dumps({"jsonrpc": "2.0", **message}).encode()
    stdout.write(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))
    stdout.flush()


def receive():
    length = None
    while (line := stdin.readline()) not in (b"", b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
    if length is None:
        sys.exit(1)
    message = json.loads(stdin.read(length))
    received.append(message)
    return message


def ask(params, ids):
    """Ask the editor something and return what it says, whatever else comes in between."""
    send({"id": ids, "method": params["method"], "params": params.get("params")})
    while True:
        message = receive()
        if message.get("id") == ids and "method" not in message:
            return message.get("result", message.get("error"))


def handle(message):
    method, id, params = message.get("method"), message.get("id"), message.get("params")
    if method == "initialize":
        if os.environ.get("FAKE_DIES") == "at once":
            os._exit(3)
        capabilities = {
            "positionEncoding": "utf-8",
            "textDocumentSync": {"openClose": True, "change": 2},
            "experimental": {"fake": True},
        }
        send({"id": id, "result": {"capabilities": capabilities, "serverInfo": {"name": "fake"}}})
    elif method == "initialized":
        registration = {"id": "files", "method": "workspace/didChangeWatchedFiles"}
        send({"id": 0, "method": "client/registerCapability", "params": {"registrations": [registration]}})
    elif method == "shutdown":
        send({"id": id, "result": None})
    elif method == "exit":
        sys.exit(0 if any(m.get("method") == "shutdown" for m in received) else 1)
    elif method == "fake/received":
        send({"id": id, "result": [m for m in received if m.get("method") != "fake/received"]})
    elif method == "fake/pid":
        send({"id": id, "result": os.getpid()})
    elif method in ("fake/echo", "textDocument/codeAction"):
        send({"id": id, "result": params})
    elif method in ("textDocument/hover", "textDocument/diagnostic"):
        send({"id": id, "result": params.get("answer")})
    elif method == "experimental/externalDocs":
        send({"id": id, "result": None})
    elif method == "fake/error":
        send({"id": id, "error": {"code": -32801, "message": "content modified"}})
    elif method == "fake/die":
        os.kill(os.getpid(), signal.SIGKILL)
    elif method == "fake/exit":
        os._exit(params)
    elif method == "fake/close":
        os.close(1)
        time.sleep(60)
    elif method == "fake/raw":
        stdout.write(params.encode())
        stdout.flush()
    elif method == "fake/say":
        for said in params:
            send(said)
        send({"id": id, "result": None})
    elif method == "fake/ask":
        send({"id": id, "result": ask(params, params.get("as", 41))})
    elif method == "fake/big":
        send({"id": id, "result": "x" * params})
    elif method == "fake/length":
        send({"id": id, "result": len(params)})
    elif method == "fake/spawn":
        child = subprocess.Popen(["sleep", "300"], process_group=0, stdin=subprocess.DEVNULL)
        send({"id": id, "result": child.pid})
    elif method == "fake/deaf":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        send({"id": id, "result": None})
        time.sleep(300)


if "--version" in sys.argv:
    print("rust-analyzer 0.0.0 (fake)")
    sys.exit(0)
if os.environ.get("FAKE_PIDS"):
    with Path(os.environ["FAKE_PIDS"]).open("a") as pids:
        pids.write(f"{os.getpid()}\n")
while True:
    handle(receive())
