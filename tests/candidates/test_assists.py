"""Which of rust-analyzer's actions become candidates, and how likely; then with the real rust-analyzer."""

from pathlib import Path

import pytest

from rusta_server.candidates import Context, assists
from rusta_server.config import Config
from rusta_server.orchestrator.propose import Sources
from rusta_server.orchestrator.repair import Budget, Repair, repair
from rusta_server.patch.edit import Edit
from rusta_server.patch.shadow import FileShadow
from rusta_server.tools import rust_analyzer_install
from rusta_server.tools.diagnostic import Diagnostic, Span
from rusta_server.tools.rust_analyzer import Action, Analyzer, TextEdit, lone_files

TEXT = b"fn main() { let x = Foo::new(y); }\n"
NAME = "src/main.rs"


def span(start: int, end: int, *, is_primary: bool = True, path: str = NAME) -> Span:
    return Span(path, start, end, 1, start + 1, 1, is_primary, None, None, None, False)


def diagnostic(*spans: Span, code: str = "E0433", notes: tuple[Span, ...] = ()) -> Diagnostic:
    children = (Diagnostic(None, "note", "here", notes, ()),) if notes else ()
    return Diagnostic(code, "error", "something", spans, children)


def action(title: str, id: str = "", kind: str = "quickfix", path: str = NAME, text: str = "") -> Action:
    return Action(id, title, kind, (TextEdit(path, 0, 0, (text or title).encode()),))


def propose(target: Diagnostic, *offered: Action, places: list[tuple[str, int, int]] | None = None):
    def ask(files, path, start, end, wanted):
        if places is not None:
            places.append((path, start, end))
        return [a for a in offered if wanted(a)]

    context = Context(target, [target], Sources({NAME: TEXT}, {}))
    return list(assists.proposer(ask)(context))


def test_it_asks_at_every_span_primary_first():
    places: list[tuple[str, int, int]] = []
    target = diagnostic(span(29, 30, is_primary=False), span(20, 23), notes=(span(3, 7), span(20, 23)))
    propose(target, places=places)
    assert places == [
        *[(NAME, 20, 23), (NAME, 20, 20), (NAME, 23, 23)],
        *[(NAME, 29, 30), (NAME, 29, 29), (NAME, 30, 30)],
        *[(NAME, 3, 7), (NAME, 3, 3), (NAME, 7, 7)],
    ]


def test_it_does_not_ask_for_ever():
    places: list[tuple[str, int, int]] = []
    propose(diagnostic(*(span(n, n + 1) for n in range(30))), places=places)
    assert len(places) == assists.MAX_PLACES


def test_it_does_not_ask_about_files_of_others():
    places: list[tuple[str, int, int]] = []
    propose(diagnostic(span(0, 1, path="/elsewhere/lib.rs")), places=places)
    assert places == []


def test_refactorings_are_no_candidates():
    offered = [
        action("Extract into function", "extract_function", "refactor.extract"),
        action("Generate `new`", "generate_new", ""),
        action("Rename unused y to _y"),
        action("Bind as `let _ = x;`", "bind_unused_param"),
        action("Remove unused parameter", "remove_unused_param", "refactor"),
        action("Change visibility to pub(crate)", "change_visibility", "refactor.rewrite"),
    ]
    assert propose(diagnostic(span(0, 1)), *offered) == []


def test_some_refactorings_mend_some_errors():
    offered = action("Change visibility to pub(crate)", "change_visibility", "refactor.rewrite")
    assert propose(diagnostic(span(0, 1), code="E0603"), offered)


def test_alternatives_are_candidates_of_their_own_in_their_order():
    offered = [
        action("Import `a::Foo`", "auto_import"),
        action("Import `b::Foo`", "auto_import"),
        action("Qualify as `a::Foo`", "qualify_path"),
    ]
    found = propose(diagnostic(span(0, 1)), *offered)
    assert [c.title for c in found] == ["Import `a::Foo`", "Import `b::Foo`", "Qualify as `a::Foo`"]
    assert found[0].prior > found[1].prior > found[2].prior
    assert found[0].source == "assist"
    assert found[0].edits == (Edit(NAME, 0, 0, b"Import `a::Foo`"),)


def test_the_same_edit_from_another_place_counts_once():
    assert len(propose(diagnostic(span(0, 1), span(3, 5)), action("Add `&`"))) == 1


def test_holes_are_marked():
    offered = action("Implement missing members", "add_impl_missing_members", text="fn f() { todo!() }")
    assert [c.has_placeholder for c in propose(diagnostic(span(0, 1)), offered)] == [True]


@pytest.mark.parametrize("path", ["../outside.rs", "/etc/passwd", ".git/hooks/pre-commit", "src/absent.rs"])
def test_edits_elsewhere_are_no_candidates(path):
    assert propose(diagnostic(span(0, 1)), action("Add", path=path)) == []


def test_no_candidates_without_answers(tmp_path):
    running = Analyzer.__new__(Analyzer)  # never started: whoever asks it gets an error
    running.wait_until_ready = lambda timeout_s: False
    context = Context(diagnostic(span(0, 1)), [], Sources({NAME: TEXT}, {}))
    assert list(assists.proposer(assists.headless(running))(context)) == []


# The real one

found = rust_analyzer_install.look(Config())


@pytest.fixture(scope="module")
def analyzer(tmp_path_factory):
    if not isinstance(found, rust_analyzer_install.Found):
        pytest.skip("no rust-analyzer; run rusta setup")
    root = tmp_path_factory.mktemp("lone")
    (root / "e2021.rs").write_text("")
    environment = rust_analyzer_install.environment(found)
    project = lone_files({root / "e2021.rs": "2021"}, found.sysroot_src)
    with Analyzer.start(root, [str(found.path)], environment=environment, project=project) as running:
        assert running.wait_until_ready(60)
        yield running


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            "mod a { fn f() {} }\nfn main() { a::f() }\n",
            "mod a { pub(crate) fn f() {} }\nfn main() { a::f() }\n",
        ),
        (
            "fn main() { let n = 1; *(&mut n) = 2; }\n",
            "fn main() { let mut n = 1; *(&mut n) = 2; }\n",
        ),
        (
            "unsafe fn f() {}\nfn main() { f() }\n",
            "unsafe fn f() {}\nfn main() { unsafe { f() } }\n",
        ),
        (
            # The second step is for an error that the first uncovers: what it sees follows the variant.
            "mod a { pub mod b { fn f() {} } }\nfn main() { b::f() }\n",
            None,
        ),
    ],
)
def test_repairs_with_assists_alone(analyzer, tmp_path: Path, before, after):
    ask = assists.headless(analyzer, names={"main.rs": "e2021.rs"})
    shadow = FileShadow(tmp_path, "main.rs", {"main.rs": before.encode()})
    result = repair(shadow, proposers=(assists.proposer(ask),), budget=Budget(max_checks=20))
    assert isinstance(result, Repair)
    assert not result.remaining, result.state
    if after is not None:
        assert result.state.variant["main.rs"].decode() == after
