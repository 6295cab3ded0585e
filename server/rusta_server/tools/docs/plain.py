"""Text of unknown authors, made fit to be quoted on one line of a terminal or an editor."""

import re

# C0 and C1 controls, and what turns the reading direction around: with these a text shows other than it is.
_STEERING = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]")
_LONE_SURROGATES = re.compile(r"[\ud800-\udfff]")
# A paragraph longer than this is no sentence to quote.
LONGEST = 20_000


def plain(text: str) -> str:
    """`text` on one line: white space folded, characters that steer what is shown replaced."""
    return visible(" ".join(text[: 2 * LONGEST].split()))[:LONGEST]


def plain_code(text: str) -> str:
    """`text` with its lines and indentation kept, characters that steer what is shown replaced."""
    lines = text[:LONGEST].expandtabs(4).splitlines()
    return "\n".join(visible(line).rstrip() for line in lines).strip("\n")


def visible(text: str) -> str:
    """`text` with each character that steers what is shown (escape, bidi override) replaced by U+FFFD."""
    return _LONE_SURROGATES.sub("\ufffd", _STEERING.sub("\ufffd", text))
