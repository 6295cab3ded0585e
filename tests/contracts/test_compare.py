"""What counts as breaking a schema."""

import copy

import pytest

from rusta_server.contracts import CONTRACTS
from rusta_server.contracts.compare import narrowings
from rusta_server.contracts.schema import schema

BASE = {
    "$ref": "#/$defs/A",
    "$defs": {
        "A": {
            "type": "object",
            "properties": {
                "n": {"type": "integer", "minimum": 0, "maximum": 9},
                "name": {"anyOf": [{"type": "string"}, {"type": "null"}]},
                "kind": {"enum": ["a", "b"]},
                "parts": {"type": "array", "items": {"$ref": "#/$defs/A"}},
                "by_name": {"type": "object", "additionalProperties": {"type": "number"}},
                "anything": {},
                "hash": {"type": "string", "pattern": "^[0-9a-f]*$"},
            },
            "required": ["n"],
        }
    },
}


def changed(**properties):
    new = copy.deepcopy(BASE)
    for name, part in properties.items():
        if part is None:
            del new["$defs"]["A"]["properties"][name]
        else:
            new["$defs"]["A"]["properties"][name] = part
    return new


@pytest.mark.parametrize(
    "new",
    [
        changed(),
        changed(more={"type": "string"}),
        changed(n={"type": "integer"}),
        changed(n={"type": "number", "minimum": -1}),
        changed(kind={"enum": ["c", "b", "a"]}),
        changed(kind={"type": "string"}),
        changed(name={"anyOf": [{"type": "null"}, {"type": "integer"}, {"type": "string"}]}),
        changed(name={}),
        changed(hash={"anyOf": [{"type": "string"}, {"type": "null"}]}),
        changed(parts={"type": "array", "items": {"anyOf": [{"$ref": "#/$defs/A"}, {"type": "null"}]}}),
        changed(by_name={"type": "object"}),
        changed(n={"type": "integer", "minimum": 0, "maximum": 9, "description": "another"}),
    ],
)
def test_what_only_adds_is_no_break(new):
    assert narrowings(BASE, new) == []


@pytest.mark.parametrize(
    ("new", "what"),
    [
        (changed(hash=None), "#/$defs/A/hash: gone"),
        (changed(n={"type": "integer", "minimum": 1, "maximum": 9}), "#/$defs/A/n: another minimum"),
        (changed(n={"type": "integer", "minimum": 0, "maximum": 8}), "#/$defs/A/n: another maximum"),
        (changed(n={"type": "string"}), "#/$defs/A/n: integer no longer taken"),
        (changed(kind={"enum": ["a"]}), "#/$defs/A/kind: 'b' no longer taken"),
        (changed(kind={"const": "b"}), "#/$defs/A/kind: 'a' no longer taken"),
        (changed(name={"type": "string"}), "#/$defs/A/name/anyOf/1: no alternative takes it"),
        (changed(hash={"enum": ["00"]}), "#/$defs/A/hash: only certain values now"),
        (changed(hash={"type": "string", "pattern": "^[0-9]*$"}), "#/$defs/A/hash: another pattern"),
        (
            changed(hash={"type": "string", "pattern": "^[0-9a-f]*$", "maxLength": 9}),
            "A/hash: another maxLength",
        ),
        (changed(anything={"type": "string"}), "#/$defs/A/anything: only string now"),
        (changed(anything={"anyOf": [{"type": "string"}]}), "A/anything/anyOf/0: no alternative takes it"),
        (changed(parts={"type": "array", "items": {"type": "string"}}), "object no longer taken"),
        (
            changed(parts={"type": "array", "items": {"$ref": "#/$defs/A"}, "uniqueItems": True}),
            "another uniqueItems",
        ),
        (
            changed(by_name={"type": "object", "additionalProperties": False}),
            "by_name/additionalProperties: ",
        ),
        (
            changed(by_name={"type": "object", "additionalProperties": {"type": "integer"}}),
            "by_name/additionalProperties: number no longer taken",
        ),
        (changed(by_name={"type": "object", "propertyNames": {"minLength": 1}}), "another minLength"),
    ],
)
def test_what_takes_less_is_named(new, what):
    assert any(what in found for found in narrowings(BASE, new)), narrowings(BASE, new)


def test_a_new_duty_is_a_break():
    new = changed()
    new["$defs"]["A"]["required"] = ["n", "hash"]
    assert narrowings(BASE, new) == ["#/$defs/A/hash: required now"]


def test_methods_of_a_protocol_may_come_but_not_go():
    old = schema(CONTRACTS["protocol"])
    new = copy.deepcopy(old)
    del new["x-methods"]["ra.type_of"]
    new["$defs"]["Call"]["properties"]["method"]["enum"].remove("ra.type_of")
    assert "#/$defs/Call/method: 'ra.type_of' no longer taken" in narrowings(old, new)
    assert "x-methods/ra.type_of/result: gone" in narrowings(old, new)
    assert narrowings(new, old) == []


def test_a_result_that_another_method_has_too_still_belongs_to_its_method():
    old = schema(CONTRACTS["protocol"])
    new = copy.deepcopy(old)
    new["x-methods"]["ra.type_of"]["result"] = {"type": "string"}
    assert "#/$defs/TypeOf: object no longer taken" in narrowings(old, new)


@pytest.mark.parametrize("name", CONTRACTS)
def test_every_schema_is_compatible_with_itself(name):
    one = schema(CONTRACTS[name])
    assert narrowings(one, copy.deepcopy(one)) == []


@pytest.mark.parametrize("name", CONTRACTS)
def test_losing_any_one_property_anywhere_is_noticed(name):
    old = schema(CONTRACTS[name])
    for definition in old["$defs"]:
        for lost in old["$defs"][definition].get("properties", {}):
            new = copy.deepcopy(old)
            del new["$defs"][definition]["properties"][lost]
            assert narrowings(old, new), (definition, lost)
