"""Every option of Rusta, each declared once with its default and its one-line help.

The command line, the editors' settings and the README's table are made from this class. Options of the policy
(what may be shown, written and kept) may also stand in a project's `rusta.toml`. That file comes with code of
unknown origin, so it can take no protection away: what it says of the sandbox, of the proof that writing
needs and of how sure Rusta must be counts only where it is stricter.
"""

import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import cattrs
import platformdirs
from attrs import field, fields, frozen, validators
from cattrs import transform_error
from cattrs.v import format_exception

from .errors import RustaError

POLICY_FILE = "rusta.toml"
UNTRUSTED = "this workspace is not trusted: nothing of it is run, so there are only citations"


def _option(default: Any, help: str) -> Any:  # noqa: ANN401  the attribute's annotation gives the type
    return field(default=default, metadata={"help": help})


def _policy(default: Any, help: str, check: Any = None) -> Any:  # noqa: ANN401  the same
    return field(default=default, metadata={"help": help, "policy": True}, validator=check)


@frozen
class Config:
    """Settings of one run. Editors send them as `initializationOptions.rusta`."""

    rust_analyzer_path: str | None = _option(
        None, "The rust-analyzer to run; found on PATH, through rustup or in Rusta's own folder when unset."
    )
    cache_dir: str | None = _option(
        None,
        "Where shadow copies, the index of the docs and logs live; the user's cache folder when unset.",
    )
    trusted: bool = _option(
        True, "Whether the workspace's code may be run. If not: no rust-analyzer, no cargo, only citations."
    )
    fix_on_check: bool = _option(True, "Search for fixes in the background after each check.")
    level: Literal["v1", "v2", "v3"] = _policy(
        "v1", "The least level of proof a fix needs to be offered: v1, v2 or v3."
    )
    apply_level: Literal["v1", "v2", "v3"] = _policy(
        "v3", "The least level a fix needs to be written; v2 is enough where there are no tests."
    )
    tau_answer: float = _policy(
        0.7,
        "How sure Rusta must be of a fix to call it an answer; below that it is shown as a guess (τ_answer).",
        [validators.ge(0), validators.le(1)],
    )
    tau_patch: float = _policy(
        0.85,
        "How sure it must be of a fix to write it unasked (τ_patch).",
        [validators.ge(0), validators.le(1)],
    )
    max_lines: int = _policy(20, "The most lines one fix may change (K).", validators.ge(1))
    max_experiments: int = _policy(
        3, "The alternatives that are proven for one error in an editor (B).", validators.ge(1)
    )
    max_probe_s: float = _policy(
        2.0, "The most seconds one question to the editor's rust-analyzer may take (T).", validators.gt(0)
    )
    never_touch: tuple[str, ...] = _policy(
        (), "Files that no fix may change, as patterns of a .gitignore: `src/generated/**`."
    )
    memory: Literal["short", "project", "full"] = _policy(
        "full",
        "How long what you made of fixes is kept, if you want it kept: short (this session), project "
        "(apart for each), full.",
    )
    max_checks: int = _option(60, "The most compiler runs spent on one search.")
    rounds: int = _option(6, "The most fixes that one search may stack on those for the errors of the start.")
    check_timeout_s: float = _option(120.0, "The time limit of one cargo check in the shadow copy.")
    test_timeout_s: float = _option(300.0, "The time limit of one cargo test in the shadow copy.")
    run_tests: bool = _option(True, "Run the tests to raise a fix from V2 to V3.")
    sandbox: bool = _policy(
        True, "Run cargo without network, without your other files and your secrets, where possible."
    )
    sandbox_reads: tuple[str, ...] = _option(
        (), "More that cargo may read in the sandbox: libraries in your home, say."
    )
    model: bool = _option(True, "Ask the byte model, where its weights are installed.")
    model_dir: str | None = _option(
        None, "The folder of the model's weights; those of the package when unset."
    )
    model_threads: int = _option(2, "The threads that the model may use.")
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


def load(settings: Mapping[str, Any], *, project: Path | None = None) -> Config:
    """The options for a project: defaults, then its `rusta.toml`, then what a person set.

    Args:
        settings: as an editor sends them (camelCase or snake_case keys, unknown keys ignored); None means
            not set.
        project: the folder of the project's `rusta.toml`, if there is one.

    Raises:
        RustaError: a value has the wrong type; the message names the setting.
    """
    wished = _read_policy(project / POLICY_FILE) if project else {}
    given = {_snake(key): value for key, value in settings.items() if value is not None}
    known = {option.name for option in fields(Config)}
    own = {key: value for key, value in given.items() if key in known}
    return _structured({**wished, **own}, path="rusta", hint="Correct the setting in your editor.")


def changed_options(config: Config) -> dict[str, Any]:
    """The options that differ from their defaults: what somebody chose."""
    return {o.name: getattr(config, o.name) for o in fields(Config) if getattr(config, o.name) != o.default}


def project_of(path: Path) -> Path | None:
    """The nearest folder at or above `path` with a `rusta.toml`, within the same repository."""
    for folder in (path, *path.parents):
        if (folder / POLICY_FILE).is_file():
            return folder
        if (folder / ".git").exists():
            return None
    return None


def _read_policy(file: Path) -> dict[str, Any]:
    """What a project's file says, without what would take a protection away."""
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise RustaError(f"{file} cannot be read: {error}") from error
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise RustaError(f"{file}: {error}", hint="Correct it, or remove it.") from error
    table = raw.get("policy", {})
    knobs = [option.name for option in fields(Config) if option.metadata.get("policy")]
    unknown = [key for key in raw if key != "policy"]
    unknown += [key for key in table if key not in knobs] if isinstance(table, dict) else ["policy = …"]
    if unknown:
        hint = f"Below [policy] there are {', '.join(knobs)}."
        raise RustaError(f"{file}: no such setting: {unknown[0]}", hint=hint)
    wished = _structured(table, path=str(file), hint=f"Correct it in {file}.")
    default = Config()
    return {
        **{name: getattr(wished, name) for name in table},
        "sandbox": wished.sandbox or default.sandbox,
        "apply_level": max(wished.apply_level, default.apply_level),
        "tau_answer": max(wished.tau_answer, default.tau_answer),
        "tau_patch": max(wished.tau_patch, default.tau_patch),
    }


def _structured(values: Mapping[str, Any], *, path: str, hint: str) -> Config:
    try:
        return cattrs.Converter().structure(values, Config)
    except Exception as error:
        told = transform_error(error, path=path, format_exception=_words)
        raise RustaError("; ".join(_complaint(text) for text in told), hint=hint) from error


def _words(error: BaseException, wanted: type | None) -> str:
    """A validator's own words name the option and its bound; all else as cattrs says it."""
    return str(error.args[0]) if _is_bound(error) else format_exception(error, wanted)


def _is_bound(error: BaseException) -> bool:
    return isinstance(error, ValueError) and "must be" in str(error.args[0])


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
