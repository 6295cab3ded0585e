"""Secrets do not get into a record: they are replaced before anything is written.

Patterns by what their issuers document (fixed prefixes and lengths) and by the names under which people keep
secrets. A false alarm costs a word in a record, a miss costs a secret; so names are matched broadly.
"""

import os
import re
from functools import cache
from pathlib import Path
from typing import Any

MARK = "[secret]"
# A variable's value that is shorter is no secret, and would be found everywhere.
_LENGTH = 8

_BLOCK = re.compile(r"-----BEGIN ([A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?)-----.*?(?:-----END \1-----|\Z)", re.S)
_TOKENS = re.compile(
    r"""(?<![A-Za-z0-9_])(?:
        gh[pousr]_[A-Za-z0-9]{36,}            # GitHub
      | github_pat_[A-Za-z0-9_]{40,}
      | glpat-[A-Za-z0-9_-]{20,}              # GitLab
      | cio[A-Za-z0-9]{32}                    # crates.io
      | npm_[A-Za-z0-9]{36}
      | pypi-[A-Za-z0-9_-]{50,}
      | (?:AKIA|ASIA)[A-Z0-9]{16}             # AWS
      | AIza[A-Za-z0-9_-]{35}                 # Google
      | ya29\.[A-Za-z0-9_-]{20,}
      | xox[abeoprs]-[A-Za-z0-9-]{10,}        # Slack
      | sk-[A-Za-z0-9_-]{20,}
      | [sr]k_(?:live|test)_[A-Za-z0-9]{20,}  # Stripe
      | (?<!-)eyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}  # JSON Web Token
    )""",
    re.X,
)
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


# What every pattern above needs; most texts have none of it and are done.
_TRIGGER = re.compile(
    r"BEGIN |_|-|AKIA|ASIA|AIza|ya29|eyJ|cio|bearer|basic|token|://|passw|passphrase|secret|credential|key",
    re.I,
)


def clean(text: str, *, home: Path | None = None) -> str:
    """The text without secrets; the home folder's path becomes ``~`` and its name ``user``."""
    if _TRIGGER.search(text):
        text = _BLOCK.sub(MARK, text)
        text = _TOKENS.sub(MARK, text)
        text = _BEARER.sub(rf"\1{MARK}", text)
        text = _URL_PASSWORD.sub(rf"\1{MARK}", text)
        text = _NAMED.sub(_hide_value, text)
    if own := _of_environment():
        text = own.sub(MARK, text)
    return _without_home(text, str(home or Path.home())) if "/" in text else text


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


def _member(key: str, item: Any, home: Path | None) -> Any:  # noqa: ANN401  JSON
    if _SECRET_KEY.fullmatch(key):
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


def _hide_value(found: re.Match[str]) -> str:
    if found["bare"] is not None and found["sign"] == "(":
        return found[0]  # a call with a name as argument
    for group, quote in (("double", '"'), ("single", "'"), ("escaped", '\\"'), ("bare", "")):
        if found[group] is not None:
            return f"{found['head']}{quote}{MARK}{quote}"
    return found[0]


def _without_home(text: str, home: str) -> str:
    if home != "/" and home in text:  # the root folder is no secret
        text = re.sub(rf"{re.escape(home)}(?![^/\\\s\"':;,)\]}}])", "~", text)
    if "/home/" in text or "/Users/" in text:  # another machine's, as in a panic message of a foreign build
        text = re.sub(r"(?<![\w/])(/home/|/Users/)([^/\s\"':;,)\]}]+)", r"\1user", text)
    return text
