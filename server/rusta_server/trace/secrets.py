"""Secrets do not get into a record: they are replaced before anything is written.

Patterns by what their issuers document (fixed prefixes and lengths) and by the names under which people keep
secrets. A false alarm costs a word in a record, a miss costs a secret; so names are matched broadly.
"""

import os
import re
from collections.abc import Callable, Iterator
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

MARK = "[secret]"
# A variable's value that is shorter is no secret, and would be found everywhere.
_LENGTH = 8
# What is taken out may uncover another; the second pass finds it, if ever.
_MOST_PASSES = 3

_BLOCK = re.compile(r"-----BEGIN ([A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?)-----.*?(?:-----END \1-----|\Z)", re.S)
_ISSUERS = {
    "GitHub token": r"gh[pousr]_[A-Za-z0-9]{36,} | github_pat_[A-Za-z0-9_]{40,}",
    "GitLab token": r"glpat-[A-Za-z0-9_-]{20,}",
    "crates.io token": r"cio[A-Za-z0-9]{32}",
    "npm token": r"npm_[A-Za-z0-9]{36}",
    "PyPI token": r"pypi-[A-Za-z0-9_-]{50,}",
    "AWS key": r"(?:AKIA|ASIA)[A-Z0-9]{16}",
    "Google key": r"AIza[A-Za-z0-9_-]{35} | ya29\.[A-Za-z0-9_-]{20,}",
    "Slack token": r"xox[abeoprs]-[A-Za-z0-9-]{10,}",
    "Stripe key": r"[sr]k_(?:live|test)_[A-Za-z0-9]{20,}",
    "key that begins with sk-": r"sk-[A-Za-z0-9_-]{20,}",
    "JSON Web Token": r"(?<!-)eyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}",
}
# Several without a space between them are one.
_TOKENS = re.compile(rf"(?<![A-Za-z0-9_])(?:{'|'.join(_ISSUERS.values())})+", re.X)
_BEARER = re.compile(r"\b((?:Bearer|Basic|token)\s{1,20})[A-Za-z0-9._~+/=-]{16,}", re.I)
_URL_PASSWORD = re.compile(r"(://[^\s/:@]{0,100}:)[^\s/@]{1,400}(?=@)")
_WORDS = (
    r"password|passwd|passphrase|secret|credential|api[_-]?key|access[_-]?key|private[_-]?key"
    r"|(?:access|api|auth|refresh|session)[_-]?token|(?-i:[A-Z]_TOKEN)"
)
# Every part is bounded or stops at the next start: the time is linear in the text.
_NAMED = re.compile(
    rf"""(?P<head>(?:{_WORDS})[A-Za-z0-9_.-]{{0,40}}+\\?["']?\s{{0,9}}"""
    r"""(?::\s{0,9}&?(?:'static\s{1,9})?(?:str|String)\s{0,9})?(?P<sign>=>|=|:|\()\s{0,9}"""
    r"""(?:[A-Za-z][A-Za-z0-9_:]{0,60}\(\s{0,9})?(?:b?r\#{0,9}|[bc])?)"""
    r"""(?:"(?P<double>(?:[^"\\\n]|\\.){4,})"|'(?P<single>(?:[^'\\\n]|\\.){4,})'"""
    r"""|\\"(?P<escaped>[^"\\\n]{4,})\\"|(?P<bare>[A-Za-z0-9/+_.~-]{12,}+=*)(?!\(|::))""",
    re.I | re.S,
)


def _hide_value(found: re.Match[str]) -> str:
    if found["bare"] is not None and found["sign"] == "(":
        return found[0]  # a call with a name as argument
    for group, quote in (("double", '"'), ("single", "'"), ("escaped", '\\"'), ("bare", "")):
        if found[group] is not None:
            return f"{found['head']}{quote}{MARK}{quote}"
    return found[0]


_OWN = "value of a variable of this machine"
_NAMED_SO = "value beside a secret's name"
_RULES: tuple[tuple[str, re.Pattern[str], str | Callable[[re.Match[str]], str]], ...] = (
    ("private key", _BLOCK, MARK),
    ("token", _TOKENS, MARK),
    ("authorization", _BEARER, rf"\1{MARK}"),
    ("password in an address", _URL_PASSWORD, rf"\1{MARK}"),
    (_NAMED_SO, _NAMED, _hide_value),
)


def _issuer(token: str) -> str:
    return next(name for name, pattern in _ISSUERS.items() if re.match(pattern, token, re.X))


# What every pattern above needs; most texts have none of it and are done.
_TRIGGER = re.compile(
    r"BEGIN |gh[pousr]_|github_pat_|glpat-|cio[A-Za-z0-9]{32}|npm_|pypi-|A[KS]IA|AIza|ya29|xox[abeoprs]-|sk-"
    r"|[sr]k_|eyJ|://|(?i:bearer|basic|token|passw|passphrase|secret|credential|key)"
)


