"""How a diagnostic with its code becomes tokens, and how tokens become edits: for training and engine alike.

Tokens are the 256 bytes and some control symbols. A prompt holds the diagnostic and the lines around every
place it speaks of, each line begun by a symbol `LINE_i` that names it:

    BOS DIAG E0382 borrow of moved value: `s` (LABEL LINE_i? text)* (NOTE text (TO replacement)?)*
    (FILE path? (GAP? LINE_i text)*)*  with SPAN … SPAN_END at the primary and MARK … SPAN_END at other places
    EDIT

What follows is the answer: up to two hunks, or a refusal.

    LINE_i old TO new (HUNK LINE_j old TO new)? END   |   ABSTAIN END   |   NEED_PROBE tool target END

`old` stands for its first occurrence that begins on that line; it is found by searching, so the model counts
no columns. It may be empty (then `new` goes before the line) and may go on over several shown lines. Lines
end with `\\n` in answers; prompts need no line ends.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Literal

from attrs import field, frozen

PAD, BOS, DIAG, LABEL, NOTE, FILE, GAP, SPAN, SPAN_END, MARK = range(256, 266)
EDIT, TO, HUNK, END, ABSTAIN, NEED_PROBE, HOLE, FILL = range(266, 274)
LINE_0 = 288
N_LINES = 64
VOCAB = LINE_0 + N_LINES
"""Tokens are smaller than this; 274 to 287 are kept free."""

MAX_PROMPT = 832
"""Tokens of a prompt, unless told otherwise."""
MAX_ANSWER = 192
"""Tokens of an answer. Prompt and answer fit a training context of 1,024."""
MAX_HUNKS = 2

# How much of a prompt the diagnostic may take, and of what pieces.
_DIAGNOSTIC_SHARE = 0.45
_MESSAGE_BYTES = 240
_LABEL_BYTES = 100
_NOTE_BYTES = 140
_REPLACEMENT_BYTES = 60
_MAX_LABELS = 5
_MAX_NOTES = 4
_LINE_BYTES = 300

# The cost of a line by why it is shown: what it starts with, and what each line of distance adds. The
# cheapest lines are taken until the prompt is full.
_NEAR_PRIMARY = (0.0, 1.0)
_NEAR_OTHER = (1.0, 2.0)
_NEAR_NOTE = (2.0, 2.5)
_HEADER_COST = 3.0
_TOP_COST = 9.0

_WORD = re.compile(rb"\w+|\s+|[^\w\s]", re.A)
_MERGE_GAP = 12
"""Edits on one line that are no further apart than this are one hunk."""


@frozen
class Mark:
    """A place that a diagnostic speaks of: the bytes [start, end) of a file.

    Attributes:
        kind: ``primary``, ``secondary`` (a label of the diagnostic itself) or ``note`` (of a note below it).
    """

    path: str
    start: int
    end: int
    kind: Literal["primary", "secondary", "note"]
    label: str = ""


@frozen
class Note:
    """A note or help below a diagnostic, and the text that it suggests, if any."""

    text: str
    replacement: str = ""


@frozen
class Problem:
    """One diagnostic and the files as the compiler saw them.

    Attributes:
        code: ``E0382``, a lint's name, or empty.
        files: at least those that the marks name.
    """

    code: str
    message: str
    marks: tuple[Mark, ...]
    notes: tuple[Note, ...]
    files: Mapping[str, bytes] = field(repr=False)


@frozen(order=True)
class Edit:
    """Replace the bytes [start, end) of a file by `text`."""

    path: str
    start: int
    end: int
    text: bytes


@frozen
class Line:
    """A shown line.

    Attributes:
        start, end: its bytes in the file, without the line end.
        region_end: where the unbroken run of shown lines ends that it belongs to, line end included.
    """

    path: str
    start: int
    end: int
    region_end: int


@frozen
class Prompt:
    """An encoded problem.

    Attributes:
        tokens: from BOS to EDIT.
        lines: token → the line it names.
    """

    tokens: tuple[int, ...]
    lines: Mapping[int, Line]
    files: Mapping[str, bytes] = field(repr=False)


@frozen
class Answer:
    """Edits that mend the problem."""

    edits: tuple[Edit, ...]


@frozen
class Abstained:
    """The model does not know."""


@frozen
class NeedsProbe:
    """The model needs a fact first: the name of a tool, and what to ask it for."""

    tool: str
    target: str


@frozen
class Malformed:
    """Tokens that are no answer to this prompt."""

    reason: str


def encode_problem(problem: Problem, *, max_tokens: int = MAX_PROMPT, first_line: int = 0) -> Prompt:
    """Write a problem as a prompt of at most `max_tokens` tokens.

    Args:
        first_line: the symbol that the first shown line gets; training varies it, so that all are learned.

    Raises:
        ValueError: `max_tokens` is too small for anything (below 64).
    """
    if max_tokens < 64:
        raise ValueError(f"a prompt needs at least 64 tokens, not {max_tokens}")
    budget = max_tokens - 2  # BOS and EDIT
    split = {path: _Lines(text) for path, text in problem.files.items()}
    head_budget = int(budget * _DIAGNOSTIC_SHARE)
    head_size = len(_head(problem, {}, head_budget)) + min(_MAX_LABELS, len(problem.marks))
    chosen = _choose(problem, split, budget - head_size)
    lines: dict[int, Line] = {}
    names: dict[tuple[str, int], int] = {}
    body: list[int] = []
    for path, numbers in chosen.items():
        body.append(FILE)
        if len(problem.files) > 1 and len(chosen) > 1:
            body += path.encode()[-_LABEL_BYTES:]
        symbols = _symbols(problem, path)
        for position, number in enumerate(numbers):
            name = LINE_0 + (first_line + len(lines)) % N_LINES
            names[path, number] = name
            start, end = split[path][number]
            lines[name] = Line(path, start, end, split[path].end_of(_run_end(numbers, position)))
            if position and numbers[position - 1] != number - 1:
                body.append(GAP)
            body.append(name)
            body += _text(problem.files[path], start, min(end, start + _LINE_BYTES), symbols)
            if end > start + _LINE_BYTES:
                body.append(GAP)
    where = {
        (mark.path, mark.start): names.get((mark.path, split[mark.path].at(mark.start)))
        for mark in problem.marks
        if mark.path in split
    }
    head = _head(problem, where, head_budget)
    return Prompt((BOS, *head, *body, EDIT), lines, problem.files)


def encode_edits(
    prompt: Prompt, edits: Sequence[Edit], *, max_hunks: int = MAX_HUNKS, max_tokens: int = MAX_ANSWER
) -> tuple[int, ...] | None:
    """Write edits as an answer to `prompt`, END included; None if they cannot be said.

    They cannot if they touch lines that are not shown, change nothing, or are too many or too long.
    Decoding gives edits with the same effect, not always the same bytes: what stays is trimmed off first.
    """
    shown = {(line.path, line.start): name for name, line in prompt.lines.items()}
    tokens: list[int] = []
    hunks = _normalized(edits, prompt.files)
    if not hunks or len(hunks) > max_hunks:
        return None
    for edit in hunks:
        spoken = _speak(_slide(edit, prompt.files[edit.path]), prompt, shown) or _speak(edit, prompt, shown)
        if spoken is None:
            return None
        name, old, new = spoken
        tokens += [HUNK] if tokens else []
        tokens += [name, *old, TO, *new]
    tokens.append(END)
    # Two hunks may have been widened until they meet: then they cannot be said apart.
    if len(tokens) > max_tokens or not isinstance(decode(prompt, tokens), Answer):
        return None
    return tuple(tokens)


ABSTENTION = (ABSTAIN, END)
"""The answer of a model that does not know."""


def encode_probe(tool: str, target: str) -> tuple[int, ...]:
    """Write the wish for a probe as an answer, END included."""
    return (NEED_PROBE, *tool.encode(), *b" ", *target.encode(), END)


def decode(prompt: Prompt, tokens: Sequence[int]) -> Answer | Abstained | NeedsProbe | Malformed:
    """Read an answer, which ends with END."""
    if not tokens or tokens[-1] != END:
        return Malformed("it does not end")
    answer = tokens[:-1]
    if answer and answer[0] == ABSTAIN:
        return Abstained() if len(answer) == 1 else Malformed("something follows ABSTAIN")
    if answer and answer[0] == NEED_PROBE:
        return _probe(answer[1:])
    edits: list[Edit] = []
    for hunk in _split(answer, HUNK):
        found = _hunk(prompt, hunk)
        if isinstance(found, Malformed):
            return found
        edits.append(found)
    if any(one.path == other.path and _meet(one, other) for one, other in _pairs(edits)):
        return Malformed("two hunks meet")
    return Answer(tuple(edits))


def find_old(text: bytes, line: Line, old: bytes) -> tuple[int, int] | None:
    """The first occurrence of `old` that begins on `line` and ends in its region, as [start, end)."""
    if not old:
        return line.start, line.start
    pattern = rb"\r?\n".join(re.escape(part) for part in old.split(b"\n"))
    found = re.compile(pattern).search(text, line.start, line.region_end)
    return found.span() if found and found.start() <= line.end else None


def encode_infilling(prefix: bytes, middle: bytes, suffix: bytes) -> tuple[int, ...]:
    """A sample that teaches to fill a hole: prefix HOLE suffix FILL middle END."""
    return (BOS, *prefix, HOLE, *suffix, FILL, *middle, END)


class _Lines:
    """The lines of a text: start and end of each, without its line end. A text has at least one."""

    def __init__(self, text: bytes) -> None:
        self._n_bytes = len(text)
        self.starts = [0, *(match.end() for match in re.finditer(rb"\n", text))]
        self.text = text

    def __len__(self) -> int:
        return len(self.starts)

    def __getitem__(self, number: int) -> tuple[int, int]:
        start, end = self.starts[number], self.end_of(number)
        return start, start + len(self.text[start:end].removesuffix(b"\n").removesuffix(b"\r"))

    def end_of(self, number: int) -> int:
        """Where a line ends, line end included."""
        return self.starts[number + 1] if number + 1 < len(self.starts) else self._n_bytes

    def at(self, offset: int) -> int:
        """The number of the line that holds `offset`."""
        low, high = 0, len(self.starts)
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if self.starts[middle] <= offset else (low, middle)
        return low

    def indent(self, number: int) -> int | None:
        """The white space a line begins with; None for a blank line."""
        start, end = self[number]
        line = self.text[start:end]
        return len(line) - len(line.lstrip()) if line.strip() else None


def _head(problem: Problem, where: Mapping[tuple[str, int], int | None], budget: int) -> list[int]:
    """The diagnostic in words. What matters least is left out first."""
    said = f"{problem.code} {problem.message}" if problem.code else problem.message
    tokens = [DIAG, *_cut(said, min(_MESSAGE_BYTES, budget - 1))]
    labelled = [mark for mark in problem.marks if mark.label][:_MAX_LABELS]
    for mark in sorted(labelled, key=lambda mark: mark.kind != "primary"):
        name = where.get((mark.path, mark.start))
        piece = [LABEL, *([] if name is None else [name]), *_cut(mark.label, _LABEL_BYTES)]
        if len(tokens) + len(piece) <= budget:
            tokens += piece
    for note in problem.notes[:_MAX_NOTES]:
        piece = [NOTE, *_cut(note.text, _NOTE_BYTES)]
        if note.replacement:
            piece += [TO, *_cut(note.replacement, _REPLACEMENT_BYTES)]
        if len(tokens) + len(piece) <= budget:
            tokens += piece
    return tokens


def _cut(text: str, n_bytes: int) -> bytes:
    """At most `n_bytes` of a text, at a character's border; all white space as single blanks."""
    raw = " ".join(text.split()).encode()
    return raw if len(raw) <= n_bytes else raw[:n_bytes].decode(errors="ignore").encode()


