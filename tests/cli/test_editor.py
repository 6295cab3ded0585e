"""`rusta editor` prints what the README shows, and the folder for Neovim is a runtime folder."""

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from rusta_server.commands.editor import command

README = Path(__file__).parents[2] / "README.md"


@pytest.mark.parametrize(("editor", "language"), [("helix", "toml"), ("emacs", "elisp")])
def test_the_snippet_is_the_readmes(editor, language):
    chapter = README.read_text().split("## In an editor")[1]
    (shown,) = re.findall(rf"^```{language}\n(.*?)^```$", chapter, re.MULTILINE | re.DOTALL)
    assert CliRunner().invoke(command, [editor]).output == shown


def test_the_folder_for_neovim_has_what_neovim_looks_for():
    folder = Path(CliRunner().invoke(command, ["nvim", "--path"]).output.strip())
    assert (folder / "lsp/rusta.lua").is_file()
    assert (folder / "lua/rusta/health.lua").is_file()
    assert str(folder) in CliRunner().invoke(command, ["nvim"]).output


def test_only_neovim_has_a_folder():
    done = CliRunner().invoke(command, ["helix", "--path"])
    assert done.exit_code == 2
    assert "--path is for nvim" in done.output
