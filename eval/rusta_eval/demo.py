"""`make demo`: break a real crate in several ways, repair it with `rusta fix`, and run its tests.

The crate is semver 1.0.14 by David Tolnay (MIT OR Apache-2.0), kept with its licences under
`tests/fixtures/crates/semver`.
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from attrs import frozen
from rich.console import Console
from rich.text import Text

from rusta_server.errors import RustaError

CRATE = Path(__file__).parents[2] / "tests/fixtures/crates/semver"


@frozen
class Breakage:
    """A mistake a person could make: `before` occurs in the file and becomes `after`, once."""

    path: str
    before: str
    after: str


BREAKAGES = (
    # an import forgotten
    Breakage("src/parse.rs", "use core::str::FromStr;\n", ""),
    # a variable that is assigned twice
    Breakage("src/parse.rs", "let mut pos = Position::Major;", "let pos = Position::Major;"),
    # a semicolon forgotten: the parser stops here and hides everything else
    Breakage("src/identifier.rs", "let len = string.len();", "let len = string.len()"),
    # a derive forgotten, which other derives need
    Breakage(
        "src/lib.rs",
        "#[derive(Copy, Clone, Eq, PartialEq, Hash, Debug)]",
        "#[derive(Copy, Clone, Eq, PartialEq, Debug)]",
    ),
    # a number compared with a reference
    Breakage("src/eval.rs", "if ver.minor != minor {", "if &ver.minor != minor {"),
    # a value where a reference is needed
    Breakage(
        "src/lib.rs", "eval::matches_comparator(self, version)", "eval::matches_comparator(self, *version)"
    ),
)


def main() -> int:
    """Run the demonstration; returns 0 if the crate compiles and its tests are green at the end."""
    console = Console(highlight=False)
    with tempfile.TemporaryDirectory(prefix="rusta-demo-") as folder:
        crate = Path(folder) / "semver"
        shutil.copytree(CRATE, crate)
        for breakage in BREAKAGES:
            break_file(crate, breakage)
        console.rule("[bold]a real crate (semver 1.0.14) with mistakes in it")
        show_errors(crate, console)
        console.rule("[bold]rusta fix --apply")
        fixed = subprocess.run(
            [sys.executable, "-m", "rusta_server", "fix", "--apply", str(crate)], check=False
        )
        console.rule("[bold]cargo test, in the repaired crate")
        tested = subprocess.run(
            ["cargo", "test", "--offline", "--quiet"], cwd=crate, capture_output=True, text=True, check=False
        )
        for line in tested.stdout.splitlines():
            if line.startswith("test result:"):
                console.print(line, style="green" if " ok" in line else "red")
        if fixed.returncode or tested.returncode:
            console.print("[bold red]the crate is not repaired[/]")
            return 1
        console.print("[bold green]the crate compiles and its tests are green[/]")
        return 0


def show_errors(crate: Path, console: Console) -> None:
    """Print what the compiler says, a line for each error."""
    command = ("cargo", "check", "--offline", "--quiet", "--message-format=short")
    checked = subprocess.run(command, cwd=crate, capture_output=True, text=True, check=False)
    for line in checked.stderr.splitlines():
        if "error[" in line or ": error:" in line:
            console.print(Text(line, style="red"))


def break_file(crate: Path, breakage: Breakage) -> None:
    """Make one mistake.

    Raises:
        RustaError: the crate does not contain the text to break.
    """
    file = crate / breakage.path
    text = file.read_text()
    if breakage.before not in text:
        raise RustaError(f"{breakage.path} does not contain {breakage.before!r}")
    file.write_text(text.replace(breakage.before, breakage.after, 1))


if __name__ == "__main__":
    sys.exit(main())
