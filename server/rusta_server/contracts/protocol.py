"""Messages to tools and from them: JSON-RPC 2.0.

A message is a `Call`, an `Answer` or a `Failure`. The parameters of a call and the result of an answer have
the types that `METHODS` gives for the method. Traces record a call's parameters as a probe's input and its
result as the output.
"""

from typing import Any, Literal

import msgspec
from attrs import field, frozen

from ..patch.result import ResultCode
from ..shapes import Count, Text
from .methods import METHODS

Id = Count | Text


@frozen
class Call:
    """A tool is asked.

    Attributes:
        id: of this question; its answer has it, too.
        params: a value of the method's type.
    """

    id: Id
    method: str
    params: Any
    jsonrpc: Literal["2.0"] = "2.0"


@frozen
class Answer:
    """What a tool answers.

    Attributes:
        id: of the call.
        result: JSON of one of the methods' types; `result_of` reads it.
    """

    id: Id
    result: Any
    jsonrpc: Literal["2.0"] = "2.0"


@frozen
class Details:
    """What a person or a program can do about an error.

    Attributes:
        hint: the next step, often a command.
        result: what became of a patch.
        path: the file it is about.
    """

    hint: str | None = None
    result: ResultCode | None = None
    path: str | None = None


@frozen
class Error:
    """Why there is no result.

    Attributes:
        code: as JSON-RPC has it; -32000 for an expected failure of the tool.
        message: for a person.
    """

    code: int
    message: Text
    data: Details = field(factory=Details)


@frozen
class Failure:
    """A tool could not answer.

    Attributes:
        id: of the call; null if it could not be read.
    """

    id: Id | None
    error: Error
    jsonrpc: Literal["2.0"] = "2.0"


Message = Call | Answer | Failure


def convert(raw: Any) -> Message:  # noqa: ANN401  JSON
    """Read a message.

    Raises:
        ValueError: it is none, its method is not known, or its content is not of the method's type.
    """
    if not isinstance(raw, dict):
        raise ValueError("not a message: no object")
    if "method" in raw:
        call = msgspec.convert(raw, Call)
        if call.method not in METHODS:
            raise ValueError(f"no such method: {call.method!r}")
        return Call(call.id, call.method, msgspec.convert(call.params, METHODS[call.method].params))
    if "error" in raw:
        return msgspec.convert(raw, Failure)
    answer = msgspec.convert(raw, Answer)
    if not any(_is_of(answer.result, method.result) for method in METHODS.values()):
        raise ValueError("the result is that of no method")
    return answer


def result_of(method: str, result: Any) -> Any:  # noqa: ANN401  JSON, a value of the method's type
    """Read an answer's result.

    Raises:
        ValueError: it is not of the method's type.
    """
    return msgspec.convert(result, METHODS[method].result)


def shape() -> dict[str, Any]:
    """The JSON Schema of a message; ``x-methods`` says which result belongs to which method."""
    types = [part for method in METHODS.values() for part in (method.params, method.result)]
    (call, answer, failure, *parts), definitions = msgspec.json.schema_components(
        (Call, Answer, Failure, *types), ref_template="#/$defs/{name}"
    )
    params = dict(zip(METHODS, parts[::2], strict=True))
    results = dict(zip(METHODS, parts[1::2], strict=True))
    definitions["Call"]["properties"]["method"] = {"enum": list(METHODS)}
    definitions["Call"]["anyOf"] = [
        {"properties": {"method": {"const": name}, "params": params[name]}} for name in METHODS
    ]
    definitions["Answer"]["properties"]["result"] = {"anyOf": list(results.values())}
    return {
        "anyOf": [call, answer, failure],
        "$defs": definitions,
        "x-methods": {name: {"params": params[name], "result": results[name]} for name in METHODS},
    }


def _is_of(value: Any, type_: Any) -> bool:  # noqa: ANN401  JSON, a type
    try:
        msgspec.convert(value, type_)
    except msgspec.ValidationError:
        return False
    return True
