"""rust-analyzer's quick fixes and assists, at every place a diagnostic speaks of.

An editor asks rust-analyzer only where the cursor is; here it is asked at each span of the diagnostic, at
its start, and at its end. Most of what it offers anywhere is refactoring, which mends nothing: the table
below names what can mend an error.
"""

import contextlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice

from attrs import evolve

from ..patch.edit import Edit, EditError
from ..tools.diagnostic import Diagnostic
from ..tools.rust_analyzer import Action, Analyzer, AnalyzerError, Wanted
from . import Candidate, Context, Propose, Source

Ask = Callable[[Mapping[str, Source], str, int, int, Wanted], Sequence[Action]]
"""(files, path, start, end, wanted) → the resolved actions at these bytes of `files[path]`.

Whoever answers makes sure that rust-analyzer sees `files` as they are there, or gives no answer.
"""

MAX_PLACES = 12
READY_TIMEOUT_S = 60.0

# The chance that an assist, where it is offered at an error, is what was meant. Figures are estimates,
# checked on development pairs: what order of them mends most with the fewest checks.
_BY_NAME = {
    "add_impl_missing_members": 0.4,
    "add_missing_match_arms": 0.4,
    "auto_import": 0.6,
    "fix_visibility": 0.5,
    "qualify_path": 0.3,
    "add_explicit_type": 0.3,
    "add_return_type": 0.4,
    "add_turbo_fish": 0.2,
    "add_lifetime_to_type": 0.4,
    "add_label_to_loop": 0.2,
    "convert_nested_function_to_closure": 0.3,
    "introduce_named_lifetime": 0.3,
    "introduce_named_type_parameter": 0.25,
    "expand_tuple_rest_pattern": 0.3,
    "expand_slice_rest_pattern": 0.3,
    "move_guard_to_arm_body": 0.3,
    "replace_derive_with_manual_impl": 0.15,
    "unnecessary_async": 0.3,
    "toggle_async_sugar": 0.1,
    "doc_to_comment": 0.3,
    "generate_enum_variant": 0.2,
    "generate_function": 0.1,
    "generate_constant": 0.1,
    "generate_derive": 0.1,
    "generate_default_from_new": 0.1,
    "generate_is_empty_from_len": 0.1,
    "qualify_method_call": 0.15,
    "wrap_return_type_in_option": 0.1,
    "wrap_return_type_in_result": 0.1,
    "unwrap_option_return_type": 0.1,
    "unwrap_result_return_type": 0.1,
}
# What has a meaning only for some errors, and would be a way of deleting the problem for others.
_BY_NAME_AND_CODE = {
    "change_visibility": (("E0603", "E0616", "E0624", "E0635", "E0451", "E0446", "E0364", "E0365"), 0.35),
    "remove_unused_param": (("E0050", "E0415"), 0.15),
    "convert_tuple_struct_to_named_struct": (("E0609", "E0560", "E0026", "E0769"), 0.05),
    "convert_named_struct_to_tuple_struct": (("E0609", "E0423", "E0532", "E0618"), 0.05),
    "remove_mut": (("E0384", "E0308"), 0.05),
}
# Fixes of rust-analyzer's own diagnostics carry no name, only a title.
_NATIVE_PRIOR = 0.45
_BY_TITLE = (
    (re.compile(r"Add assoc item def"), 0.25),
    (re.compile(r"Add field to|Create field|Increase field"), 0.25),
    (re.compile(r"Fill struct fields"), 0.15),
    (re.compile(r"Add let-else"), 0.1),
    (re.compile(r"Create module"), 0.05),
)
# Lints that rust-analyzer reports beside the error: mending them mends no error.
_NOISE = re.compile(
    r"Rename unused|Rename to |Remove all unused|Bind as `let _|Remove unused|Remove unnecessary"
)
_NOISY_NAMES = frozenset(
    {"bind_unused_param", "remove_unused_imports", "change_case", "add_impl_default_members"}
)
_LATER_ALTERNATIVE = 0.8
_HOLE = re.compile(rb"\btodo!\(|\bunimplemented!\(|/\* .*? \*/")