def clean(text: str, *, home: Path | None = None) -> str:
    """The text without secrets; the home folder's path becomes ``~`` and its name ``user``.

    What comes out has none (`kinds`), so it can be taken over elsewhere as it is.
    """
    # The folder first: a value beside a secret's name may be long enough for one only with the new name.
    return _without_secrets(_without_home(text, str(home or Path.home())) if "/" in text else text)


def _without_secrets(text: str) -> str:
    for _ in range(_MOST_PASSES):
        cleaned = text
        if _TRIGGER.search(text):
            for _, pattern, replacement in _RULES:
                cleaned = pattern.sub(replacement, cleaned)
        if own := _of_environment():
            cleaned = own.sub(MARK, cleaned)
        if cleaned == text:
            break
        text = cleaned
    return text


def kinds(text: str) -> list[str]:
    """What secrets are in a text, in words; none if `clean` would change nothing but the home folder."""
    if _without_secrets(text) == text:
        return []
    found: list[str] = []
    for kind, pattern, replacement in _RULES:
        if pattern is _TOKENS:
            found += [_issuer(token[0]) for token in pattern.finditer(text)]
        cleaned = pattern.sub(replacement, text)
        if pattern is not _TOKENS and cleaned != text:
            found.append(kind)
        text = cleaned
    own = _of_environment()
    return [*found, *([_OWN] if own and own.search(text) else [])]


def find(value: Any) -> Iterator[tuple[str, str]]:  # noqa: ANN401  JSON
    """Where secrets are in a JSON value, and what they are: ``(".output.errors[2]", "GitHub token")``.

    Nothing is found in what `clean_value` returned.
    """
    match value:
        case str():
            yield from (("", kind) for kind in kinds(value))
        case dict():
            for key, item in value.items():
                yield from _find_in_key(key)
                for place, kind in _find_in_member(key, item):
                    yield f".{clean(key)}{place}", kind
        case list() | tuple():
            for number, item in enumerate(value):
                yield from ((f"[{number}]{place}", kind) for place, kind in find(item))


@lru_cache(1024)  # a trace has few
def _find_in_key(key: str) -> list[tuple[str, str]]:
    return [(f".{clean(key)}", kind) for kind in kinds(key)]


def _find_in_member(key: str, item: Any) -> Iterator[tuple[str, str]]:  # noqa: ANN401  JSON
    if not _is_secret(key):
        yield from find(item)
    elif isinstance(item, str):
        if item not in ("", MARK):
            yield "", _NAMED_SO
    elif isinstance(item, list | tuple):
        for number, part in enumerate(item):
            yield from ((f"[{number}]{place}", kind) for place, kind in _find_in_member(key, part))
    else:
        yield from find(item)


def clean_value(value: Any, *, home: Path | None = None) -> Any:  # noqa: ANN401  JSON
    """The same for every string of a JSON value, keys included."""
    match value:
        case str():
            return clean(value, home=home)
        case dict():
            return {clean(key, home=home): _member(key, item, home) for key, item in value.items()}
        case list() | tuple():
            return [clean_value(item, home=home) for item in value]
        case _:
            return value


_SECRET_KEY = re.compile(rf"[A-Za-z0-9_.-]{{0,40}}(?:{_WORDS})[A-Za-z0-9_.-]{{0,40}}(?<!\.rs)", re.I)


@lru_cache(1024)
def _is_secret(key: str) -> bool:
    return _SECRET_KEY.fullmatch(key) is not None


def _member(key: str, item: Any, home: Path | None) -> Any:  # noqa: ANN401  JSON
    if _is_secret(key):
        if isinstance(item, str) and item:
            return MARK
        if isinstance(item, list | tuple):
            return [_member(key, part, home) for part in item]
    return clean_value(item, home=home)


@cache
def _of_environment() -> re.Pattern[str] | None:
    """The values of this process's variables that are secrets by their names, wherever they are printed."""
    values = [
        value for name, value in os.environ.items() if _SECRET_KEY.fullmatch(name) and len(value) >= _LENGTH
    ]
    return re.compile("|".join(map(re.escape, sorted(values, key=len, reverse=True)))) if values else None


def _without_home(text: str, home: str) -> str:
    if home != "/" and home in text:  # the root folder is no secret
        text = re.sub(rf"{re.escape(home)}(?![^/\\\s\"':;,)\]}}])", "~", text)
    if "/home/" in text or "/Users/" in text:  # another machine's, as in a panic message of a foreign build
        text = re.sub(r"(?<![\w/])(/home/|/Users/)([^/\s\"':;,)\]}]+)", r"\1user", text)
    return text
