"""Triplets made with the real compiler: each is what it claims to be, together with others as alone."""

import copy
import json
import random
from collections import Counter
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rusta_inference import codec
from rusta_training import error_class, samples, triplets
from rusta_training.compile import Program, is_balanced, judge, judge_alone, main_path
from rusta_training.mutate import Edit, Mutation

SCHEMA = Path(__file__).parents[2] / "schemas/triplet.schema.json"

TEXTS = {
    "moves": """\
#[derive(Debug, Clone, PartialEq)]
struct Point {
    x: i32,
    y: i32,
}

fn shifted(point: &Point, by: i32) -> Point {
    let mut copy = point.clone();
    copy.x += by;
    copy
}

fn main() {
    let start = Point { x: 1, y: 2 };
    let end = shifted(&start, 3);
    println!("{:?} {:?}", start, end);
}
""",
    "traits": """\
use std::collections::HashMap;
use std::fmt;

enum Shape {
    Circle(f64),
    Square { side: f64 },
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Shape::Circle(radius) => write!(f, "circle of {}", radius),
            Shape::Square { side } => write!(f, "square of {}", side),
        }
    }
}

pub fn count<'a>(words: &'a [&'a str]) -> HashMap<&'a str, usize> {
    let mut counts = HashMap::new();
    for word in words {
        *counts.entry(*word).or_insert(0) += 1;
    }
    counts
}

pub fn describe(side: f64) -> String {
    Shape::Square { side }.to_string() + &Shape::Circle(side).to_string()
}
""",
    "modules": """\
mod store {
    pub struct Store {
        items: Vec<String>,
    }

    impl Store {
        pub fn new() -> Self {
            Store { items: Vec::new() }
        }

        pub fn add(&mut self, item: &str) -> Result<usize, String> {
            if item.is_empty() {
                return Err("empty".to_string());
            }
            self.items.push(item.to_string());
            Ok(self.items.len())
        }
    }
}

use store::Store;

pub fn run() -> Result<usize, String> {
    let mut store = Store::new();
    store.add("a")?;
    store.add("b")
}
""",
}
ROWS = [
    {"id": f"{name}{number}", "source": "ab" * 32, "edition": "2021", "text": text}
    for name, text in TEXTS.items()
    for number in range(2)
]


def all_rounds(rows) -> list[dict]:
    return [
        one
        for nth in range(triplets.ROUNDS)
        for one in triplets.triplets(rows, "train", density=1.5, nth=nth)
    ]


@pytest.fixture(scope="module")
def made():
    return all_rounds(ROWS)


def test_triplets_are_of_many_kinds(made):
    assert len(made) > 80
    assert len({one["diagnostic"]["code"] for one in made}) > 20
    assert len({one["klass"] for one in made}) >= 6
    assert any(len(one["broken"]) > 1 for one in made), "no module became a file"
    assert any("+" in one["operator"] for one in made), "no pairs"


def test_triplets_are_what_the_schema_says(made):
    validator = jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text()))
    for one in made:
        validator.validate(json.loads(json.dumps(one)))


def test_the_fix_leaves_the_compiler_nothing_to_say(made):
    for one in random.Random(0).sample([one for one in made if "+" not in one["operator"]], 8):
        before = Program({path: text.encode() for path, text in one["broken"].items()}, one["edition"])
        broken, after = judge_alone(before, warnings=True), judge_alone(_mended(one), warnings=True)
        assert one["diagnostic"] in broken.diagnostics, one["operator"]
        assert after is not None and not after.errors, one["operator"]
        assert one["diagnostic"]["message"] not in [d["message"] for d in after.diagnostics], one["operator"]


def test_of_two_mistakes_the_one_that_is_told_is_mended(made):
    pairs = [one for one in made if "+" in one["operator"]]
    for one in random.Random(0).sample(pairs, min(6, len(pairs))):
        said = one["diagnostic"]["code"], one["diagnostic"]["message"]
        after = judge_alone(_mended(one), warnings=True)
        assert said not in [(left["code"], left["message"]) for left in after.diagnostics], one["operator"]


