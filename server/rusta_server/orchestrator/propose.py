"""Ask every source for candidates and put them in the order in which they are tried."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from attrs import evolve

from ..candidates import Candidate, Context, Propose, Rank, Source, rules, rustc
from ..candidates.model import SHIPPED, ByteModel
from ..config import Config
from ..patch import diff
from ..patch.edit import Edit, EditError, apply
from ..tools.diagnostic import Diagnostic

SOURCES: tuple[Propose, ...] = (rustc.propose, rules.propose)

Found = tuple[Candidate, dict[str, bytes]]
"""A candidate and the files as they would become."""

ASK_BELOW = 0.02
"""The model is asked about an error when the likeliest candidate left for it is less likely than this.

So it comes last: asked earlier it mended no more, and cost more compiler runs (README, Figures).
"""


def model_of(config: Config) -> ByteModel | None:
    """The byte model as the settings want it; None if it is switched off, or nowhere to be found.

    It is opened when it is first asked. Make one for a process, not one for a search.
    """
    folder = model_folder(config)
    if not config.model or not folder.is_dir():
        return None
    return ByteModel(folder, config.model_threads)


def model_folder(config: Config) -> Path:
    """Where the weights lie, or would lie."""
    return Path(config.model_dir).expanduser().absolute() if config.model_dir else SHIPPED


def split_sure(found: Sequence[Found]) -> tuple[list[Found], list[Found]]:
    """Those that are tried before the model is asked, and the rest; both likeliest first."""
    sure = [one for one in found if one[0].prior >= ASK_BELOW]
    return sure, [one for one in found if one[0].prior < ASK_BELOW]


class Sources(Mapping[str, Source]):
    """The files of one variant as `Source` objects, parsed once."""

    def __init__(self, files: Mapping[str, bytes], variant: Mapping[str, bytes]) -> None:
        self._files, self._variant = files, variant
        self._made: dict[str, Source] = {}

    def __getitem__(self, path: str) -> Source:
        if path not in self._made:
            text = self._variant[path] if path in self._variant else self._files[path]
            self._made[path] = Source(path, text)
        return self._made[path]

    def __contains__(self, path: object) -> bool:
        """Whether there is such a file; it is not read for that."""
        return path in self._variant or path in self._files

    def __iter__(self) -> Iterator[str]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)

    def n_changed_lines(self, after: Mapping[str, bytes]) -> int:
        """Lines removed plus lines added from these files to `after`."""
        return diff.n_changed_lines(self.contents(), after)

    def contents(self) -> Mapping[str, bytes]:
        """The same files as plain bytes."""
        return _Contents(self)


class _Contents(Mapping[str, bytes]):
    def __init__(self, sources: Sources) -> None:
        self._sources = sources

    def __getitem__(self, path: str) -> bytes:
        return self._sources[path].text

    def __iter__(self) -> Iterator[str]:
        return iter(self._sources)

    def __len__(self) -> int:
        return len(self._sources)


def candidates(
    diagnostic: Diagnostic,
    siblings: Sequence[Diagnostic],
    sources: Sources,
    *,
    edition: str,
    proposers: Sequence[Propose] = SOURCES,
) -> list[Found]:
    """The candidates for `diagnostic`, likeliest first.

    Candidates that lead to the same bytes are one; those with a hole in them or that change nothing are none.
    """
    context = Context(diagnostic, siblings, sources, edition)
    return _distinct((candidate for propose in proposers for candidate in propose(context)), sources)


def ranked(
    diagnostic: Diagnostic,
    siblings: Sequence[Diagnostic],
    sources: Sources,
    found: Sequence[Found],
    *,
    edition: str,
    rank: Rank,
) -> list[Found]:
    """What was found for `diagnostic` in the order of `rank`, with what that adds."""
    context = Context(diagnostic, siblings, sources, edition)
    return _distinct(rank(context, [candidate for candidate, _ in found]), sources)


def _distinct(proposed: Iterable[Candidate], sources: Sources) -> list[Found]:
    """Candidates that change something, one for each effect, likeliest first."""
    best: dict[tuple[tuple[str, bytes], ...], tuple[Candidate, dict[str, bytes]]] = {}
    for candidate in proposed:
        if candidate.has_placeholder:
            continue
        try:
            candidate = evolve(candidate, edits=_with_line_ends(candidate.edits, sources))
            after = apply(sources.contents(), candidate.edits)
        except EditError:
            continue
        if all(sources[path].text == text for path, text in after.items()):
            continue
        key = tuple(sorted(after.items()))
        if key not in best or best[key][0].prior < candidate.prior:
            best[key] = (candidate, after)
    return sorted(best.values(), key=lambda pair: -pair[0].prior)


def _with_line_ends(edits: Iterable[Edit], sources: Mapping[str, Source]) -> tuple[Edit, ...]:
    """The same edits with the line ends of the files they are for: proposers write `\\n`."""
    return tuple(
        _with_crlf(edit, sources[edit.path].text)
        if b"\n" in edit.text and edit.path in sources and _has_crlf(sources[edit.path].text)
        else edit
        for edit in edits
    )


def _has_crlf(text: bytes) -> bool:
    first = text.find(b"\n")
    return first > 0 and text[first - 1 : first] == b"\r"


def _with_crlf(edit: Edit, text: bytes) -> Edit:
    if edit.start == edit.end and text[edit.start - 1 : edit.start + 1] == b"\r\n":
        edit = evolve(edit, start=edit.start - 1, end=edit.end - 1)  # the end of a line is before both
    before = text[edit.start - 1 : edit.start] if edit.start else b""
    new = re.sub(rb"(?<!\r)\n", b"\r\n", before + edit.text)
    return evolve(edit, text=new[len(before) :])