def _choose(problem: Problem, split: Mapping[str, _Lines], budget: int) -> dict[str, list[int]]:
    """The lines to show, by file, in order: the cheapest that fit. The primary mark's file comes first."""
    cost = _costs(problem, split)
    n_path = max((len(path.encode()[-_LABEL_BYTES:]) for path in split), default=0) if len(split) > 1 else 0
    chosen: dict[str, list[int]] = {}
    n_chosen = 0
    for path, number in sorted(cost, key=lambda place: (cost[place], place)):
        start, end = split[path][number]
        n_tokens = 2 + min(end - start, _LINE_BYTES)  # its symbol, and a gap
        n_tokens += 2 * sum(_touches(mark, path, start, end) for mark in problem.marks)
        n_tokens += 0 if path in chosen else 1 + n_path
        if n_tokens > budget:
            if not chosen:
                continue  # a line too long for everything: others may do
            break
        budget -= n_tokens
        chosen.setdefault(path, []).append(number)
        n_chosen += 1
        if n_chosen == N_LINES:
            break
    return {path: sorted(numbers) for path, numbers in chosen.items()}


def _touches(mark: Mark, path: str, start: int, end: int) -> bool:
    return mark.path == path and mark.start <= end and mark.end >= start


def _costs(problem: Problem, split: Mapping[str, _Lines]) -> dict[tuple[str, int], float]:
    """What showing each line costs, for all that are worth a thought."""
    cost: dict[tuple[str, int], float] = {}

    def offer(path: str, number: int, value: float) -> None:
        cost[path, number] = min(value, cost.get((path, number), value))

    for mark in problem.marks:
        if mark.path not in split:
            continue
        lines = split[mark.path]
        base, slope = {"primary": _NEAR_PRIMARY, "secondary": _NEAR_OTHER, "note": _NEAR_NOTE}[mark.kind]
        first, last = lines.at(mark.start), lines.at(max(mark.start, mark.end - 1))
        # Of a long span its two ends say most.
        ends = range(first, last + 1) if last - first < 8 else (*range(first, first + 3), last - 1, last)
        for number in ends:
            offer(mark.path, number, base + (0.1 * (number - first)))
        for distance in range(1, N_LINES):
            for number in (first - distance, last + distance):
                if 0 <= number < len(lines):
                    offer(mark.path, number, base + slope * distance)
        for depth, number in enumerate(_headers(lines, first)):
            offer(mark.path, number, base + _HEADER_COST + 0.1 * depth)
        if mark.kind == "primary":
            for number in _tops(lines):
                offer(mark.path, number, _TOP_COST)
    return cost


