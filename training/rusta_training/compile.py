"""What rustc says of hundreds of small programs at once, each as if it stood alone.

Every program is a module of one crate, in a file of its own: rustc starts once, and an error in one body
does not keep it from judging the others. What would show that they were together (module names, hints at
their neighbours' items) is taken out of the diagnostics, or the program is compiled again by itself.
"""

import re
import shutil
import subprocess
import tempfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
from attrs import frozen

Diagnostic = dict[str, Any]
Files = Mapping[str, bytes]

CPU_LIMIT_S: Final = (3, 100)
"""What one run may take: so many seconds, and one more for so many programs. The usual is a fifth of that."""
_MAIN = ("src/main.rs", "src/lib.rs")

# Errors of every kind that does not hide others. If rustc does not report them all, something hid them.
_CANARY: Final = b"""\
fn a(s: String) { drop(s); drop(s); }
fn b(x: Option<i32>) { match x { None => {} } }
fn c() { let x: i32 = ""; x.nothing(); 1 + (); }
fn d(x: Nothing) { nothing; missing_module::x(); }
fn e(x: &'a i32) {}
fn f() { let x = None; }
use std::nothing;
struct S { x: &i32 }
struct U<T>;
impl Clone for U<i32> {}
"""
_CANARY_CODES: Final = frozenset(
    f"E0{number}" for number in (382, "004", 308, 599, 277, 425, 433, 261, 282, 432, 106, "046", 392)
)
_FLAGS: Final = ("--emit=metadata", "--error-format=json", "-Adead_code")
_DEFINED = re.compile(
    rb"\b(?:struct|enum|union|trait|type|fn|mod|const|static|macro_rules!)\s+([A-Za-z_]\w*)"
)
_MODULES = re.compile(rb"\bmod\s+([A-Za-z_]\w*)")
_IMPL_OF_TRAIT = re.compile(rb"\bimpl\b[^{;]*?\bfor\b")
_LINT_LEVEL = re.compile(r"`#\[\w+\(\w+\)\]`.* on by default")
_COHERENCE: Final = frozenset(
    ("E0117", "E0119", "E0120", "E0184", "E0204", "E0210", "E0321", "E0371", "E0751")
)
_STD_PATH = re.compile(r"\b(?:std|core|alloc)(?:::\w+)*::(\w+)")


@frozen
class Program:
    """A program of one or a few files that compiles, or should be asked whether it does.

    Attributes:
        files: by path; one of them is ``src/main.rs`` or ``src/lib.rs``.
    """

    files: Files
    edition: str

    @property
    def main(self) -> str:
        """The path of the crate's root."""
        return next(path for path in _MAIN if path in self.files)


@frozen
class Verdict:
    """What rustc says of a program.

    Attributes:
        diagnostics: errors, and warnings where they were asked for, in rustc's order. If it was not alone
            they may end with the first stage of the compiler that found some.
        alone: it was compiled by itself.
    """

    diagnostics: tuple[Diagnostic, ...]
    alone: bool

    @property
    def errors(self) -> tuple[Diagnostic, ...]:
        """What stops the build."""
        return tuple(one for one in self.diagnostics if one["level"].startswith("error"))


def judge(programs: Sequence[Program], *, warnings: bool = False) -> list[Verdict | None]:
    """What rustc says of each program; None where it crashed or took too long.

    All programs must be of one edition. With `warnings` they should be free of errors: rustc looks for what
    it warns of last, and only where nothing else is wrong.
    """
    verdicts: list[Verdict | None] = [None] * len(programs)
    pending = [[index for index, one in enumerate(programs) if is_balanced(one)]]
    for index in sorted(set(range(len(programs))) - set(pending[0])):
        verdicts[index] = judge_alone(programs[index], warnings=warnings)
    while pending:
        batch = pending.pop()
        if len(batch) == 1:
            verdicts[batch[0]] = judge_alone(programs[batch[0]], warnings=warnings)
        elif batch:
            pending.extend(_judge_together(programs, batch, verdicts, warnings))
    return verdicts


