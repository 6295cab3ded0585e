"""Whether a schema only adds to an earlier one: what it no longer takes, part by part."""

from collections.abc import Iterator
from typing import Any

Json = dict[str, Any]

_ANNOTATIONS = ("$schema", "$id", "$defs", "$ref", "title", "description", "default", "x-version")
_LEAST = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
_MOST = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
# Each of these has a rule below.
_RULED = (
    *("type", "enum", "const", "required", "properties", "anyOf", "x-methods"),
    *("items", "additionalProperties", "propertyNames"),
)


def narrowings(old: Json, new: Json) -> list[str]:
    """What `old` takes and `new` does not, each as a place and a few words; empty if `new` only adds.

    A property that is gone counts, too, though readers pass over what they do not know. Whatever else
    constrains `new` and did not constrain `old` in the same words is taken for narrower.
    """
    comparison = _Comparison(old, new)
    found = [*comparison.of(old, new, ""), *comparison.of_methods()]
    return sorted(set(found))


_ANYTHING: Json = {}
_NOTHING: Json = {"not": {}}


class _Comparison:
    """Two whole documents, in which references are looked up."""

    def __init__(self, old: Json, new: Json) -> None:
        self._old, self._new = old, new
        self._compared: set[tuple[int, int]] = set()

    def of(self, old: Json, new: Json, at: str) -> Iterator[str]:
        """Compare two parts that stand at the same place."""
        at = old.get("$ref", at)
        old, new = _resolved(old, self._old), _resolved(new, self._new)
        if (id(old), id(new)) in self._compared:  # or being compared: types may contain themselves
            return
        self._compared.add((id(old), id(new)))
        yield from _types(old, new, at)
        yield from _values(old, new, at)
        yield from _bounds(old, new, at)
        for name in sorted(set(new.get("required", ())) - set(old.get("required", ()))):
            yield f"{at}/{name}: required now"
        if "properties" in new or "anyOf" not in new:  # else an alternative has them
            yield from self._members(old.get("properties", {}), new.get("properties", {}), at)
        for keyword in ("items", "additionalProperties", "propertyNames"):
            if keyword in new:
                yield from self.of(_part(old, keyword), _part(new, keyword), f"{at}/{keyword}")
        yield from self._alternatives(old, new, at)

    def of_methods(self) -> Iterator[str]:
        """Compare what the methods of a protocol are asked and answer."""
        methods = self._new.get("x-methods", {})
        for name, method in self._old.get("x-methods", {}).items():
            yield from self._members(method, methods.get(name, {}), f"x-methods/{name}")

    def _members(self, old: Json, new: Json, at: str) -> Iterator[str]:
        for name, part in old.items():
            if name not in new:
                yield f"{at}/{name}: gone"
            else:
                yield from self.of(part, new[name], f"{at}/{name}")

    def _alternatives(self, old: Json, new: Json, at: str) -> Iterator[str]:
        """Each alternative of the old schema must be taken by one of the new schema's."""
        if "anyOf" not in old and "anyOf" not in new:
            return
        choices = new.get("anyOf", [new])
        for number, part in enumerate(old.get("anyOf", [old])):
            if part in choices:  # if it is a reference, what that says may have changed
                yield from self.of(part, part, f"{at}/anyOf/{number}")
            elif not any(self._takes(part, choice) for choice in choices):
                yield f"{at}/anyOf/{number}: no alternative takes it"

    def _takes(self, old: Json, new: Json) -> bool:
        attempt = _Comparison(self._old, self._new)
        attempt._compared = set(self._compared)
        return not any(True for _ in attempt.of(old, new, ""))


def _resolved(part: Json, document: Json) -> Json:
    while "$ref" in part:
        part = document["$defs"][part["$ref"].removeprefix("#/$defs/")]
    return part


def _part(schema: Json, keyword: str) -> Json:
    """What stands at a keyword; `true` and `false` as what they are short for."""
    part: Json | bool = schema.get(keyword, True)
    if isinstance(part, bool):
        return _ANYTHING if part else _NOTHING
    return part


def _types(old: Json, new: Json, at: str) -> Iterator[str]:
    after = _types_of(new)
    before = _types_of(old)
    if after is None or (before is None and "anyOf" in old):
        return
    if before is None:
        yield f"{at}: only {', '.join(sorted(after))} now"
        return
    taken = after | {"integer"} if "number" in after else after
    for name in sorted(before - taken):
        yield f"{at}: {name} no longer taken"


def _types_of(schema: Json) -> set[str] | None:
    values = _values_of(schema)
    if values is not None:
        return {_TYPE_NAMES[type(value)] for value in values}
    given = schema.get("type")
    return None if given is None else {given} if isinstance(given, str) else set(given)


_TYPE_NAMES = {
    str: "string",
    int: "integer",
    float: "number",
    bool: "boolean",
    type(None): "null",
    list: "array",
    dict: "object",
}


def _values(old: Json, new: Json, at: str) -> Iterator[str]:
    before, after = _values_of(old), _values_of(new)
    if after is None:
        return
    if before is None:
        if "anyOf" not in old:
            yield f"{at}: only certain values now"
        return
    for value in before:
        if value not in after:
            yield f"{at}: {value!r} no longer taken"


def _values_of(schema: Json) -> list[Any] | None:
    return [schema["const"]] if "const" in schema else schema.get("enum")


def _bounds(old: Json, new: Json, at: str) -> Iterator[str]:
    for keyword, value in new.items():
        before = old.get(keyword)
        if keyword in _LEAST:
            narrower = before is None or value > before
        elif keyword in _MOST:
            narrower = before is None or value < before
        else:
            narrower = keyword not in (*_RULED, *_ANNOTATIONS) and value != before
        if narrower:
            yield f"{at}: another {keyword}"
