"""Write the server's settings into package.json, from the one type that declares them.

    python vscode-client/settings.py           write
    python vscode-client/settings.py --check   say whether package.json is stale; exit code 1 if it is

`trusted` is not among them: it is the editor's own Workspace Trust that decides it. What protects a person or
names something to run can only be set for a machine, never by a folder's own settings.
"""

import json
import sys
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

from attrs import Attribute, fields

from rusta_server.config import Config

PACKAGE = Path(__file__).with_name("package.json")
TITLE = "Rusta: Server"
DECIDED_BY_TRUST = {"trusted"}
MACHINE = {
    "rust_analyzer_path",
    "cache_dir",
    "apply_level",
    "tau_answer",
    "tau_patch",
    "sandbox",
    "sandbox_reads",
}
_JSON_TYPES = {bool: "boolean", int: "integer", float: "number", str: "string"}


def properties() -> dict[str, dict[str, Any]]:
    """The settings as `contributes.configuration` wants them, by their names in the editor."""
    types = get_type_hints(Config)
    options = [option for option in fields(Config) if option.name not in DECIDED_BY_TRUST]
    return {f"rusta.{_camel(option.name)}": _property(option, types[option.name]) for option in options}


def generated(package: dict[str, Any]) -> dict[str, Any]:
    """The package's manifest with the settings in the section that is theirs."""
    sections = package["contributes"]["configuration"]
    for section in sections:
        if section["title"] == TITLE:
            section["properties"] = properties()
    restricted = package["capabilities"]["untrustedWorkspaces"]["restrictedConfigurations"]
    written = [name for name in restricted if name.startswith(("rusta.server.", "rust-analyzer."))]
    of_machine = [f"rusta.{_camel(name)}" for name in sorted(MACHINE)]
    package["capabilities"]["untrustedWorkspaces"]["restrictedConfigurations"] = [*written, *of_machine]
    return package


def _property(option: "Attribute[Any]", type_: object) -> dict[str, Any]:
    scope = "machine" if option.name in MACHINE else "window"
    return {
        **_shape(type_),
        **_bounds(option.validator),
        "default": list(option.default) if isinstance(option.default, tuple) else option.default,
        "scope": scope,
        "markdownDescription": option.metadata["help"],
    }


def _shape(type_: object) -> dict[str, Any]:
    if get_origin(type_) is Literal:
        return {"type": "string", "enum": list(get_args(type_))}
    if get_origin(type_) is tuple:
        return {"type": "array", "items": _shape(get_args(type_)[0])}
    if type(None) in get_args(type_):
        (other,) = (part for part in get_args(type_) if part is not type(None))
        return {"type": [_JSON_TYPES[other], "null"]}
    return {"type": _JSON_TYPES[type_]}  # type: ignore[index]  # one of the four


def _bounds(validator: object) -> dict[str, float]:
    """The bounds that attrs checks, as JSON Schema writes them."""
    names = {">=": "minimum", "<=": "maximum", ">": "exclusiveMinimum", "<": "exclusiveMaximum"}
    parts = getattr(validator, "_validators", [validator] if validator else [])
    return {names[part.compare_op]: part.bound for part in parts if hasattr(part, "compare_op")}


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)


def main() -> int:
    """Write, or check; returns the exit code."""
    before = PACKAGE.read_text(encoding="utf-8")
    after = json.dumps(generated(json.loads(before)), indent=2, ensure_ascii=False) + "\n"
    if before == after:
        return 0
    if "--check" in sys.argv:
        print(f"{PACKAGE} is stale; write it anew: python vscode-client/settings.py", file=sys.stderr)
        return 1
    PACKAGE.write_text(after, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
