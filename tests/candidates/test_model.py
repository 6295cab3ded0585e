"""The byte model as a source: with the tests' own weights, which are real in form and know nothing."""

import shutil
from pathlib import Path

import pytest
from attrs import asdict, evolve

from rusta_inference import codec, decode, engine
from rusta_inference.problem import of_diagnostic
from rusta_server.candidates import Candidate, Context, Source
from rusta_server.candidates.model import SHIPPED, ByteModel, Weights, _Consulted, _title, _up_to_hole, look
from rusta_server.patch.edit import Edit, apply
from rusta_server.tools.diagnostic import Diagnostic, Span
from rusta_server.tools.process import Cancel

WEIGHTS = Path(__file__).parents[1] / "inference/model"
FILE = "src/main.rs"
CODE = b'fn main() {\n    let n: i32 = "5";\n    take(n);\n}\n'


def span(needle: bytes, **more) -> Span:
    start = CODE.index(needle)
    line = CODE.count(b"\n", 0, start) + 1
    told = {"label": None, "replacement": None, "applicability": None, "is_primary": True, **more}
    return Span(
        path=FILE,
        start=start,
        end=start + len(needle),
        line=line,
        column=1,
        line_end=line,
        in_macro=False,
        **told,
    )


ERROR = Diagnostic("E0308", "error", "mismatched types", (span(b'"5"', label="expected `i32`"),), ())


def context(*children: Diagnostic) -> Context:
    error = evolve(ERROR, children=children)
    return Context(error, (error,), {FILE: Source(FILE, CODE)})


def edit(old: bytes, new: bytes) -> Edit:
    start = CODE.index(old)
    return Edit(FILE, start, start + len(old), new)


def candidate(old: bytes, new: bytes, prior: float = 0.5) -> Candidate:
    return Candidate("rule/test", "do it", (edit(old, new),), prior)


@pytest.fixture(scope="module")
def model():
    model = ByteModel(WEIGHTS, n_threads=1)
    yield model
    model.worker.close()  # Missing has none: then all of them fail


@pytest.fixture(scope="module")
def shipped():
    """The weights that are installed: those of the tests write nothing that is worth trying."""
    model = ByteModel(SHIPPED, n_threads=1)
    yield model
    model.worker.close()


def test_what_others_propose_comes_back_scored_and_with_its_own_title(model):
    given = [candidate(b'"5"', b"5"), candidate(b"i32", b"&str")]
    found = model.ranking()(context(), given)
    assert [one.title for one in found[:2]] == ["do it", "do it"]
    assert [one.edits for one in found[:2]] == [one.edits for one in given]
    assert all(one.score is not None and one.score.total <= one.score.least <= 0 for one in found[:2])
    assert all(0 < one.prior < 1 for one in found)


def test_what_it_writes_itself_can_be_applied_and_parses_no_worse(shipped):
    own = [one for one in shipped.ranking()(context(), []) if one.source == "model"]
    assert own
    effects = {apply({FILE: CODE}, one.edits)[FILE] for one in own}
    assert len(effects) == len(own), "no two do the same"
    assert CODE not in effects
    for text in effects:
        assert not Source(FILE, text).root.has_error or Source(FILE, CODE).root.has_error


def test_a_candidate_that_cannot_be_said_to_it_is_kept_without_a_score(model):
    far = Candidate("rule/test", "elsewhere", (Edit("other.rs", 0, 0, b"x"),), 0.4)
    (found, *_) = model.ranking()(context(), [far])
    assert (found.edits, found.score) == (far.edits, None)


def test_the_same_question_has_the_same_answer(model):
    given = [candidate(b'"5"', b"5")]
    assert model.ranking()(context(), given) == model.ranking()(context(), given)


def test_the_same_prompt_of_another_text_has_its_own_answer(shipped):
    """A line that the model is not shown moves all the others."""
    filler = b"".join(b"pub const C%d: u8 = %d;\n" % (n, n % 200) for n in range(200))
    starts = []
    for above in (b"// one\n", b"// one\n// two\n"):
        head = above + filler
        moved = evolve(
            ERROR,
            spans=tuple(
                evolve(one, start=one.start + len(head), end=one.end + len(head)) for one in ERROR.spans
            ),
        )
        there = Context(moved, (moved,), {FILE: Source(FILE, head + CODE)})
        starts.append([[one.start for one in own.edits] for own in shipped.ranking()(there, [])])
    assert starts[0]
    assert starts[1] == [[start + len(b"// two\n") for start in edits] for edits in starts[0]]