def _headers(lines: _Lines, number: int) -> Iterator[int]:
    """The lines above that this one lies in, by their indentation: `for …`, `fn …`, `impl …`."""
    indent = lines.indent(number)
    if indent is None:
        indent = 1 << 30
    for above in range(number - 1, -1, -1):
        if indent == 0:
            return
        own = lines.indent(above)
        start, end = lines[above]
        if own is not None and own < indent and lines.text[start:end].strip() not in (b"{", b"}", b")"):
            indent = own
            yield above


def _tops(lines: _Lines) -> Iterator[int]:
    """The `use` lines at the top and the first other line of code: imports go there."""
    for number in range(min(len(lines), 60)):
        start, end = lines[number]
        line = lines.text[start:end].strip()
        if not line or line.startswith((b"//", b"#!", b"/*", b"*")):
            continue
        yield number
        if not line.startswith((b"use ", b"pub use ", b"extern crate ", b"mod ", b"pub mod ")):
            return


def _run_end(numbers: Sequence[int], position: int) -> int:
    """The last line of the unbroken run that `numbers[position]` belongs to."""
    while position + 1 < len(numbers) and numbers[position + 1] == numbers[position] + 1:
        position += 1
    return numbers[position]


def _symbols(problem: Problem, path: str) -> list[tuple[int, int]]:
    """Where symbols stand in a file's text: (offset, token), in order."""
    placed: list[tuple[int, int, int]] = []
    done: set[tuple[int, int]] = set()
    for order, mark in enumerate(sorted(problem.marks, key=lambda mark: mark.kind != "primary")):
        if mark.path != path or (mark.start, mark.end) in done:
            continue
        done.add((mark.start, mark.end))
        # At one offset spans that end come before those that begin, unless they are empty.
        opens = 2 if mark.end > mark.start else 1
        placed.append((mark.start, opens, SPAN if mark.kind == "primary" else MARK))
        placed.append((mark.end, 0 if mark.end > mark.start else 1, SPAN_END))
        if order >= _MAX_LABELS:
            break
    return [(offset, token) for offset, _, token in sorted(placed, key=lambda one: one[:2])]