def _judge_together(
    programs: Sequence[Program], batch: list[int], verdicts: list[Verdict | None], warnings: bool
) -> list[list[int]]:
    """Fill in the verdicts of a batch; returns the batches that are still to be judged."""
    with tempfile.TemporaryDirectory(dir=_fast_folder()) as scratch:
        folder = Path(scratch)
        for index in batch:
            _write_module(folder, index, programs[index])
        roots = "".join(f"mod __m{index:04};\n" for index in batch)
        (folder / "canary.rs").write_bytes(_CANARY)
        (folder / "lib.rs").write_text(("" if warnings else "mod canary;\n") + roots)
        arguments = ("lib.rs", "--crate-type=lib", "--edition", programs[batch[0]].edition)
        raw = _rustc(folder, arguments, warnings, len(batch))
    if raw is None:
        middle = len(batch) // 2
        return [batch[:middle], batch[middle:]]
    by_module = _by_module(_with_lint_notes(raw))
    missed = set() if warnings else _CANARY_CODES - {_code(one) for one in by_module.get(-1, ())}
    wrong = [index for index in batch if index in by_module]
    impls = {index for index in wrong if any(_is_wrong_impl(one) for one in by_module[index])}
    if missed == {"E0046"} and impls:
        missed = set()  # a wrong impl of the canary's trait: looked after below
    if missed and not wrong:
        middle = len(batch) // 2
        return [batch[:middle], batch[middle:]]
    if missed:  # what comes first in the wrong ones is said; the others were not looked at to the end
        return [sorted(set(batch) - set(wrong)), *_settle(programs, wrong, by_module, verdicts)]
    hidden = _hidden_by_impls(programs, batch, by_module, impls)
    settled = [index for index in batch if index not in hidden]
    return [sorted(hidden), *_settle(programs, settled, by_module, verdicts)]


def _settle(
    programs: Sequence[Program],
    batch: Sequence[int],
    by_module: Mapping[int, Sequence[dict[str, Any]]],
    verdicts: list[Verdict | None],
) -> list[list[int]]:
    """Fill in the verdicts of programs of which all is known; returns those that must be asked alone."""
    defined = {index: _names(programs[index]) for index in batch}
    everything = frozenset().union(*defined.values())
    alone = []
    for index in batch:
        foreign = everything - defined[index]
        said = by_module.get(index, ())
        plain = [_as_if_alone(one, index, programs[index], foreign) for one in said]
        if any(one is None for one in plain) or any(_is_about_root(one) for one in said):
            alone.append([index])
        else:
            verdicts[index] = Verdict(tuple(one for one in plain if one is not None), alone=False)
    return alone


def judge_alone(program: Program, *, warnings: bool = False) -> Verdict | None:
    """What rustc says of one program, as its author would see it; None if it crashed or took too long."""
    with tempfile.TemporaryDirectory(dir=_fast_folder()) as scratch:
        folder = Path(scratch)
        for path, text in program.files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(text)
        kind = "--crate-type=" + ("bin" if program.main == "src/main.rs" else "lib")
        raw = _rustc(
            folder, (program.main, kind, "--crate-name=main", "--edition", program.edition), warnings
        )
    if raw is None:
        return None
    return Verdict(tuple(parse(one) for one in raw if _is_said(one)), alone=True)


def main_path(text: bytes) -> str:
    """Where a program of one file lies: whether it has a `main` decides."""
    return _MAIN[0] if re.search(rb"^(?:pub )?(?:async )?fn main\s*\(", text, re.MULTILINE) else _MAIN[1]


def _fast_folder() -> str | None:
    return "/dev/shm" if Path("/dev/shm").is_dir() else None


def _write_module(folder: Path, index: int, program: Program) -> None:
    for path, text in program.files.items():
        inner = path.removeprefix("src/")
        target = folder / (f"__m{index:04}.rs" if path == program.main else f"__m{index:04}/{inner}")
        target.parent.mkdir(exist_ok=True)
        target.write_bytes(text)


def _rustc(
    folder: Path, arguments: Sequence[str], warnings: bool, n_programs: int = 1
) -> list[dict[str, Any]] | None:
    """The messages of one run; None if it crashed, or did not end in time."""
    quiet = () if warnings else ("-Awarnings",)
    # The limit counts the compiler's own time: on a busy machine the same programs are given up on.
    limit = f'ulimit -t {CPU_LIMIT_S[0] + n_programs // CPU_LIMIT_S[1]}; exec "$0" "$@"'
    run = subprocess.run(
        ["sh", "-c", limit, _compiler(), *arguments, *_FLAGS, *quiet, "-o", "out.rmeta"],
        cwd=folder,
        capture_output=True,
    )
    if run.returncode not in (0, 1):
        return None
    try:
        return [_decode(line) for line in run.stderr.splitlines() if line.startswith(b"{")]
    except msgspec.DecodeError:
        return None