class Scripted:
    """Stands in for the process: writes what the script says, if it may begin so."""

    def __init__(self, *texts: bytes) -> None:
        self.texts = texts

    def prefill(self, tokens, *, cancelled):
        return tokens

    def score(self, read, answers, *, cancelled):
        return tuple(engine.Score((-0.5,) * len(answer), None) for answer in answers)

    def generate(self, prompt, *, n, begin, accept, cancelled):
        found = []
        for text in self.texts:
            tokens = codec.encode_edits(prompt, [codec.Edit(FILE, 0, len(CODE), text)])
            answer = codec.decode(prompt, tokens)
            if tokens[: len(begin)] == begin and accept(answer):
                score = engine.Score((-1.0,) * len(tokens), None)
                found.append(decode.Candidate(answer, tokens, score, log_p=-1.0))
        return decode.Generated(tuple(found[:n]), p_abstain=0.25)


def asked(scripted: Scripted, context: Context, candidates=()):
    problem = of_diagnostic(asdict(context.diagnostic), {FILE: CODE})
    return list(_Consulted(scripted, context, problem, None).opinions(candidates))


def test_a_hole_in_a_suggestion_is_filled_behind_what_the_compiler_says():
    suggested = span(b"take(n)", replacement="take(n, /* u8 */)", applicability="HasPlaceholders")
    help_ = Diagnostic(None, "help", "provide the argument", (suggested,), ())
    good = CODE.replace(b"(n)", b"(n, 7)")
    scripted = Scripted(good, CODE.replace(b"(n)", b"(n, /* u8 */)"), CODE.replace(b"take", b"give"))
    filled = [
        one.candidate for one in asked(scripted, context(help_)) if one.candidate.source == "rustc+model"
    ]
    assert [apply({FILE: CODE}, one.edits)[FILE] for one in filled] == [good]


def test_what_somebody_proposed_already_keeps_its_name_and_comes_once():
    found = asked(Scripted(CODE.replace(b'"5"', b"5")), context(), [candidate(b'"5"', b"5")])
    assert [(one.candidate.source, one.candidate.title) for one in found] == [("rule/test", "do it")]
    assert found[0].features["abstains"] == 0.25


def test_an_edit_that_parses_worse_or_changes_only_white_space_is_not_proposed():
    worse = (CODE.replace(b";", b"", 1), CODE.replace(b"}", b""), CODE.replace(b"{", b"{\n", 1))
    assert asked(Scripted(*worse), context()) == []


class Asking(Scripted):
    """Would rather see the definition of `Point` first, and then writes what the script says."""

    def __init__(self, target: str, *texts: bytes) -> None:
        super().__init__(*texts)
        self.target, self.prompts = target, []

    def generate(self, prompt, **options):
        self.prompts.append(bytes(token for token in prompt.tokens if token < 256))
        written = super().generate(prompt, **options)
        if len(self.prompts) > 1:
            return written
        wish = codec.decode(prompt, codec.encode_probe("ra.goto_def", self.target))
        probe = decode.Candidate(wish, (), engine.Score((-0.5,), None), log_p=-0.5)
        return evolve(written, candidates=(probe, *written.candidates))


@pytest.mark.parametrize(("target", "n_prompts"), [("Point", 2), ("Nothing", 1), ("Twice", 1)])
def test_a_definition_that_it_asks_for_is_shown_to_it(target, n_prompts):
    there = context()
    root = (
        b"/// A place.\npub struct Point {\n    pub x: i32,\n}\nfn Twice() {}\nmod inner { fn Twice() {} }\n"
    )
    files = {**there.files, "src/lib.rs": Source("src/lib.rs", root)}
    asking = Asking(target, CODE.replace(b'"5"', b"5"))
    found = asked(asking, evolve(there, files=files))
    assert len(asking.prompts) == n_prompts
    assert [b"pub x: i32" in prompt for prompt in asking.prompts] == [False, True][:n_prompts]
    assert [apply({FILE: CODE}, one.candidate.edits)[FILE] for one in found] == list(asking.texts)


