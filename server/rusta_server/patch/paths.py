"""Which paths a patch may name, judged by the text alone; `disk` judges what is there.

The rules hold on every system, so that a patch made on one is safe on another: a name that Windows or macOS
reads differently is refused on Linux, too.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import PurePosixPath

import pathspec

from .result import ResultCode

Fault = tuple[ResultCode, str]

# https://learn.microsoft.com/windows/win32/fileio/naming-a-file, with the superscript digits.
_DEVICE = re.compile(
    r"(?:con|prn|aux|nul|conin\$|conout\$|clock\$|(?:com|lpt)[0-9¹²³])\s*(?:\..*)?", re.DOTALL
)
_NOT_ON_WINDOWS = re.compile(r'[<>:"|?*\x00-\x1f\x7f]|[. ]$')
# Windows' short name of `.git`.
_SHORT_GIT = re.compile(r"git~[0-9]+")


def fault(path: str, never: Sequence[str] = ()) -> Fault | None:
    """Why a patch must not name `path`; None if it may.

    Args:
        path: relative to the workspace, with `/` between its parts.
        never: patterns of paths that are left alone, see `is_protected`.
    """
    outside = outside_fault(path)
    if outside:
        return outside
    for name in path.split("/"):
        if _DEVICE.fullmatch(_fold(name)) or _NOT_ON_WINDOWS.search(name):
            return ResultCode.RESERVED_NAME, f"{path!r} has a name that some systems reserve: {name!r}"
    if is_protected(path, never):
        return ResultCode.PROTECTED_PATH, f"{path!r} is among the paths that are never touched"
    return None


@lru_cache(maxsize=1024)
def outside_fault(path: str) -> Fault | None:
    """Why `path` is no plain path inside the workspace, or is one of git's own; None if all is well."""
    parts = path.split("/")
    if path.startswith("/"):
        return ResultCode.ABSOLUTE_PATH, f"an edit must stay inside the workspace: {path!r} is absolute"
    if ".." in parts:
        return ResultCode.PARENT_PATH, f"an edit must stay inside the workspace: {path!r}"
    if "\\" in path or "\0" in path or path == "." or str(PurePosixPath(path)) != path:
        return ResultCode.MALFORMED_PATH, f"not a plain path inside the workspace: {path!r}"
    if any(_is_git(name) for name in parts):
        return ResultCode.GIT_FOLDER, f"an edit must not touch the repository's own files: {path!r}"
    return None


def is_protected(path: str, never: Iterable[str]) -> bool:
    """Whether a pattern, written as in a `.gitignore`, covers the path; capitals do not matter."""
    return _spec(tuple(never)).match_file(_fold(path))


def collision(paths: Iterable[str]) -> Fault | None:
    """Two of the paths that are one file on some system, or of which one would have to be a folder."""
    seen: dict[str, str] = {}
    for path in sorted(set(paths)):
        parts = path.split("/")
        for n in range(1, len(parts) + 1):
            prefix, is_file = "/".join(parts[:n]), n == len(parts)
            key = _fold(prefix)
            marked = prefix if is_file else prefix + "/"
            if seen.setdefault(key, marked) != marked:
                return ResultCode.COLLISION, f"{path!r} and {seen[key]!r} are one path on some systems"
    return None


def twin(name: str, names: Iterable[str]) -> str | None:
    """The entry among `names` that is the same file as `name` on some systems, but not spelled alike."""
    folded = _fold(name)
    return next((other for other in names if other != name and _fold(other) == folded), None)


def _fold(text: str) -> str:
    """What macOS and Windows compare: no capitals, one form of accents, and no invisible characters."""
    visible = "".join(c for c in text if unicodedata.category(c) != "Cf")
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", visible).casefold())


@lru_cache(maxsize=8)
def _spec(never: tuple[str, ...]) -> pathspec.GitIgnoreSpec:
    return pathspec.GitIgnoreSpec.from_lines(map(_fold, never))


def _is_git(name: str) -> bool:
    plain = _fold(name).split(":")[0].rstrip(". ")
    return plain == ".git" or _SHORT_GIT.fullmatch(plain) is not None
