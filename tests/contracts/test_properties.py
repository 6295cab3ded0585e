"""Any value of a contract's type: what is written fits the schema, and is read as the same value."""

import json
import re
from functools import cache

import attrs
import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, FormatChecker
from msgspec import inspect

from rusta_server.config import Config
from rusta_server.contracts import CONTRACTS, BadDocument, read, write
from rusta_server.contracts.examples import EXAMPLES, valid
from rusta_server.contracts.methods import METHODS
from rusta_server.contracts.policy import ProjectFile
from rusta_server.contracts.protocol import Answer, Call, Failure, result_of
from rusta_server.contracts.schema import schema
from rusta_server.shapes import RelativePath, Sha256

NAME = st.text(st.characters(codec="utf-8", exclude_characters="/\\\0"), min_size=1, max_size=8)
# The pattern of paths is all look-ahead, of which hypothesis would find hardly any; that of hashes is slow.
PATH = st.lists(NAME.filter(lambda name: name not in ("..", ".")), min_size=1, max_size=3).map("/".join)
SPECIAL = {
    inspect.type_info(RelativePath).pattern: PATH,
    inspect.type_info(Sha256).pattern: st.binary(min_size=32, max_size=32).map(bytes.hex),
}
# 1.0 is an integer for a schema, and none for us.
NUMBERS = st.floats(allow_nan=False, allow_infinity=False).filter(lambda number: not number.is_integer())
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | NUMBERS | st.text(max_size=5),
    lambda parts: st.lists(parts, max_size=2) | st.dictionaries(st.text(max_size=3), parts, max_size=2),
    max_leaves=4,
)


def values(type_):
    """Values of a type, within the bounds that its annotations give."""
    return of(inspect.type_info(type_))


def of(info):
    match info:
        case inspect.Metadata():
            return of(info.type)
        case inspect.AnyType():
            return JSON
        case inspect.NoneType():
            return st.none()
        case inspect.BoolType():
            return st.booleans()
        case inspect.IntType():
            return st.integers(
                -(2**53) if info.ge is None else info.ge, 2**53 if info.le is None else info.le
            )
        case inspect.FloatType():
            return st.floats(
                info.ge if info.gt is None else info.gt,
                info.le,
                exclude_min=info.gt is not None,
                allow_nan=False,
                allow_infinity=False,
            )
        case inspect.StrType():
            return text(info)
        case inspect.DateType():
            return st.dates()
        case inspect.EnumType():
            return st.sampled_from(info.cls)
        case inspect.LiteralType():
            return st.sampled_from(info.values)
        case inspect.UnionType():
            return st.one_of(*map(of, info.types))
        case inspect.VarTupleType():
            return st.lists(of(info.item_type), min_size=info.min_length or 0, max_size=2).map(tuple)
        case inspect.DictType():
            return st.dictionaries(
                of(info.key_type), of(info.value_type), min_size=info.min_length or 0, max_size=2
            )
        case inspect.DataclassType() | inspect.StructType():
            return st.deferred(lambda: records(info.cls))  # types may contain themselves
    raise TypeError(info)


@cache
def records(class_):
    parts = {field.name: of(field.type) for field in inspect.type_info(class_).fields}
    every = st.fixed_dictionaries(parts).map(lambda fields: made(class_, fields))
    return every.filter(lambda value: value is not None)


def made(type_, fields):
    """A value, or None where a rule between its fields forbids it."""
    try:
        return type_(**fields)
    except ValueError:
        return None


def text(info):
    if info.pattern in SPECIAL:
        return SPECIAL[info.pattern]
    if info.pattern:
        whole = st.from_regex(re.compile(info.pattern), fullmatch=True)
        return whole.filter(lambda found: len(found) <= (info.max_length or 99))
    return st.text(st.characters(codec="utf-8"), min_size=info.min_length or 0, max_size=9)


@cache
def validator(name):
    return Draft202012Validator(schema(CONTRACTS[name]), format_checker=FormatChecker())


relaxed = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much]
)


@pytest.mark.parametrize("name", sorted(CONTRACTS.keys() - {"protocol"}))
@relaxed
@given(st.data())
def test_written_fits_and_is_read_again(name, data):
    (type_,) = CONTRACTS[name].types
    value = data.draw(values(type_))
    document = write(value)
    validator(name).validate(json.loads(document))
    assert read(name, document) == value
    assert write(read(name, document)) == document


@pytest.mark.parametrize("method", METHODS)
@relaxed
@given(st.data())
def test_messages_of_every_method(method, data):
    call = Call(
        data.draw(st.integers(0) | st.text(min_size=1)), method, data.draw(values(METHODS[method].params))
    )
    document = write(call)
    validator("protocol").validate(json.loads(document))
    assert read("protocol", document) == call
    result = data.draw(values(METHODS[method].result))
    answer = Answer(call.id, msgspec.to_builtins(result))
    document = write(answer)
    validator("protocol").validate(json.loads(document))
    again = read("protocol", document)
    assert write(again) == document
    assert result_of(method, again.result) == result


@relaxed
@given(values(ProjectFile))
def test_the_server_takes_every_policy_that_fits(file):
    Config(**attrs.asdict(file.policy))


@relaxed
@given(values(Failure))
def test_failures(failure):
    document = write(failure)
    validator("protocol").validate(json.loads(document))
    assert read("protocol", document) == failure


@pytest.mark.parametrize("name", CONTRACTS)
@relaxed
@given(st.data())
def test_schema_and_reader_agree_on_what_was_tampered_with(name, data):
    document = valid(EXAMPLES[name])
    place = data.draw(st.sampled_from(sorted(places(document), key=str)))
    put(document, place, data.draw(JSON))
    fits = validator(name).is_valid(document)
    try:
        read(name, json.dumps(document).encode())
    except BadDocument as error:
        assert not fits or BETWEEN_FIELDS.search(str(error))
    else:
        assert fits


# What a type checks and a schema cannot say.
BETWEEN_FIELDS = re.compile(r"ends before it starts|\d+ of \d+|without a licence")


def places(part, above=()):
    """The path of every part of a document but the whole."""
    members = part.items() if isinstance(part, dict) else enumerate(part) if isinstance(part, list) else ()
    for name, member in members:
        yield (*above, name)
        yield from places(member, (*above, name))


def put(document, place, value):
    for name in place[:-1]:
        document = document[name]
    document[place[-1]] = value
