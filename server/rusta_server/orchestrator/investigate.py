"""What would settle whether a fix is right, where Rusta is not sure enough to call it an answer."""

from typing import Literal

from ..patch.proof import Level
from ..tools.diagnostic import Diagnostic


def next_probe(
    error: Diagnostic,
    level: Level,
    tests: Literal["green", "red", "none", "unasked"],
    *,
    run_tests: bool = True,
) -> str:
    """The next thing to ask, in words for a person; the fix itself is proven to `level`.

    Args:
        tests: what they said, as in `policy.Facts`.
        run_tests: whether they may be run at all.
    """
    primary = error.primary
    place = f"{primary.path}:{primary.line}" if primary else "the changed line"
    if level < Level.V2:
        return "mend the other errors: until then the compiler does not judge the whole of it"
    if tests == "red":
        return "read what the failing tests expect"
    if not run_tests:
        return "let the tests run (they were left out)"
    if level >= Level.V3:
        return f"see whether a test runs {place}: those that there are pass"
    if tests == "unasked":
        return "run the tests"
    return f"write a test that runs {place}, and ask again"
