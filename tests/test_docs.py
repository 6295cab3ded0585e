"""The README says what is true: its table of settings is made from the code."""

import re
from pathlib import Path

from rusta_server.cli import COMMANDS
from rusta_server.config import markdown_table

README = Path(__file__).parents[1] / "README.md"
BLOCK = re.compile(r"(<!-- settings: .*? -->\n).*?(<!-- /settings -->)", re.S)


def test_the_table_of_settings_is_current():
    """A stale table is rewritten, and the test fails so that somebody looks at it."""
    text = README.read_text()
    current = BLOCK.sub(lambda found: found[1] + markdown_table() + found[2], text)
    if current != text:
        README.write_text(current)
    assert current == text, "README.md was stale and has been rewritten"


def test_every_command_is_in_the_readme():
    text = README.read_text()
    assert [name for name in COMMANDS if f"rusta {name}" not in text] == []


def test_every_folder_of_the_code_map_exists():
    block = README.read_text().split("## The code\n\n```\n")[1].split("```")[0]
    server = README.parent / "server/rusta_server"
    for line in block.splitlines():
        name = line.split()[0]
        assert (README.parent / name).exists() or (server / name).exists(), name
