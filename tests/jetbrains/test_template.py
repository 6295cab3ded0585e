"""The template is one that LSP4IJ imports: its files, their keys, and what they say is true of Rusta.

The keys are those that LSP4IJ's `LanguageServerTemplateDeserializer`, its installer's tasks and its
`clientSettings.schema.json` know.
"""

import json
import re
import types
import typing
from pathlib import Path

import attrs
import pytest
from click.testing import CliRunner
from jsonschema import Draft7Validator

from rusta_server.cli import COMMANDS, rusta
from rusta_server.config import Config, _camel, load

TEMPLATE = Path(__file__).parents[2] / "jetbrains-client/template"
PROFILE = Path(__file__).parents[1] / "conformance/profiles/lsp4ij.json"
SYSTEMS = {"default", "windows", "mac", "linux", "unix"}
TASKS = {"exec", "download", "configureServer", "showMessage"}
TASK_KEYS = {"id", "name", "command", "update", "timeout", "onFail", "onSuccess"}
CLIENT_SETTINGS = {
    "caseSensitive": bool,
    "lineCommentPrefix": str,
    "blockCommentPrefix": str,
    "blockCommentSuffix": str,
    "statementTerminatorCharacters": str,
    "completion": {"useContextAwareSorting": bool, "useTemplateForInvocationOnlySnippet": bool},
    "breadcrumbs": {"enabled": bool},
    "workspaceSymbol": {"supportsGotoClass": bool},
}


def read(name: str) -> dict:
    return json.loads((TEMPLATE / name).read_text())


def test_the_server_starts_with_a_command_for_every_system():
    template = read("template.json")
    assert set(template) <= {"id", "name", "programArgs", "fileTypeMappings", "languageMappings", "url"}
    assert set(template["programArgs"]) <= SYSTEMS
    assert "default" in template["programArgs"]
    for mapping in template["fileTypeMappings"]:
        assert set(mapping) == {"fileType", "languageId"}
        assert set(mapping["fileType"]) <= {"name", "patterns"}
    assert [m["languageId"] for m in template["fileTypeMappings"]] == ["rust"]


@pytest.mark.parametrize("step", ["check", "run"])
def test_the_installer_is_made_of_tasks_that_lsp4ij_has(step):
    waiting = [read("installer.json")[step]]
    while waiting:
        for name, task in waiting.pop().items():
            assert name in TASKS
            assert set(task) <= TASK_KEYS
            assert set(task["command"]) <= SYSTEMS
            waiting += [task[key] for key in ("onFail", "onSuccess") if key in task]


def test_every_command_of_the_template_is_one_of_rustas():
    text = (TEMPLATE / "template.json").read_text() + (TEMPLATE / "installer.json").read_text()
    words = re.findall(r'\\"rusta (\S+)\\"', text)
    assert words == ["serve", "--version", "setup", "serve"]
    for word in words:
        assert word in COMMANDS or CliRunner().invoke(rusta, [word]).exit_code == 0


def test_the_clients_settings_are_those_that_lsp4ij_knows():
    def check(values: dict, known: dict) -> None:
        for name, value in values.items():
            if isinstance(known[name], dict):
                check(value, known[name])
            else:
                assert isinstance(value, known[name])

    check(read("clientSettings.json"), CLIENT_SETTINGS)


def test_the_settings_are_valid_by_their_schema():
    schema = read("settings.schema.json")
    Draft7Validator.check_schema(schema)
    Draft7Validator(schema).validate(read("settings.json"))
    with pytest.raises(Exception, match="is not of type"):
        Draft7Validator(schema).validate({"rust-analyzer": {"checkOnSave": "always"}})


def test_rustas_settings_have_a_schema_made_from_the_config():
    """A stale schema is rewritten, and the test fails so that somebody looks at it."""
    file = TEMPLATE / "initializationOptions.schema.json"
    current = json.dumps(schema_of_options(), indent=2, ensure_ascii=False) + "\n"
    before = file.read_text() if file.exists() else ""
    if before != current:
        file.write_text(current)
    assert before == current, f"{file.name} was stale and has been rewritten"


def test_the_initialization_options_are_the_defaults():
    options = read("initializationOptions.json")
    Draft7Validator(schema_of_options()).validate(options)
    assert load(options["rusta"]) == Config()


def test_lsp4ijs_profile_has_the_templates_experimental_capabilities():
    assert json.loads(PROFILE.read_text())["capabilities"]["experimental"] == read("experimental.json")


def schema_of_options() -> dict:
    hints = typing.get_type_hints(Config)
    options = {
        _camel(option.name): {
            **_schema(hints[option.name]),
            "default": list(option.default) if isinstance(option.default, tuple) else option.default,
            "description": option.metadata["help"],
        }
        for option in attrs.fields(Config)
    }
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Rusta's settings; rust-analyzer's may stand beside them",
        "type": "object",
        "properties": {"rusta": {"type": "object", "additionalProperties": False, "properties": options}},
    }


def _schema(hint: object) -> dict:
    kinds = {bool: "boolean", int: "integer", float: "number", str: "string", type(None): "null"}
    if hint in kinds:
        return {"type": kinds[hint]}
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Literal:
        return {"enum": list(arguments)}
    if origin in (typing.Union, types.UnionType):
        return {"type": [kinds[argument] for argument in arguments]}
    assert origin is tuple
    return {"type": "array", "items": {"type": kinds[arguments[0]]}}