def test_two_mistakes_of_which_rustc_tells_one():
    text = "fn f(a: i32) -> i32 {\n    a + 1\n}\n\nfn g(b: i32) -> i32 {\n    b + 2\n}\n"
    source = triplets.Source("one", "ab" * 32, Program({"src/lib.rs": text.encode()}, "2021"))

    def broken(*edits: Edit) -> triplets.Broken:
        return triplets.break_(source, "src/lib.rs", ("made",), Mutation("made", edits))

    syntax, name = Edit(5, 5, b"("), Edit(text.index("b + 2"), text.index(" + 2"), b"c")
    alone = [(one, judge_alone(one.program)) for one in (broken(syntax), broken(name))]
    both = broken(syntax, name)
    pair = triplets.Pair(both, *alone)
    told = pair.fix_of(judge_alone(both.program))
    assert triplets.apply(both.program.files["src/lib.rs"], told) == alone[1][0].program.files["src/lib.rs"]
    unheard_of = judge_alone(Program({"src/lib.rs": b"fn h() -> u8 { true }"}, "2021"))
    assert pair.fix_of(unheard_of) == both.fix


def test_what_is_judged_together_is_what_it_is_alone(made):
    programs = [
        Program({path: text.encode() for path, text in one["broken"].items()}, one["edition"])
        for one in random.Random(1).sample(made, 12)
    ]
    for program, verdict in zip(programs, judge(programs), strict=True):
        alone = judge_alone(program)
        assert verdict.diagnostics == alone.diagnostics[: len(verdict.diagnostics)]
        assert bool(verdict.diagnostics) == bool(alone.diagnostics)


def test_the_same_programs_give_the_same_triplets(made):
    assert all_rounds(copy.deepcopy(ROWS)) == made


def test_no_mutant_is_in_two_rounds():
    rounds = [
        {
            json.dumps(one["broken"], sort_keys=True)
            for one in triplets.triplets(ROWS[:8:2], "train", 1.5, nth)
            if "+" not in one["operator"]  # two mistakes may look like another one
        }
        for nth in range(triplets.ROUNDS)
    ]
    assert all(rounds)
    assert len(set.union(*rounds)) == sum(map(len, rounds))


def test_spans_mark_what_their_snippets_say(made):
    for one in made:
        for span in one["diagnostic"]["spans"]:
            if span["path"] not in one["broken"]:
                assert span["path"].startswith("/rustc/")
                continue
            marked = one["broken"][span["path"]].encode()[span["start"] : span["end"]].decode()
            if "\n" not in marked:
                assert marked.strip() == span["snippet"]


def test_a_neighbour_that_stops_the_compiler_hides_no_error():
    wrong = {
        "E0382": "fn f(s: String) { drop(s); drop(s); }",
        "E0425": "fn f() { nothing(); }",
        "E0046": "struct S; impl Clone for S {}",
    }
    stopping = [
        "fn f() { println!(; }",
        'fn f() { let s = "; }',
        "use std::nothing::*;",
        "struct S; impl Nothing for S {}",
        "struct S; impl Clone for Vec<u8> { fn clone(&self) -> Self { todo!() } }",
        "trait A: B {} trait B: A {}",
        "macro_rules! m { (a) => {} } m!(b);",
        "fn f() { (1; }",
    ]
    for stop in stopping:
        programs = [Program({"src/lib.rs": text.encode()}, "2021") for text in (*wrong.values(), stop)]
        *verdicts, last = judge(programs)
        assert [verdict.diagnostics[0]["code"] for verdict in verdicts] == list(wrong), stop
        assert last.errors[0] == judge_alone(programs[-1]).errors[0], stop


def test_neighbours_leave_no_trace_in_a_diagnostic():
    texts = [
        "pub struct Widget;",
        "fn f(w: Widget) {}",
        "pub struct Vec2; pub struct Rc; fn g(x: Rc) -> u8 { x }",
        "use std::rc::Rc; fn f(x: Rc<u8>) -> u8 { x }",
        "mod inner { pub struct Deep; } fn f(x: inner::Deep) -> u8 { x }",
        "mod inner { pub struct Deep; } fn f(x: inner::Deep) -> u16 { x }",
    ]
    programs = [Program({"src/lib.rs": text.encode()}, "2021") for text in texts]
    for program, verdict in zip(programs, judge(programs), strict=True):
        assert verdict.diagnostics == judge_alone(program).diagnostics
        assert "__m" not in json.dumps(verdict.diagnostics)