_decode = msgspec.json.Decoder(dict[str, Any]).decode


def _compiler() -> str:
    return shutil.which("rustc") or "rustc"


def _is_said(raw: Mapping[str, Any]) -> bool:
    return bool(raw["spans"]) and raw["level"] in ("error", "warning", "error: internal compiler error")


def _by_module(raw: Sequence[dict[str, Any]]) -> dict[int, list[dict[str, Any]]]:
    """Messages by the module that their first primary span lies in; -1 is the canary."""
    found: dict[int, list[dict[str, Any]]] = {}
    for one in raw:
        if not _is_said(one):
            continue
        spans = sorted(one["spans"], key=lambda span: not span["is_primary"])
        for span in spans:
            name = _where_written(span)["file_name"]
            if name == "canary.rs":
                found.setdefault(-1, []).append(one)
                break
            if name.startswith("__m"):
                found.setdefault(int(name[3:7]), []).append(one)
                break
    return found


def _code(raw: Mapping[str, Any]) -> str:
    return raw["code"]["code"] if raw["code"] else ""


def _is_wrong_impl(raw: Mapping[str, Any]) -> bool:
    """Whether this is an error in the header of an impl: rustc then checks no impl of that trait."""
    return _code(raw) in _COHERENCE or any(
        _IMPL_OF_TRAIT.search(line["text"].encode()) for span in raw["spans"] for line in span["text"]
    )


def _hidden_by_impls(
    programs: Sequence[Program],
    batch: Sequence[int],
    by_module: Mapping[int, Sequence[dict[str, Any]]],
    impls: Collection[int],
) -> set[int]:
    """Programs without a finding that implement a trait of which another program has a wrong impl."""
    said = [one for index in impls for one in by_module[index] if _is_wrong_impl(one)]
    texts = [
        one["message"] + "".join(line["text"] for span in one["spans"] for line in span["text"])
        for one in said
    ]
    traits = {name.encode() for text in texts for name in re.findall(r"\b[A-Z]\w+", text)}
    return {
        index
        for index in batch
        if index not in by_module
        and any(
            traits & set(re.findall(rb"\w+", header))
            for text in programs[index].files.values()
            for header in _IMPL_OF_TRAIT.findall(text)
        )
    }


def _with_lint_notes(raw: Sequence[dict[str, Any]]) -> Sequence[dict[str, Any]]:
    """Every program's first finding of a lint says why the lint is on, as the first of all does."""
    notes: dict[str, dict[str, Any]] = {}
    seen: set[tuple[str, str]] = set()
    for one in raw:
        code = _code(one)
        if not code or code.startswith("E0") or not one["spans"]:
            continue
        own = next((child for child in one["children"] if _LINT_LEVEL.match(child["message"])), None)
        file = one["spans"][0]["file_name"]
        if own is not None:
            notes[code] = own
        elif code in notes and (code, file) not in seen:
            one["children"].append(notes[code])
        seen.add((code, file))
    return raw


def _is_about_root(raw: Mapping[str, Any]) -> bool:
    """Whether it matters that the crate's root is not the program's."""
    return _code(raw) in ("E0432", "E0433") and "super" in raw["message"]


def _names(program: Program) -> frozenset[str]:
    return frozenset(name.decode() for text in program.files.values() for name in _DEFINED.findall(text))


