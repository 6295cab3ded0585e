"""From opening a folder to the first squiggle: rust-analyzer alone and Rusta, in turn, in the same run.

    python -m pytest -s tests/vscode/bench_squiggle.py

It is no test: nothing here is judged. Prints a table and writes build/bench/vscode.json. "Alone" is a small
extension that starts rust-analyzer (test/neighbour); the real one cannot be installed without a network.
"""

import json
import shutil
import statistics
import time
from pathlib import Path

from rusta_server.config import Config
from rusta_server.tools import rust_analyzer_install

ROUNDS = 5
RESULT = Path(__file__).parents[2] / "build/bench/vscode.json"


async def test_time_to_the_first_squiggle(open_workbench, client, semver, broken):
    analyzer = rust_analyzer_install.look(Config())
    assert isinstance(analyzer, rust_analyzer_install.Found)
    alone = {
        "with_rusta": False,
        "extensions": (client / "out/neighbour",),
        "settings": {
            "rust-analyzer.server.path": str(analyzer.path),
            # Or it would not read std, which takes most of its time, and squiggle less.
            "rust-analyzer.server.extraEnv": rust_analyzer_install.environment(analyzer),
        },
    }
    # A machine may be set up to compile Python's modules at every start; a user's is not.
    compiled = {"env": {"PYTHONDONTWRITEBYTECODE": ""}}
    times: dict[str, list[float]] = {"rust-analyzer alone": [], "Rusta": []}
    for _ in range(ROUNDS):
        for name, how in (("rust-analyzer alone", alone), ("Rusta", compiled)):
            shutil.rmtree(semver / "target", ignore_errors=True)
            async with open_workbench(semver, broken, **how) as workbench:
                await workbench.appears(workbench.page.locator(".squiggly-error"), "the squiggle")
                times[name].append(time.monotonic() - workbench.began)
    medians = {name: statistics.median(of) for name, of in times.items()}
    ratio = medians["Rusta"] / medians["rust-analyzer alone"]
    print()
    for name, of in times.items():
        print(f"{name:20} {medians[name]:6.1f} s   ({', '.join(f'{one:.1f}' for one in sorted(of))})")
    print(f"{'ratio':20} {ratio:6.2f}     (aim: at most 1.2)")
    RESULT.parent.mkdir(parents=True, exist_ok=True)
    RESULT.write_text(json.dumps({"seconds": times, "medians": medians, "ratio": ratio}, indent=2) + "\n")