def test_what_is_there_is_not_made_again_and_what_is_torn_is(tmp_path, monkeypatch):
    (tmp_path / "programs.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS[:2]))
    folder = tmp_path / "out"
    triplets.make(tmp_path / "programs.jsonl", folder, "train", "programs", 0.5)
    path, *others = sorted(folder.glob("*.jsonl.xz"))
    assert [other.name.split("-")[1] for other in (path, *others)] == ["0", "1", "2"]
    first = path.read_bytes()
    assert len(list(triplets.read(folder))) > 0

    path.with_suffix(".json").unlink()
    triplets.make(tmp_path / "programs.jsonl", folder, "train", "programs", 0.5)
    assert path.read_bytes() == first

    path.write_bytes(b"kept")
    triplets.make(tmp_path / "programs.jsonl", folder, "train", "programs", 0.5)
    assert path.read_bytes() == b"kept"


@given(st.text(alphabet="(){}[]'\"a\\/*\n r#", max_size=12))
def test_balance_is_judged_without_a_crash(text):
    assert is_balanced(Program({"src/lib.rs": text.encode()}, "2021")) in (True, False)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("fn f<'a>(x: &'a str) { let c = '{'; let s = \"}\"; }", True),
        ('fn f() { let r = r#"{ " ( "#; /* { /* [ */ */ } // (', True),
        ("fn f() { (] }", False),
        ('fn f() { let s = "abc; }', False),
        ("fn f() { /* }", False),
        ("fn f() { let c = b'\\''; let d = '\\u{41}'; }", True),
    ],
)
def test_brackets_are_counted_as_rustc_counts_them(text, expected):
    assert is_balanced(Program({"src/lib.rs": text.encode()}, "2021")) is expected


def test_a_program_with_main_is_a_binary():
    assert main_path(b"fn main() {}\n") == "src/main.rs"
    assert main_path(b"fn f() {}\n// fn main()\n") == "src/lib.rs"


def test_classes_follow_the_code():
    assert error_class.of("E0382", "") == "move/ownership"
    assert error_class.of("unused_mut", "") == "lint/style"
    assert error_class.of(None, "expected `;`") == "syntax/basic"
    assert error_class.of(None, "lifetime may not live long enough") == "borrow checker"


def test_samples_end_in_the_answer_that_mends_them(made):
    kinds = Counter()
    for number, one in enumerate(made):
        sample = samples.sample_of(one, random.Random(number))
        if sample is None:
            continue
        kinds[sample.stage, sample.answer] += 1
        assert sample.tokens[0] == codec.BOS
        assert sample.tokens[-1] == codec.END
    assert kinds["s2", "edit"] > 20
    assert kinds["s3", "edit"] > 0


def test_a_fix_out_of_sight_is_not_guessed():
    filler = "".join(
        f"pub fn filler_{number}(value: usize) -> usize {{ value + {number} }}\n" for number in range(90)
    )
    text = "struct Point { x: i32 }\n" + filler + "fn f(p: Point) -> i32 {\n    p.y\n}\n"
    broken = Program({"src/lib.rs": text.encode()}, "2021")
    (diagnostic,) = judge_alone(broken).errors
    one = {
        "broken": {"src/lib.rs": text},
        "diagnostic": {**diagnostic, "children": []},
        "fix": {"edits": [{"path": "src/lib.rs", "start": 21, "end": 21, "text": ", y: i32"}]},
    }
    sample = samples.sample_of(one, random.Random(1))
    assert sample.answer == "probe"
    assert bytes(token for token in sample.tokens if token < 256).endswith(b"ra.goto_def Point")


def test_frequent_codes_are_thinned_and_rare_ones_kept():
    kept = samples.shares(
        {"E0425": 5000, "E0502": 10, "": 4000, "E0308": 1000, **{f"E01{n}": 100 for n in range(10, 40)}}
    )
    assert kept["E0502"] == 1.0
    assert kept["E0425"] < 0.3


def _mended(one):
    files = {path: text.encode() for path, text in one["broken"].items()}
    for path in files:
        edits = [
            Edit(e["start"], e["end"], e["text"].encode()) for e in one["fix"]["edits"] if e["path"] == path
        ]
        files[path] = triplets.apply(files[path], sorted(edits))
    return Program(files, one["edition"])
