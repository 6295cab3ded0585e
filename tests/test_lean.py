"""What a user runs starts with little: the heavy libraries are loaded only where they are used."""

import subprocess
import sys

import pytest

HEAVY = ("numpy", "onnxruntime", "torch", "onnx")


@pytest.mark.parametrize(
    "module",
    [
        "rusta_server.cli",
        "rusta_server.lsp.serve",
        "rusta_server.lsp.fixes",
        "rusta_server.commands.fix",
        "rusta_server.candidates.model",
    ],
)
def test_no_numbers_are_crunched_at_the_start(module):
    script = f"import sys, {module}; print([name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
