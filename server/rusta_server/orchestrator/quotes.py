"""Which words of a section to show: a sentence or two, never reworded."""

import re
from collections.abc import Iterator

from ..tools.docs import Anchor, Block, Section, anchor

# About three lines of a hover.
LONGEST = 280

_END = re.compile(r"[.!?][)”\"’]*(?=\s+[^a-z\s])")
# A full stop after one of these ends no sentence.
_SHORTENED = re.compile(r"\b(?:e\.g|i\.e|etc|vs|cf|resp|approx|no|fig)\.$", re.IGNORECASE)
# What sentences that speak of a way out of an error have in them: first those that say so outright.
_FIXES = tuple(
    re.compile(pattern, re.IGNORECASE | re.VERBOSE)
    for pattern in (
        r"""\b(?:
          to\ (?:fix|solve|resolve|avoid|work\ around|correct|silence|address)\ (?:this|the|it|that)
        | (?:can|could|may|might|should|must)\ (?:\w+\ )?be\ (?:fixed|solved|resolved|avoided|corrected)
        | (?:fix|solution|workaround)\ (?:is|would\ be|may\ be|could\ be|for)
        | ways?\ to\ (?:fix|work\ around) | we\ can\ fix
        )\b""",
        r"""\b(?:
          please\ (?!note|see|refer|keep|check\ out)\w+ | consider\ \w+ing
        | you\ (?:can(?!\ only)|could|should|must|need\ to|have\ to|will\ (?:need|have)\ to|might\ want\ to)
        | try\ (?:this|using|adding|removing|changing) | use\b.*\binstead
        )\b | ^(?:make\ sure|also,?\ verify|verify|ensure|alternatively)\b""",
    )
)
# What they do not have: these speak of the error itself, of other pages, or of a list that follows.
_NO_FIX = re.compile(
    r"""\b(?:
      erroneous | cannot | can['’]t | won['’]t\ work | more\ (?:information|details|about) | learn
    | read\ more | no\ longer | was\ (?:previously|removed) | see\ (?:also|the|rfc) | not\ allowed
    | for\ example | there\ are\ (?:two|three|several|many) | when\ you | because\ you | no\ easy
    | two\ (?:solutions|possibilities) | couple\ of | either: | following: | options: | ways:
    )""",
    re.IGNORECASE | re.VERBOSE,
)

# What rustdoc itself puts before an item's text.
_NOTICE = re.compile(
    r"This is a nightly-only experimental API\.|Available on .+ only\.|Deprecated since |Deprecating in "
)

# The headings under which a lint's page says why.
_REASONS_OF_CLIPPY = {"Why is this bad?", "Why restrict this?"}
_REASONS = {*_REASONS_OF_CLIPPY, "Explanation"}


def sentences(text: str) -> list[str]:
    """The sentences of a paragraph, each a piece of it as it stands."""
    found, start = list[str](), 0
    for end in _END.finditer(text):
        piece = text[start : end.end()]
        if _SHORTENED.search(piece) or piece.count("(") > piece.count(")"):
            continue
        found.append(piece.strip())
        start = end.end()
    return [*found, text[start:].strip()] if text[start:].strip() else found


def opening(section: Section, *, longest: int = LONGEST) -> Anchor | None:
    """The first paragraph, as many of its sentences as fit; None where there is no text to quote.

    A last sentence that only introduces an example is left out.
    """
    block = next(_paragraphs(section), None)
    return _start(section, block, longest) if block else None


def first_sentence(section: Section, *, longest: int = LONGEST) -> Anchor | None:
    """The first sentence of the text, if it is one to quote."""
    block = next(_paragraphs(section), None)
    first = sentences(block.text)[0] if block else ""
    return anchor(section, first, near=block.start) if block and 0 < len(first) <= longest else None


def notice(section: Section) -> Anchor | None:
    """What rustdoc warns of before an item's own text: it is deprecated, experimental, or not everywhere."""
    block = next((block for block in section.blocks if _is_notice(section, block)), None)
    return _start(section, block, LONGEST) if block else None


def heading(section: Section) -> Anchor | None:
    """The heading it stands under; the first sentence where it has none."""
    first = section.blocks[0] if section.blocks else None
    is_heading = first is not None and first.kind == "heading"
    return anchor(section, first.text) if first and is_heading else first_sentence(section)


def naming(section: Section, pattern: re.Pattern[str], *, longest: int = LONGEST) -> Iterator[Anchor]:
    """The sentences in which `pattern` is found, in order."""
    for block in _paragraphs(section):
        for sentence in sentences(block.text):
            if pattern.search(sentence) and len(sentence) <= longest:
                yield anchor(section, sentence.rstrip(":"), near=block.start)


def reason(section: Section) -> Anchor | None:
    """Why there is such a lint, where its page says that under a heading."""
    blocks = iter(section.blocks)
    under = any(block.kind == "heading" and block.text in _REASONS for block in blocks)
    first = next(blocks, None) if under else None
    return _start(section, first, LONGEST) if first and first.kind == "text" else None


def ways_out(section: Section) -> tuple[Anchor, ...]:
    """The sentences of a page that speak of mending an error; some show that only in code, as Clippy does."""
    if _REASONS_OF_CLIPPY & {block.text for block in section.blocks if block.kind == "heading"}:
        return ()
    for pattern in _FIXES:
        found = tuple(one for one in naming(section, pattern) if not _NO_FIX.search(one.quote))
        if found:
            return found
    return ()


def _paragraphs(section: Section) -> Iterator[Block]:
    texts = (block for block in section.blocks if block.kind == "text" and block.text.strip())
    return (block for block in texts if not _is_notice(section, block))


def _is_notice(section: Section, block: Block) -> bool:
    return section.kind == "item" and block.kind == "text" and _NOTICE.match(block.text) is not None


def _start(section: Section, block: Block, longest: int) -> Anchor | None:
    end = 0
    for sentence in sentences(block.text):
        reach = block.text.index(sentence, end) + len(sentence)
        if reach > longest or (end and sentence.endswith(":")):
            break
        end = reach
    return anchor(section, block.text[:end], near=block.start) if end else None
