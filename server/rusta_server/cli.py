"""`rusta …`: the command line. Each command is one module, loaded when it is called."""

import importlib
import os
import signal
import stat
import sys

import rich_click as click
from rich.console import Console
from rich.markup import escape

from . import __version__
from .errors import RustaError

COMMANDS = {
    "fix": ("rusta_server.commands.fix", "Repair a crate that does not compile."),
    "explain": ("rusta_server.commands.explain", "Say what an error or name means, and where it is written."),
    "revert": ("rusta_server.commands.revert", "Take back what rusta fix --apply wrote."),
    "anchor": ("rusta_server.commands.anchor", "Look at the places that Rusta cites, and check them."),
    "serve": ("rusta_server.commands.serve", "Run the language server for an editor."),
    "trace": ("rusta_server.commands.trace", "Look at what Rusta did, check it, play it back."),
    "docs": ("rusta_server.commands.docs", "Index the Rust documentation on this machine, and search in it."),
    "doctor": ("rusta_server.commands.doctor", "Say what Rusta found here, and how to mend what is missing."),
    "setup": ("rusta_server.commands.setup", "Find rust-analyzer, or install it into a private folder."),
    "editor": ("rusta_server.commands.editor", "Print what an editor needs to start Rusta."),
    "completion": ("rusta_server.commands.completion", "Print the completion script for a shell."),
    "eval": ("rusta_eval.command", "Measure how much gets fixed (from a source checkout)."),
}

EXIT_CANNOT_RUN = 2


class _LazyGroup(click.RichGroup):
    """Lists the commands from the table above and imports a module only when its command runs.

    Editors that were told to start `rusta` in rust-analyzer's place give no arguments: that is `rusta serve`.
    """

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        return super().parse_args(ctx, args or (["serve"] if _is_between_pipes() else []))

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, summary = COMMANDS[cmd_name]
        try:
            command: click.Command = importlib.import_module(module).command
        except ModuleNotFoundError as error:
            if error.name is None or not module.startswith(error.name):
                raise
            return _absent(cmd_name, summary)
        command.name, command.short_help = cmd_name, summary
        return command


def _is_between_pipes() -> bool:
    """Whether another program holds both our ends, as an editor does."""
    try:
        modes = [os.fstat(stream.fileno()).st_mode for stream in (sys.stdin, sys.stdout)]
    except (AttributeError, OSError, ValueError):  # there is no such stream, or it is none of the system's
        return False
    return all(stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) for mode in modes)


def _absent(name: str, summary: str) -> click.Command:
    def complain() -> None:
        raise RustaError(
            f"`rusta {name}` is not part of the installed package.",
            hint="Run it from a source checkout: git clone, make setup, .venv/bin/rusta " + name,
        )

    return click.RichCommand(name=name, callback=complain, short_help=summary)


@click.command(
    cls=_LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="rusta")
def rusta() -> None:
    """A local Rust programmer: fixes that were compiled before you see them.

    Start with `rusta doctor`, then `rusta fix` in a crate that does not compile.
    Nothing leaves this machine, and nothing is written unless you say --apply.
    """


def main() -> None:
    """Run the command line; a `RustaError` becomes one or two readable lines and exit code 2."""
    # A termination becomes an exception, so that children are ended and folders removed on the way out.
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) == signal.SIG_DFL:  # not under nohup
            signal.signal(number, lambda number, _: sys.exit(128 + number))
    try:
        rusta.main(prog_name="rusta", standalone_mode=True)
    except RustaError as error:
        complain(error)
        sys.exit(EXIT_CANNOT_RUN)


def complain(error: RustaError) -> None:
    """Print `error` and its hint to standard error."""
    from .tools.docs.plain import plain_code  # what is wrong may be a name that a stranger chose

    console = Console(stderr=True, highlight=False)
    console.print(f"[bold red]error:[/] {escape(plain_code(str(error)))}", soft_wrap=True)
    if error.hint:
        console.print(f"  [bold cyan]try:[/] {escape(plain_code(error.hint))}", soft_wrap=True)
