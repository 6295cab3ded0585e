"""Secrets do not get into a record: they are replaced before anything is written.

Patterns by what their issuers document (fixed prefixes and lengths) and by the names under which people keep
secrets. A false alarm costs a word in a record, a miss costs a secret; so names are matched broadly.
"""

import re
from pathlib import Path
from typing import Any

MARK = "[secret]"

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
      | eyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}  # JSON Web Token
    )""",
    re.X,
)
_BEARER = re.compile(r"\b((?:Bearer|Basic|token)\s+)[A-Za-z0-9._~+/=-]{16,}", re.I)
_URL_PASSWORD = re.compile(r"\b([a-z][a-z0-9+.-]*://[^\s/:@]*:)[^\s/@]+(?=@)", re.I)
_WORDS = r"password|passwd|passphrase|secret|api[_-]?key|access[_-]?key|auth[_-]?token|private[_-]?key"
_NAME = rf"[A-Za-z0-9_.-]{{0,40}}(?:{_WORDS})[A-Za-z0-9_.-]{{0,40}}"
_NAMED = re.compile(
    rf"""(?P<head>\b{_NAME}["']?\s*(?::\s*&?(?:'static\s+)?(?:str|String)\s*)?(?:=>|=|:)\s*(?:b|r\#*)?)"""
    r"""(?:"(?P<double>[^"\n]{4,})"|'(?P<single>[^'\n]{4,})'|(?P<bare>[A-Za-z0-9/+_.~-]{12,}=*))""",
    re.I,
)


# What every pattern above needs; most texts have none of it and are done.
_TRIGGER = re.compile(
    r"BEGIN |_|-|AKIA|ASIA|AIza|ya29|eyJ|cio|bearer|basic|token|://|passw|passphrase|secret|key", re.I
)


def clean(text: str, *, home: Path | None = None) -> str:
    """The text without secrets; the home folder's path becomes ``~`` and its name ``user``."""
    if _TRIGGER.search(text):
        text = _BLOCK.sub(MARK, text)
        text = _TOKENS.sub(MARK, text)
        text = _BEARER.sub(rf"\1{MARK}", text)
        text = _URL_PASSWORD.sub(rf"\1{MARK}", text)
        text = _NAMED.sub(_hide_value, text)
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


_SECRET_KEY = re.compile(rf"^{_NAME}$", re.I)


def _member(key: str, item: Any, home: Path | None) -> Any:  # noqa: ANN401  JSON
    if isinstance(item, str) and item and _SECRET_KEY.match(key):
        return MARK
    return clean_value(item, home=home)


def _hide_value(found: re.Match[str]) -> str:
    for group, quote in (("double", '"'), ("single", "'"), ("bare", "")):
        if found[group] is not None:
            return f"{found['head']}{quote}{MARK}{quote}"
    return found[0]


def _without_home(text: str, home: str) -> str:
    if home != "/" and home in text:  # the root folder is no secret
        text = re.sub(rf"{re.escape(home)}(?![^/\\\s\"':;,)\]}}])", "~", text)
    if "/home/" in text or "/Users/" in text:  # another machine's, as in a panic message of a foreign build
        text = re.sub(r"(?<![\w/])(/home/|/Users/)([^/\s\"':;,)\]}]+)", r"\1user", text)
    return text
