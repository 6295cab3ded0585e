"""A project's `rusta.toml`: the options of `Config` that belong to the policy."""

from typing import Annotated, Any

from attrs import Attribute, field, fields, frozen, make_class
from msgspec import Meta

from ..config import Config

# How attrs and msgspec call a bound.
_BOUNDS = {">=": "ge", ">": "gt", "<=": "le", "<": "lt"}


def _typed(option: "Attribute[Any]") -> Any:  # noqa: ANN401  a type
    validators: Any = getattr(option.validator, "_validators", (option.validator,))  # several are one `and_`
    bounds = {_BOUNDS[one.compare_op]: one.bound for one in validators if one is not None}
    return Annotated[option.type, Meta(description=option.metadata["help"], **bounds)]


Policy: type[Any] = make_class(
    "Policy",
    {
        option.name: field(default=option.default, type=_typed(option))
        for option in fields(Config)
        if option.metadata.get("policy")
    },
    frozen=True,
    class_body={"__doc__": "What fixes may be shown and written in this project, and what is kept of them."},
)


@frozen
class ProjectFile:
    """The content of a project's `rusta.toml`."""

    policy: Policy = field(factory=Policy)  # type: ignore[valid-type]  # made of the options above
