"""Putting back what a killed run left half written, and saying so."""

from rich.console import Console
from rich.markup import escape

from ..config import Config
from ..patch import apply as tree


def put_back(config: Config, console: Console) -> None:
    """Mend every workspace that an earlier run left half written."""
    for found in tree.recover(config.cache / "journals"):
        kept = f"The old contents are in {escape(str(found.kept))}"
        if found.problem:
            console.print(
                f"[yellow]half written:[/] {escape(str(found.root))}, and it cannot be put back now: "
                f"{escape(found.problem)}. {kept}",
                soft_wrap=True,
            )
        for path in found.restored:
            where = escape(str(found.root / path))
            console.print(f"[yellow]put back[/] {where} (an earlier run was interrupted while it wrote)")
        for path in found.conflicts:
            console.print(
                f"[yellow]not put back:[/] {escape(str(found.root / path))} was changed since an earlier run "
                f"was interrupted while it wrote. {kept}",
                soft_wrap=True,
            )
