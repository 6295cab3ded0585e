"""Text of unknown authors, made fit to be quoted on one line of a terminal or an editor."""

import re

# C0 and C1 controls, what turns the reading direction around, halves of a character: with these a text
# shows other than it is, or a terminal does something.
_STEERING = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufff9-\ufffb\ud800-\udfff]"
)
# What has no width, but for the two joiners that some scripts and emoji need.
_UNSEEN = re.compile(r"[\u00ad\u180e\u200b\u2060-\u2065\u206a-\u206f\ufeff\U000e0000-\U000e007f]")
# A paragraph longer than this is no sentence to quote.
LONGEST = 20_000


def plain(text: str) -> str:
    """`text` on one line: white space folded, characters that steer what is shown replaced."""
    return " ".join(visible(" ".join(text[: 2 * LONGEST].split()))[:LONGEST].split())


def plain_code(text: str) -> str:
    """`text` with its lines and indentation kept, characters that steer what is shown replaced."""
    lines = text[:LONGEST].expandtabs(4).splitlines()
    return "\n".join(visible(line).rstrip() for line in lines).strip("\n")


def visible(text: str) -> str:
    """`text` as it reads: U+FFFD for what steers what is shown, nothing for what has no width."""
    return _STEERING.sub("\ufffd", _UNSEEN.sub("", text))
