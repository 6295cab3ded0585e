"""Names that somebody may have meant."""

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from rapidfuzz import fuzz, process
from rapidfuzz.distance import Prefix

if TYPE_CHECKING:
    from .store import Docs

_CODE = re.compile(r"[Ee]?\d{1,9}$")
_LEAST = 60


def similar(docs: "Docs", text: str, k: int) -> tuple[str, ...]:
    """See `Docs.similar`."""
    wanted = text.strip().removesuffix("()")
    if not wanted:
        return ()
    if _CODE.match(wanted):
        return near_codes(
            wanted, [row[0] for row in docs.rows("SELECT id FROM section WHERE kind = 'error'")], k
        )
    n_segments = wanted.count("::") + 1
    names: dict[str, str] = {}
    rows = docs.rows("SELECT id FROM section WHERE kind = 'item' AND page NOT LIKE 'core/arch/%'")
    for (path,) in rows:
        end = "::".join(path.split("::")[-n_segments:])
        if len(path) < len(names.get(end, path + " ")):
            names[end] = path
    for (title,) in docs.rows("SELECT title FROM section WHERE kind = 'lint'"):
        names.setdefault(title, title)
    found = process.extract(wanted, names.keys(), scorer=fuzz.ratio, limit=k, score_cutoff=_LEAST)
    return tuple(names[name] for name, _, _ in found)


def near_codes(wanted: str, codes: Iterable[str], k: int) -> tuple[str, ...]:
    """The codes that look most like an error code; of equals those that begin alike, then near numbers."""
    if not _CODE.match(wanted):
        return ()
    asked = f"E{wanted.lstrip('Ee')}"
    number = int(asked[1:])

    def rank(code: str) -> tuple[float, int, int]:
        return -fuzz.ratio(asked, code), -Prefix.similarity(asked, code), abs(int(code[1:]) - number)

    return tuple(sorted(codes, key=rank)[:k])
