"""One value, one text: the JSON that hashes are taken of.

Keys sorted by code point, no white space, UTF-8, the shortest digits that give the same float. What
msgspec calls "sorted" order; it differs from RFC 8785 only in the exponents of very large and small floats,
which do not occur here (see `number`).
"""

import hashlib
import math
from typing import Any

import msgspec

_ENCODER = msgspec.json.Encoder(order="sorted")
_DECODER = msgspec.json.Decoder()
_DIGITS = 6


def encode(value: Any) -> bytes:  # noqa: ANN401  JSON
    """The canonical text of a JSON value (dicts with string keys, lists, str, int, float, bool, None)."""
    return _ENCODER.encode(value)


def decode(text: bytes) -> Any:  # noqa: ANN401  JSON
    """Read JSON.

    Raises:
        ValueError: the text is no JSON.
    """
    return _DECODER.decode(text)


def sha(value: Any) -> str:  # noqa: ANN401  JSON
    """SHA-256 of the canonical text, in hex."""
    return sha_of(encode(value))


def sha_of(data: bytes) -> str:
    """SHA-256 of bytes, in hex."""
    return hashlib.sha256(data).hexdigest()


def number(value: float) -> float:
    """A float as records keep it: six decimals, so that every machine writes the same digits.

    Raises:
        ValueError: the value is infinite or no number.
    """
    if not math.isfinite(value):
        raise ValueError(f"not a finite number: {value}")
    return round(value, _DIGITS) + 0.0  # no negative zero
