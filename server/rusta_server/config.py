"""Every option of Rusta, each declared once with its default and its one-line help.

The command line, the editors' settings and the README's table are made from this class.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import cattrs
import platformdirs
from attrs import field, fields, frozen
from cattrs import transform_error

from .errors import RustaError


def _option(default: Any, help: str) -> Any:  # noqa: ANN401  the attribute's annotation gives the type
    return field(default=default, metadata={"help": help})


@frozen
class Config:
    """Settings of one run. Editors send them as `initializationOptions.rusta`."""

    rust_analyzer_path: str | None = _option(
        None, "The rust-analyzer to run; found on PATH, through rustup or in Rusta's own folder when unset."
    )
    cache_dir: str | None = _option(
        None,
        "Where shadow copies, the index of the documentation and logs live; the user's cache folder when unset.",
    )
    fix_on_check: bool = _option(True, "Search for fixes in the background after each check.")
    level: Literal["v1", "v2", "v3"] = _option(
        "v1", "The least level of proof a fix needs to be offered: v1, v2 or v3."
    )
    max_lines: int = _option(20, "The most lines one fix may change (K).")
    max_checks: int = _option(60, "The most compiler runs spent on one search.")
    rounds: int = _option(6, "The most fixes in a row that one search may stack on each other.")
    check_timeout_s: float = _option(120.0, "The time limit of one cargo check in the shadow copy.")
    test_timeout_s: float = _option(300.0, "The time limit of one cargo test in the shadow copy.")
    run_tests: bool = _option(True, "Run the tests to raise a fix from V2 to V3.")
    sandbox: bool = _option(
        True, "Run cargo without network and without write access outside its folders, where possible."
    )
    citations: bool = _option(
        True, "Cite the Rust documentation on this machine in hovers, and link error codes to it."
    )
    citation_budget_ms: int = _option(
        30, "How long a hover may wait for its citations once rust-analyzer has answered."
    )
    log_level: str = _option("info", "How much goes into the log file: debug, info, warning or error.")

    @property
    def cache(self) -> Path:
        """The folder for everything that can be made again."""
        given = self.cache_dir or platformdirs.user_cache_dir("rusta")
        return Path(given).expanduser().absolute()  # cargo runs in another folder


def load(settings: Mapping[str, Any]) -> Config:
    """Read settings as an editor sends them (camelCase or snake_case keys, unknown keys ignored).

    Raises:
        RustaError: a value has the wrong type; the message names the setting.
    """
    known = {f.name for f in fields(Config)}
    renamed = {_snake(key): value for key, value in settings.items()}
    try:
        return cattrs.Converter(forbid_extra_keys=False).structure(
            {key: value for key, value in renamed.items() if key in known}, Config
        )
    except Exception as error:
        raise RustaError(
            "; ".join(_complaint(text) for text in transform_error(error, path="rusta")),
            hint="Correct the setting in your editor.",
        ) from error


def _complaint(text: str) -> str:
    """A fault as `transform_error` gives it, with the name that editors use."""
    what, _, name = text.rpartition(" @ ")
    return f"{_camel(name)}: {'no such choice' if 'not in literal' in what else what}"


def markdown_table() -> str:
    """The options as the README shows them, with the names editors use."""
    rows = ["| setting | default | meaning |", "|---|---|---|"]
    for option in fields(Config):
        default = json.dumps(option.default)
        rows.append(f"| `{_camel(option.name)}` | `{default}` | {option.metadata['help']} |")
    return "\n".join(rows) + "\n"


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)


def _snake(key: str) -> str:
    return "".join("_" + c.lower() if c.isupper() else c for c in key)
