"""Which licences let a text be learned from: permissive ones, by what a package says of itself twice.

Both the crate's manifest and the distribution's copyright file are asked, because each is wrong at times:
manifests forget files copied from elsewhere, copyright files lag behind.
"""

import re
from collections.abc import Iterator
from typing import Final

# SPDX identifiers, and below them the names that Debian's copyright files use for the same texts.
PERMISSIVE: Final = frozenset(
    [
        *(
            "mit",
            "mit-0",
            "apache-2.0",
            "bsd-1-clause",
            "bsd-2-clause",
            "bsd-3-clause",
            "isc",
            "zlib",
            "0bsd",
        ),
        *("unlicense", "cc0-1.0", "bsl-1.0", "unicode-3.0", "unicode-dfs-2016", "ncsa", "zpl-2.1"),
        *("blueoak-1.0.0", "libpng-2.0", "wtfpl"),
        *("expat", "mit/x11", "mit-license", "apache-2", "apache2", "apache-2.0-with-llvm-exception"),
        *("bsd-0-clause", "bsd-2", "bsd-3", "boost-1.0", "bsl-1", "cc0", "public-domain"),
        *("unicode", "unicode-data", "unicode-license"),
    ]
)
# Exceptions that only add permissions.
_EXCEPTIONS: Final = frozenset({"llvm-exception"})

_TOKEN = re.compile(r"[()/,]|[^\s()/,]+")


def is_permissive(expression: str) -> bool:
    """Whether an SPDX or DEP-5 licence expression lets one choose only permissive licences.

    ``OR``, ``/`` and ``|`` offer a choice; ``AND`` and a comma demand both sides. What cannot be parsed is
    not permissive.
    """
    tokens = [token.lower() for token in _TOKEN.findall(expression) if token != "|"]
    try:
        verdict, rest = _either(tokens)
    except IndexError:
        return False
    return verdict and not rest


def of_files(copyright_text: str) -> dict[str, str]:
    """The licences of a machine-readable copyright file (DEP-5): its `Files` patterns to their expressions.

    The packaging (``debian/*``) is left out, for it is no part of the sources. Empty if the file is of
    another form.
    """
    found: dict[str, str] = {}
    for stanza in _stanzas(copyright_text):
        if "files" not in stanza or "license" not in stanza:
            continue
        patterns = [pattern for pattern in stanza["files"].split() if not pattern.startswith("debian/")]
        # Only the first line is the expression; the text of the licence may follow.
        expression = stanza["license"].strip().splitlines()[0] if stanza["license"].strip() else ""
        found.update(dict.fromkeys(patterns, expression.strip()))
    return found


def refusal(manifest_licence: str | None, copyright_text: str | None) -> str | None:
    """Why a crate must not be learned from; None if its manifest and its copyright file are permissive."""
    if not manifest_licence:
        return "its manifest names no licence"
    if not is_permissive(manifest_licence):
        return f"its manifest's licence is not permissive: {manifest_licence}"
    if copyright_text is None:
        return "it has no copyright file"
    by_pattern = of_files(copyright_text)
    if not by_pattern:
        return "its copyright file is not machine-readable"
    for pattern, expression in by_pattern.items():
        if not is_permissive(expression):
            return f"its copyright file's licence of {pattern} is not permissive: {expression or 'none'}"
    return None


def _either(tokens: list[str]) -> tuple[bool, list[str]]:
    verdict, tokens = _both(tokens)
    while tokens and tokens[0] in ("or", "/"):
        other, tokens = _both(tokens[1:])
        verdict = verdict or other
    return verdict, tokens


def _both(tokens: list[str]) -> tuple[bool, list[str]]:
    verdict, tokens = _one(tokens)
    while tokens and tokens[0] in ("and", ","):
        tokens = tokens[1:]
        if tokens[0] in ("or", "and"):  # Debian writes "A, and B" and "A, or B"
            if tokens[0] == "or":
                return verdict, tokens
            tokens = tokens[1:]
        other, tokens = _one(tokens)
        verdict = verdict and other
    return verdict, tokens


def _one(tokens: list[str]) -> tuple[bool, list[str]]:
    if tokens[0] == "(":
        verdict, tokens = _either(tokens[1:])
        return verdict and tokens[0] == ")", tokens[1:]
    verdict, tokens = tokens[0] in PERMISSIVE, tokens[1:]
    if tokens and tokens[0] == "with":
        verdict, tokens = verdict and tokens[1] in _EXCEPTIONS, tokens[2:]
    return verdict, tokens


def _stanzas(text: str) -> Iterator[dict[str, str]]:
    for paragraph in re.split(r"\n(?:[ \t]*\n)+", text):
        stanza: dict[str, str] = {}
        name = ""
        for line in paragraph.splitlines():
            if line.startswith("#"):
                continue
            if line[:1] in (" ", "\t") and name:
                stanza[name] += "\n" + line
            elif ":" in line:
                name, _, value = line.partition(":")
                name = name.strip().lower()
                stanza[name] = value
        if stanza:
            yield stanza
