"""Names that somebody may have meant."""

import re
from typing import TYPE_CHECKING

from rapidfuzz import fuzz, process

if TYPE_CHECKING:
    from .store import Docs

_CODE = re.compile(r"[Ee]?\d+$")
_LEAST = 60


def similar(docs: "Docs", text: str, k: int) -> tuple[str, ...]:
    """See `Docs.similar`."""
    wanted = text.strip().removesuffix("()")
    if not wanted:
        return ()
    if _CODE.match(wanted):
        codes = [row[0] for row in docs.rows("SELECT id FROM section WHERE kind = 'error'")]
        number = int(wanted.lstrip("Ee"))
        near = sorted(
            codes, key=lambda code: (-fuzz.ratio(wanted.upper(), code), abs(int(code[1:]) - number))
        )
        return tuple(near[:k])
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
