"""Small programs that compile alone: the listings of Rust's documentation, and excerpts of crates.

One JSON object a line in ``programs/SPLIT.jsonl``: ``id`` (the beginning of the text's hash), ``source`` (its
entry's hash in the ledger), ``path`` (with the crate's name before it),
``edition``, ``text``. What the compiler said of a text is kept beside them, so
that only new texts are asked about.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Final

from . import excerpts, listings, rustc, split
from .documents import Document
from .ledger import Entry
from .sources import RUSTS_OWN
from .split import Split

MAX_BYTES: Final = 8_000
# A crate's own programs are many and alike.
MAX_PER_CRATE: Final = 60


def gather(
    sources: Path,
    entries: Sequence[Entry],
    held_out: Collection[str],
    report: Callable[[str], None],
) -> list[Document]:
    """What may be such a program, out of all admitted ``entries`` below ``sources``; no text twice."""
    found: dict[bytes, Document] = {}
    for entry in sorted(entries, key=lambda entry: (entry.kind, entry.name, entry.version)):
        if not entry.admitted:
            continue
        report(f"cutting {entry.folder}")
        root = sources / entry.folder
        of_entry = excerpts.of_crate(root) if entry.kind == "crate" else listings.of_entry(entry, root)
        for place, listing in of_entry:
            text = listing.text.encode()
            if len(text) <= MAX_BYTES:
                side = split.of(entry, place, held_out)
                document = Document(entry.sha256, entry.name, place, side, text, listing.edition)
                # Held out beats learned from.
                if text not in found or found[text].split == "train":
                    found[text] = document
    return list(found.values())


def write(
    folder: Path, candidates: Sequence[Document], counts: Counter[str], progress: Callable[[int, int], None]
) -> None:
    """Write those of ``candidates`` that compile to ``folder``, one file a split.

    Args:
        counts: told how many are in each split, and how many are not and why.
        progress: told how many texts the compiler has judged, and of how many.
    """
    compiles = _ask(folder, candidates, progress)
    lines: dict[Split, list[str]] = {side: [] for side in split.SPLITS}
    per_crate: Counter[str] = Counter()
    for document in sorted(candidates, key=lambda document: document.sha256):
        name = _name(document)
        if not compiles[name]:
            counts["does not compile alone"] += 1
        elif per_crate[document.crate] >= MAX_PER_CRATE and document.crate not in RUSTS_OWN:
            counts["enough of its crate"] += 1
        else:
            per_crate[document.crate] += 1
            counts[document.split] += 1
            record = {
                "id": name,
                "source": document.source,
                "path": f"{document.crate}/{document.path}",
                "edition": document.edition,
                "text": document.text.decode(),
            }
            lines[document.split].append(json.dumps(record, ensure_ascii=False) + "\n")
    for side in split.SPLITS:
        (folder / f"{side}.jsonl").write_text("".join(lines[side]), encoding="utf-8")


def compiler() -> str:
    """The compiler whose word decides, with its version."""
    return rustc.version()


def _name(document: Document) -> str:
    return document.sha256[:16]


def _ask(folder: Path, programs: Sequence[Document], progress: Callable[[int, int], None]) -> dict[str, bool]:
    """Whether each program compiles, by its id; what is known already is not asked again."""
    folder.mkdir(parents=True, exist_ok=True)
    book = folder / "verdicts.jsonl"
    asked = compiler()
    verdicts: dict[str, bool] = {}
    if book.exists():
        for line in book.read_text(encoding="utf-8").splitlines():
            known = json.loads(line)
            if known["rustc"] == asked:
                verdicts |= known["verdicts"]
    by_edition: dict[str, list[Document]] = defaultdict(list)
    for program in programs:
        if _name(program) not in verdicts:
            by_edition[program.edition].append(program)
    n_all, n_judged = len(programs), len(programs) - sum(map(len, by_edition.values()))
    progress(n_judged, n_all)
    for edition, unknown in sorted(by_edition.items()):
        for start in range(0, len(unknown), 10 * rustc.BATCH):
            some = unknown[start : start + 10 * rustc.BATCH]
            good = rustc.which_compile([program.text.decode() for program in some], edition)
            fresh = {_name(program): verdict for program, verdict in zip(some, good, strict=True)}
            with book.open("a", encoding="utf-8") as file:
                file.write(json.dumps({"rustc": asked, "verdicts": fresh}) + "\n")
            verdicts |= fresh
            n_judged += len(some)
            progress(n_judged, n_all)
    return verdicts