def test_where_a_hole_begins():
    tokens = (codec.LINE_0, *b"f()", codec.TO, *b"f(/* u8 */)", codec.END)
    assert _up_to_hole(tokens) == (codec.LINE_0, *b"f()", codec.TO, *b"f(")
    assert _up_to_hole((codec.LINE_0, *b"/* old */", codec.TO, *b"new", codec.END)) == ()


def test_without_weights_nothing_is_changed(tmp_path, caplog):
    given = [candidate(b'"5"', b"5")]
    missing = ByteModel(tmp_path / "nowhere")
    assert missing.ranking()(context(), given) == tuple(given)
    assert missing.ranking()(context(), given) == tuple(given)
    assert len([one for one in caplog.records if "no byte model" in one.message]) == 1, "it is said once"


def test_broken_weights_change_nothing(tmp_path):
    shutil.copytree(WEIGHTS, tmp_path / "model")
    (graph, *_) = sorted((tmp_path / "model").glob("*.onnx*"))
    graph.write_bytes(graph.read_bytes()[:-10])
    given = [candidate(b'"5"', b"5")]
    assert ByteModel(tmp_path / "model").ranking()(context(), given) == tuple(given)


def test_a_process_that_dies_costs_one_opinion_and_no_more():
    model = ByteModel(WEIGHTS, n_threads=1)
    given = [candidate(b'"5"', b"5")]
    assert model.ranking()(context(), given) != tuple(given)
    worker = model.worker
    worker._process.kill()
    worker._process.wait()
    other = [candidate(b"i32", b"&str")]
    assert len(model.ranking()(context(), other)) >= 1
    assert model.ranking()(context(), other)[0].score is not None
    worker.close()
    assert model.ranking()(context(), [*given, *other]) == (*given, *other)


def test_a_cancelled_search_is_told_nothing_half(model):
    cancel = Cancel()
    cancel.set()
    given = [candidate(b"take", b"give")]
    assert model.ranking(cancel)(context(), given) == tuple(given)
    assert model.ranking()(context(), given)[0].score is not None, "and it is not remembered"


def test_a_diagnostic_without_a_place_is_nothing_to_ask_about(model):
    error = Diagnostic("E0601", "error", "`main` function not found", (), ())
    given = [candidate(b'"5"', b"5")]
    nowhere = evolve(context(), diagnostic=error)
    assert model.ranking()(nowhere, given) == tuple(given)


@pytest.mark.parametrize(
    ("edits", "title"),
    [
        ([edit(b'"5"', b"5")], 'Replace `"5"` by `5`'),
        ([edit(b"n: i32", b"n")], "Replace `n: i32` by `n`"),
        ([Edit(FILE, 0, 0, b"use std::fmt;\n")], "Insert `use std::fmt;`"),
        ([Edit(FILE, 0, 0, b"fn f() {\n}\n")], "Insert `fn f() {` and 1 more line"),
        ([edit(b": i32", b"")], "Remove `: i32`"),
        ([edit(b"n: i32", b"n"), edit(b"take", b"give")], "Replace `n: i32` by `n` (and 1 more change)"),
        ([Edit(FILE, 0, len(CODE), CODE.replace(b"i32", b"u32"))], "Replace `i32` by `u32`"),
    ],
)
def test_a_title_says_what_the_edits_do(edits, title):
    assert _title(edits, context()) == title


def test_weights_are_described_without_starting_anything(tmp_path):
    assert look(WEIGHTS).usable and str(WEIGHTS) in look(WEIGHTS).said
    assert look(tmp_path) == Weights(False, f"there are no weights in {tmp_path}")
    shutil.copytree(WEIGHTS, tmp_path / "model")
    (graph, *_) = sorted((tmp_path / "model").glob("*.onnx*"))
    graph.write_bytes(graph.read_bytes()[:-10])
    assert not look(tmp_path / "model").usable
