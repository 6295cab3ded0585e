"""`rusta completion SHELL`."""

import rich_click as click
from click.shell_completion import get_completion_class


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def command(context: click.Context, shell: str) -> None:
    """Print the completion script for SHELL.

    Put `eval "$(rusta completion bash)"` into ~/.bashrc (zsh alike), or write the output for fish to
    ~/.config/fish/completions/rusta.fish.
    """
    rusta = context.find_root().command
    completion = get_completion_class(shell)
    assert completion is not None  # the choice above names only shells click knows
    click.echo(completion(rusta, {}, "rusta", "_RUSTA_COMPLETE").source())