def proposer(ask: Ask) -> Propose:
    """A source of candidates that puts its questions to ``ask``."""

    def propose(context: Context) -> Iterator[Candidate]:
        return _propose(context, ask)

    return propose


def headless(analyzer: Analyzer, *, names: Mapping[str, str] | None = None) -> Ask:
    """Ask a rust-analyzer of our own; no answer if it fails, since its help is never needed.

    Args:
        names: what it knows some of the files as, if not by their own paths.
    """
    names = names or {}
    back = {theirs: ours for ours, theirs in names.items()}
    shown: Mapping[str, Source] | None = None

    def ask(files: Mapping[str, Source], path: str, start: int, end: int, wanted: Wanted) -> Sequence[Action]:
        nonlocal shown
        try:
            if shown is None and not analyzer.wait_until_ready(READY_TIMEOUT_S):
                return ()
            if files is not shown:
                for name in files:
                    if name.endswith(".rs"):
                        # Text that is not UTF-8 cannot be told to rust-analyzer: it sees the disk's.
                        with contextlib.suppress(UnicodeDecodeError):
                            analyzer.show(names.get(name, name), files[name].text)
                shown = files
            return [_rename(a, back) for a in analyzer.actions(names.get(path, path), start, end, wanted)]
        except (AnalyzerError, KeyError):
            return ()

    return ask


def _rename(action: Action, back: Mapping[str, str]) -> Action:
    if not back:
        return action
    edits = tuple(evolve(edit, path=back.get(edit.path, edit.path)) for edit in action.edits)
    return evolve(action, edits=edits)


def _propose(context: Context, ask: Ask) -> Iterator[Candidate]:
    seen: set[tuple[Edit, ...]] = set()
    n_offered: dict[str, int] = {}

    def wanted(action: Action) -> bool:
        return _prior(action, context.diagnostic.code) > 0

    for path, start, end in islice(_places(context.diagnostic), MAX_PLACES):
        if path not in context.files:
            continue
        for action in ask(context.files, path, start, end, wanted):
            edits = _edits(action, context)
            prior = _prior(action, context.diagnostic.code)
            if not edits or edits in seen or prior <= 0:
                continue
            seen.add(edits)
            # Alternatives (of what to import, say) come in rust-analyzer's order, likeliest first.
            rank = n_offered.get(action.id, 0) if action.id else 0
            n_offered[action.id] = rank + 1
            yield Candidate(
                source="assist",
                title=action.title,
                edits=edits,
                prior=prior * _LATER_ALTERNATIVE**rank,
                has_placeholder=any(_HOLE.search(edit.text) for edit in edits),
            )


def _places(diagnostic: Diagnostic) -> Iterator[tuple[str, int, int]]:
    """Primary spans first, then labelled ones, then those of the notes; each whole, its start, its end."""
    own = sorted(diagnostic.spans, key=lambda span: not span.is_primary)
    notes = [span for child in diagnostic.children for span in child.all_spans()]
    places = [
        (span.path, start, end)
        for span in (*own, *notes)
        for start, end in ((span.start, span.end), (span.start, span.start), (span.end, span.end))
    ]
    return iter(dict.fromkeys(places))


def _prior(action: Action, code: str | None) -> float:
    if _NOISE.match(action.title) or action.id in _NOISY_NAMES:
        return 0.0
    if action.id in _BY_NAME_AND_CODE:
        codes, prior = _BY_NAME_AND_CODE[action.id]
        return prior if code in codes else 0.0
    if action.id in _BY_NAME:
        return _BY_NAME[action.id]
    if action.kind != "quickfix":
        return 0.0
    return next((prior for title, prior in _BY_TITLE if title.match(action.title)), _NATIVE_PRIOR)


def _edits(action: Action, context: Context) -> tuple[Edit, ...]:
    """The action's edits; none if one lies outside the workspace's files."""
    try:
        edits = {Edit(e.path, e.start, e.end, e.text) for e in action.edits if e.path in context.files}
    except EditError:
        return ()
    return tuple(sorted(edits)) if all(e.path in context.files for e in action.edits) else ()