def _text(text: bytes, start: int, end: int, symbols: Iterable[tuple[int, int]]) -> Iterator[int]:
    """The bytes [start, end) with the symbols that stand there."""
    for offset, token in symbols:
        if start <= offset <= end:
            yield from text[start:offset]
            yield token
            start = offset
    yield from text[start:end]


def _normalized(edits: Sequence[Edit], files: Mapping[str, bytes]) -> list[Edit]:
    """The same change as few small edits in order: what stays is trimmed off, near ones become one."""
    small = [
        trimmed
        for edit in sorted(edits)
        if (trimmed := _trim(edit, files[edit.path])).text or trimmed.end > trimmed.start
    ]
    merged: list[Edit] = []
    for edit in small:
        last = merged[-1] if merged else None
        if last and last.path == edit.path:
            between = files[edit.path][last.end : edit.start]
            if len(between) <= _MERGE_GAP and b"\n" not in between:
                merged[-1] = Edit(edit.path, last.start, edit.end, last.text + between + edit.text)
                continue
        merged.append(edit)
    return merged


def _trim(edit: Edit, text: bytes) -> Edit:
    """Leave off what old and new begin and end with alike; characters stay whole."""
    old, new = text[edit.start : edit.end], edit.text.replace(b"\r\n", b"\n")
    if b"\r\n" in text:
        new = new.replace(b"\n", b"\r\n")
    n_head = _n_alike(old, new)
    while n_head and (_is_inside_character(old, n_head) or _is_inside_character(new, n_head)):
        n_head -= 1
    old, new = old[n_head:], new[n_head:]
    n_tail = _n_alike(old[::-1], new[::-1])
    while n_tail and (
        _is_inside_character(old, len(old) - n_tail) or _is_inside_character(new, len(new) - n_tail)
    ):
        n_tail -= 1
    return Edit(edit.path, edit.start + n_head, edit.end - n_tail, new[: len(new) - n_tail])


