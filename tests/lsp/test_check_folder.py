"""The folder of the socket to which checks report."""

import socket
from pathlib import Path

from rusta_server.lsp.features import check


def test_only_sockets_that_nobody_listens_to_are_swept(tmp_path):
    def folder(name: str) -> Path:
        (tmp_path / name).mkdir()
        return tmp_path / name

    dead, alive, fresh = (folder(f"rusta-check-{name}") for name in ("dead", "alive", "fresh"))
    other = folder("rusta-else")
    with socket.socket(socket.AF_UNIX) as killed:
        killed.bind(str(dead / "check"))
        killed.listen()
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(alive / "check"))
        listening.listen()
        check.sweep(tmp_path)
    assert sorted(tmp_path.iterdir()) == sorted((alive, fresh, other))
