"""`rusta editor`."""

from pathlib import Path

import rich_click as click

from .. import editors

RUNTIME = Path(editors.__file__).with_name("nvim")

_HINTS = {
    "nvim": f"""\
vim.opt.runtimepath:append('{RUNTIME}')  -- for :checkhealth rusta
vim.lsp.enable('rusta')""",
    "helix": """\
[language-server.rusta]
command = "rusta"
args = ["serve"]

[[language]]
name = "rust"
language-servers = ["rusta"]""",
    "emacs": """\
(with-eval-after-load 'eglot
  (add-to-list 'eglot-server-programs
               '((rust-mode rust-ts-mode) . ("rusta" "serve"))))
(add-hook 'rust-mode-hook #'eglot-ensure)
(add-hook 'rust-ts-mode-hook #'eglot-ensure)""",
}


@click.command()
@click.argument("editor", type=click.Choice(sorted(_HINTS)))
@click.option("--path", is_flag=True, help="Only the folder for Neovim's 'runtimepath'.")
def command(editor: str, path: bool) -> None:
    """Print what an editor's configuration needs to start Rusta.

    For Neovim there is a folder with the configuration and `:checkhealth rusta`; add it to 'runtimepath'.
    """
    if path and editor != "nvim":
        raise click.UsageError("--path is for nvim: the others need no folder.")
    click.echo(RUNTIME if path else _HINTS[editor])