def _n_alike(one: bytes, other: bytes) -> int:
    """How many bytes two texts begin with alike."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((n for n, (a, b) in pairs if a != b), min(len(one), len(other)))


def _is_inside_character(text: bytes, offset: int) -> bool:
    """Whether a cut here would split a UTF-8 character or a line end."""
    following = text[offset : offset + 1]
    return b"\x80" <= following < b"\xc0" or text[offset - 1 : offset + 1] == b"\r\n"


def _slide(edit: Edit, text: bytes) -> Edit:
    """Move whole lines that come or go so that they begin at a line's start: `\\n x` becomes `x \\n`."""
    if (edit.start == edit.end) == (not edit.text):
        return edit
    for step in (_moved_left, _moved_right):
        moved: Edit | None = edit
        for _ in range(edit.end - edit.start + len(edit.text)):
            if moved is None or _begins_a_line(moved, text):
                break
            moved = step(moved, text)
        if moved is not None and _begins_a_line(moved, text):
            return moved
    return edit


def _begins_a_line(edit: Edit, text: bytes) -> bool:
    at_start = edit.start == 0 or text[edit.start - 1 : edit.start] == b"\n"
    return at_start and (edit.end > edit.start or edit.text.endswith(b"\n"))


def _moved_left(edit: Edit, text: bytes) -> Edit | None:
    """The same insertion or deletion, said one byte earlier; None if that would be another."""
    before = text[edit.start - 1 : edit.start] if edit.start else b""
    last = (edit.text or text[edit.start : edit.end])[-1:]
    if not before or before != last:
        return None
    new = before + edit.text[:-1] if edit.text else b""
    return Edit(edit.path, edit.start - 1, edit.end - 1, new)


def _moved_right(edit: Edit, text: bytes) -> Edit | None:
    """The same insertion or deletion, said one byte later; None if that would be another."""
    after = text[edit.end : edit.end + 1]
    first = (edit.text or text[edit.start : edit.end])[:1]
    if not after or after != first:
        return None
    new = edit.text[1:] + after if edit.text else b""
    return Edit(edit.path, edit.start + 1, edit.end + 1, new)