def _as_if_alone(
    raw: dict[str, Any], index: int, program: Program, foreign: frozenset[str]
) -> Diagnostic | None:
    """The diagnostic without traces of the other modules; None if it may be another one alone."""
    own = f"__m{index:04}"
    modules = {name.decode() for text in program.files.values() for name in _MODULES.findall(text)}
    nested = "|".join(sorted(map(re.escape, modules)))
    prefix = re.compile(rf"{own}::((?:(?:{nested})::)*)" if nested else rf"{own}::()")
    traces = 0

    def plain(text: str) -> str:
        nonlocal traces
        if "::" in text and any(name in foreign for name in _STD_PATH.findall(text)):
            traces += 1  # written in full because a neighbour has an item of that name
        if "__m" not in text:
            return text
        text = text.replace(f"crate::{own}::", "crate::")
        text = text.replace(f"{own}.rs", program.main).replace(f"{own}/", "src/")
        text = prefix.sub("", text)
        if "__m" in text:
            traces += 1
        return text

    def path(name: str) -> str:
        nonlocal traces
        if name.startswith(own):
            return program.main if name == f"{own}.rs" else "src/" + name.partition("/")[2]
        if name.startswith("__m") or name in ("lib.rs", "canary.rs"):
            traces += 1
        return name

    found = parse(raw, plain=plain, path=path)
    return None if traces else found


def parse(
    raw: Mapping[str, Any],
    *,
    plain: Any = str,  # noqa: ANN401  # str → str
    path: Any = str,  # noqa: ANN401  # str → str
) -> Diagnostic:
    """One diagnostic of rustc in the form of schemas/triplet.schema.json.

    Args:
        plain: what to make of every text.
        path: what to make of every file name.
    """
    return {
        "code": raw["code"]["code"] if raw["code"] else None,
        "level": raw["level"],
        "message": plain(raw["message"]),
        "spans": [_span(span, plain, path) for span in raw["spans"]],
        "children": [parse(child, plain=plain, path=path) for child in raw["children"]],
        "rendered": "",
        "package": "",
        "in_main": False,
    }


def _span(raw: Mapping[str, Any], plain: Any, path: Any) -> dict[str, Any]:  # noqa: ANN401  # as in parse
    written = _where_written(raw)
    label, replacement = raw.get("label"), raw.get("suggested_replacement")
    return {
        "path": path(written["file_name"]),
        "start": written["byte_start"],
        "end": written["byte_end"],
        "line": written["line_start"],
        "column": written["column_start"],
        "line_end": written["line_end"],
        "is_primary": raw["is_primary"],
        "label": None if label is None else plain(label),
        "replacement": None if replacement is None else plain(replacement),
        "applicability": raw.get("suggestion_applicability"),
        "in_macro": raw.get("expansion") is not None,
        "snippet": "\n".join(
            text["text"][text["highlight_start"] - 1 : text["highlight_end"] - 1].strip()
            for text in written.get("text", ())
        ),
    }


def _where_written(raw: Mapping[str, Any]) -> Mapping[str, Any]:
    """Follow a span out of a macro of another crate (`<std macros>`) to the call in a file of ours."""
    span = raw
    while span["file_name"].startswith(("<", "/rustc/")) and span.get("expansion"):
        span = span["expansion"]["span"]
    return span


def all_spans(diagnostic: Diagnostic) -> Iterator[dict[str, Any]]:
    """Its own spans and those of all notes below it."""
    yield from diagnostic["spans"]
    for child in diagnostic["children"]:
        yield from all_spans(child)


_LEXED = re.compile(
    rb"""//[^\n]* | (?P<comment>/\*) | b?'(?:\\.[^']*|[^\\'\n])' | '\w+ | [bc]?"(?:\\.|[^"\\])*" """
    rb"""| [bc]?r(?P<hashes>\#*)".*?"(?P=hashes)"""
    rb"""| (?P<open>[(\[{]) | (?P<close>[)\]}]) | (?P<bad>["'`\\]) """,
    re.VERBOSE | re.DOTALL,
)
_TWIN = {b")": b"(", b"]": b"[", b"}": b"{"}


def is_balanced(program: Program) -> bool:
    """Whether brackets and quotes match: otherwise rustc does not even look at the other modules."""
    return all(_is_balanced(text) for text in program.files.values())


def _is_balanced(text: bytes) -> bool:
    opened: list[bytes] = []
    place = 0
    while found := _LEXED.search(text, place):
        place = found.end()
        if found["comment"]:
            depth = 1
            while depth:
                other = re.compile(rb"/\*|\*/").search(text, place)
                if other is None:
                    return False
                depth += 1 if other[0] == b"/*" else -1
                place = other.end()
        elif found["open"]:
            opened.append(found["open"])
        elif found["close"]:
            if not opened or opened.pop() != _TWIN[found["close"]]:
                return False
        elif found["bad"]:
            return False
    return not opened
