"""Misspelled names: what slips from fingers, and what a habit from another language makes of a name."""

import re

KEYWORDS = frozenset(
    [
        *(
            "as",
            "async",
            "await",
            "break",
            "const",
            "continue",
            "crate",
            "dyn",
            "else",
            "enum",
            "extern",
            "false",
        ),
        *(
            "fn",
            "for",
            "if",
            "impl",
            "in",
            "let",
            "loop",
            "match",
            "mod",
            "move",
            "mut",
            "pub",
            "ref",
            "return",
        ),
        *(
            "self",
            "Self",
            "static",
            "struct",
            "super",
            "trait",
            "true",
            "type",
            "unsafe",
            "use",
            "where",
            "while",
        ),
        *("abstract", "become", "box", "do", "final", "gen", "macro", "override", "priv", "try", "typeof"),
        *("unsized", "virtual", "yield"),
    ]
)
_NEIGHBOURS = {
    "a": "s", "b": "v", "c": "x", "d": "s", "e": "r", "f": "d", "g": "h", "h": "j", "i": "o", "j": "k",
    "k": "l",
    "l": "k", "m": "n", "n": "m", "o": "p", "p": "o", "q": "w", "r": "t", "s": "d", "t": "r", "u": "i",
    "v": "b",
    "w": "e", "x": "c", "y": "u", "z": "x",
}  # fmt: skip


def misspelled(word: str, luck: int) -> str | None:
    """`word` with one slip, chosen by `luck`; None if it is too short or none gives a usable name."""
    if not word:
        return None
    kinds = (_swap, _drop, _double, _neighbour, _plural, _case, _swap, _drop)
    for turn in range(len(kinds)):
        wrong = kinds[(luck + turn) % len(kinds)](word, luck // len(kinds))
        if wrong != word and wrong not in KEYWORDS and re.fullmatch(r"[A-Za-z_]\w*", wrong) and wrong != "_":
            return wrong
    return None


def snake(word: str) -> str:
    """`HashMap` → `hash_map`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", word).lower()


def camel(word: str) -> str:
    """`push_str` → `pushStr`."""
    head, *rest = word.split("_")
    return head + "".join(part.capitalize() for part in rest)


def _swap(word: str, luck: int) -> str:
    if len(word) < 3:
        return word
    at = 1 + luck % (len(word) - 2)
    return word[:at] + word[at + 1] + word[at] + word[at + 2 :]


def _drop(word: str, luck: int) -> str:
    if len(word) < 3:
        return word
    at = 1 + luck % (len(word) - 1)
    return word[:at] + word[at + 1 :]


def _double(word: str, luck: int) -> str:
    at = luck % len(word)
    return word[:at] + word[at] + word[at:] if len(word) > 1 else word


def _neighbour(word: str, luck: int) -> str:
    at = luck % len(word)
    return word[:at] + _NEIGHBOURS.get(word[at], word[at]) + word[at + 1 :]


def _plural(word: str, _luck: int) -> str:
    if len(word) < 3:
        return word
    return word[:-1] if word.endswith("s") else word + "s"


def _case(word: str, luck: int) -> str:
    if "_" in word.strip("_") and word.islower():
        return camel(word) if luck % 2 else word.replace("_", "")
    if word[0].isupper() and not word.isupper():
        return snake(word) if luck % 2 else word[0] + word[1:].lower()
    return word