def _speak(
    edit: Edit, prompt: Prompt, shown: Mapping[tuple[str, int], int]
) -> tuple[int, bytes, bytes] | None:
    """An edit as (line symbol, old, new); None if what it touches is not shown."""
    text = prompt.files[edit.path]
    start, end = _to_words(edit, text)
    line_start = text.rfind(b"\n", 0, start) + 1
    name = shown.get((edit.path, line_start))
    if name is None:
        return None
    line = prompt.lines[name]
    if end > line.region_end:
        return None
    if start == end and start != line.start:
        start, end = _with_neighbour(text, line, start)
    while True:
        old = text[start:end]
        spoken = old.replace(b"\r\n", b"\n")
        if find_old(text, line, spoken) == (start, end):
            break
        if start <= line.start:
            return None
        start = _word_before(text, line.start, start)
    new = text[start : edit.start] + edit.text + text[edit.end : end]
    if max(start, edit.start) - line.start > _LINE_BYTES:
        return None
    return name, spoken, new.replace(b"\r\n", b"\n")


def _to_words(edit: Edit, text: bytes) -> tuple[int, int]:
    """Widen an edit to whole words where it cuts one: `foo` → `food` is said in full."""
    start, end = edit.start, edit.end
    touched = text[start:end] + edit.text
    if not touched:
        return start, end

    def is_word(byte: bytes) -> bool:
        return byte.isalnum() or byte == b"_"

    first = edit.text[:1] or text[start : start + 1]
    last = edit.text[-1:] or text[end - 1 : end]
    if is_word(first) or is_word(text[start : start + 1]):
        while start and is_word(text[start - 1 : start]) and is_word(first or b" "):
            start -= 1
    if is_word(last) or is_word(text[end - 1 : end]):
        while end < len(text) and is_word(text[end : end + 1]) and is_word(last or b" "):
            end += 1
    return start, end


def _with_neighbour(text: bytes, line: Line, at: int) -> tuple[int, int]:
    """The word beside an insertion, which then stands for its place: the one after it if it is found."""
    after = _WORD.match(text, at, line.end)
    if after and not after[0].isspace() and find_old(text, line, after[0]) == after.span():
        return after.span()
    return _word_before(text, line.start, at), at


def _word_before(text: bytes, least: int, at: int) -> int:
    """Where the word that ends at `at` begins, or the white space before it and the word before that."""
    words = list(_WORD.finditer(text, least, at))
    if not words:
        return least
    chosen = words[-1]
    if chosen[0].isspace() and len(words) > 1:
        chosen = words[-2]
    return chosen.start()


def _hunk(prompt: Prompt, tokens: Sequence[int]) -> Edit | Malformed:
    if not tokens or tokens[0] not in prompt.lines:
        return Malformed("it names no line")
    parts = list(_split(tokens[1:], TO))
    if len(parts) != 2:
        return Malformed("it has no old and new")
    if any(token > 255 for part in parts for token in part):
        return Malformed("a symbol among the bytes")
    old, new = (bytes(part) for part in parts)
    line = prompt.lines[tokens[0]]
    found = find_old(prompt.files[line.path], line, old)
    if found is None:
        return Malformed("the old text is not there")
    if old == new:
        return Malformed("it changes nothing")
    return Edit(line.path, *found, new)


def _probe(tokens: Sequence[int]) -> NeedsProbe | Malformed:
    if any(token > 255 for token in tokens):
        return Malformed("a symbol among the bytes")
    tool, _, target = bytes(tokens).decode(errors="replace").partition(" ")
    return NeedsProbe(tool, target) if tool else Malformed("it names no tool")


def _split(tokens: Sequence[int], at: int) -> Iterator[Sequence[int]]:
    start = 0
    for position, token in enumerate(tokens):
        if token == at:
            yield tokens[start:position]
            start = position + 1
    yield tokens[start:]


def _pairs(edits: Sequence[Edit]) -> Iterator[tuple[Edit, Edit]]:
    return ((one, other) for i, one in enumerate(edits) for other in edits[i + 1 :])


def _meet(one: Edit, other: Edit) -> bool:
    """Whether two edits overlap, or start at the same place: then their order would matter."""
    return one.start == other.start or (one.start < other.end and other.start < one.end)
