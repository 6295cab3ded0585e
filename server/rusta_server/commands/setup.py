"""`rusta setup`."""

import rich_click as click
from rich.console import Console

from ..config import Config
from ..tools import rust_analyzer_install


@click.command()
@click.option(
    "--rust-analyzer",
    "path",
    metavar="PATH",
    default=None,
    help="Use this rust-analyzer; only the sources of std are installed if they are missing.",
)
@click.option("--again", is_flag=True, help="Install into Rusta's own folder even if one was found.")
def command(path: str | None, again: bool) -> None:
    """Find rust-analyzer and the sources of std, or install them.

    Looks on PATH and asks rustup first. Where rustup cannot help, the distribution's packages are
    downloaded with apt and unpacked into a folder of Rusta's own: no root, nothing else changes.
    This is the only command of Rusta that uses the network.
    """
    console = Console(stderr=True, highlight=False)
    with console.status("Looking for rust-analyzer") as status:

        def report(step: str) -> None:
            console.print(f"  [dim]{step} …[/]")
            status.update(step)

        found = rust_analyzer_install.install(Config(rust_analyzer_path=path), report=report, again=again)
    console.print(f"[green]✓[/] rust-analyzer {found.version} ({found.origin}) {found.path}", soft_wrap=True)
    if found.sysroot_src is None:
        console.print("[yellow]![/] no sources of std, so hovers on std stay empty", soft_wrap=True)
        console.print("  [bold cyan]try:[/] rustup component add rust-src")
    else:
        console.print(f"[green]✓[/] sources of std {found.sysroot_src}", soft_wrap=True)
