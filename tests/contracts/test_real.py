"""What Rusta really writes fits its contracts: traces, citations, settings, cards, patches."""

import json
import os
import subprocess
import sys
import tomllib
from functools import cache

import msgspec
import pytest
from attrs import evolve, fields
from jsonschema import Draft202012Validator, FormatChecker

from rusta_server import config
from rusta_server.config import Config
from rusta_server.contracts import CONTRACTS, read, write
from rusta_server.contracts.dataset import Card, of_card
from rusta_server.contracts.methods import METHODS
from rusta_server.contracts.patch import Base64, of_engine, to_engine
from rusta_server.contracts.policy import Policy
from rusta_server.contracts.protocol import Answer, Call, result_of
from rusta_server.contracts.schema import schema
from rusta_server.orchestrator import cards
from rusta_server.patch import apply, diff, shrink
from rusta_server.patch.patch import between
from rusta_server.trace import canonical, ledger
from rusta_server.trace.record import Kind

MANIFEST = '[package]\nname = "demo"\nversion = "0.1.0"\nedition = "2021"\n'
BROKEN = """pub fn longest(words: &Vec<String>) -> String {
    let mut best = String::new();
    for word in words {
        if word.len() > best.len() {
            best = word;
        }
    }
    best
}

#[test]
fn the_longest() {
    assert_eq!(longest(&vec!["a".into(), "bcd".into()]), "bcd");
}
"""


def rusta(*arguments, cwd):
    command = [sys.executable, "-m", "rusta_server", *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=300, env=os.environ)


@cache
def validator(name):
    return Draft202012Validator(schema(CONTRACTS[name]), format_checker=FormatChecker())


def fix_a_crate(root):
    (root / "src").mkdir()
    (root / "Cargo.toml").write_text(MANIFEST)
    (root / "src/lib.rs").write_text(BROKEN)
    return rusta("fix", ".", "--json", "--apply", "--cache-dir", "cache", cwd=root)


def get_stuck(root):
    (root / "main.rs").write_text("struct A;\nfn main() {\n    A::nope(1);\n}\n")
    return rusta("fix", "main.rs", "--json", "--no-model", "--cache-dir", "cache", cwd=root)


def explain(root):
    (root / "cache").mkdir()
    (root / "cache/docs").symlink_to(Config().cache / "docs")
    return rusta("explain", "E0382", "--json", "--cache-dir", "cache", cwd=root)


@pytest.fixture(
    scope="module",
    params=[
        pytest.param((fix_a_crate, 0, {"file.read", "cargo.check", "cargo.test"}), id="fix"),
        pytest.param((explain, 0, {"docs.anchor"}), id="explain"),
        pytest.param((get_stuck, 1, {"ra.assists"}), id="stuck", marks=pytest.mark.slow),
    ],
)
def traced(request, tmp_path_factory, docs):
    """The ledger of a real run, its one trace, and tools that were asked in it."""
    root = tmp_path_factory.mktemp("real")
    run, code, tools = request.param
    ended = run(root)
    assert ended.returncode == code, ended.stderr
    kept = ledger.Ledger(root / "cache/ledger")
    (id_,) = kept.ids()
    return kept, id_, tools


def test_every_line_of_a_real_trace_fits(traced):
    kept, id_, _ = traced
    lines = kept.path(id_).read_bytes().splitlines()
    assert len(lines) > 2
    for line in lines:
        validator("trace").validate(json.loads(line))
        assert write(read("trace", line)) == line
    assert [read("trace", line) for line in lines] == list(ledger.read(kept.path(id_)))


def test_every_probe_of_a_real_trace_is_a_message_of_the_protocol(traced):
    kept, id_, tools = traced
    asked = set()
    for step in ledger.read(kept.path(id_)):
        if step.kind is not Kind.PROBE:
            continue
        asked.add(step.what)
        given, found = (ledger.payload(kept, step, which) for which in ("input", "output"))
        call = {"jsonrpc": "2.0", "id": step.seq, "method": step.what, "params": given}
        answer = {"jsonrpc": "2.0", "id": step.seq, "result": found}
        for message, type_ in ((call, Call), (answer, Answer)):
            validator("protocol").validate(message)
            assert isinstance(read("protocol", canonical.encode(message)), type_)
        # All that was written has a place in the types.
        assert msgspec.to_builtins(msgspec.convert(given, METHODS[step.what].params)) == given
        assert is_part(found, canonical.decode(canonical.encode(result_of(step.what, found))))
    assert tools <= asked


def is_part(less, more):
    """Whether `more` is `less` with nothing but defaults added."""
    if isinstance(less, dict):
        return all(name in more and is_part(part, more[name]) for name, part in less.items())
    if isinstance(less, list):
        return len(less) == len(more) and all(map(is_part, less, more))
    return less == more


def test_the_anchors_of_an_explanation_fit(tmp_path, docs):
    (tmp_path / "docs").symlink_to(Config().cache / "docs")
    told = json.loads(rusta("explain", "E0382", "--json", "--cache-dir", tmp_path, cwd=tmp_path).stdout)
    anchors = [
        anchor
        for explanation in told["explanations"]
        for part in explanation["parts"]
        for claim in part["claims"]
        for anchor in claim["citations"]
    ]
    assert len(anchors) > 2
    for anchor in anchors:
        validator("anchor").validate(anchor)
        value = read("anchor", json.dumps(anchor).encode())
        assert value.id == anchor["id"]
        assert is_part(json.loads(write(value)), anchor)


def test_a_projects_file_fits_and_means_the_same_to_the_server(tmp_path):
    text = '[policy]\nlevel = "v2"\nmax_lines = 7\nnever_touch = ["src/generated/**"]\n'
    (tmp_path / config.POLICY_FILE).write_text(text)
    raw = tomllib.loads(text)
    validator("policy").validate(raw)
    policy = read("policy", json.dumps(raw).encode()).policy
    loaded = config.load({}, project=tmp_path)
    assert {option.name: getattr(policy, option.name) for option in fields(Policy)} == {
        option.name: getattr(loaded, option.name) for option in fields(Policy)
    }


def test_the_policy_is_all_options_of_the_policy_with_their_defaults():
    known = {option.name: option.default for option in fields(Config) if option.metadata.get("policy")}
    assert {option.name: option.default for option in fields(Policy)} == known


def test_every_card_fits():
    every = {id(card): card for about in cards.load().about.values() for card in about}
    assert len(every) > 100
    for card in every.values():
        record = of_card(card)
        text = write(record)
        validator("card").validate(json.loads(text))
        assert read("card", text) == record


def test_a_record_of_a_card_has_all_its_fields():
    assert {one.name for one in fields(Card)} == {one.name for one in fields(cards.Card)} | {"v"}


def test_a_patch_is_kept_sent_and_carried_out(tmp_path):
    root = tmp_path / "tree"
    root.mkdir()
    old, new = b"one\r\ntwo\xff\r\nthree", b"one\r\n\xfe2\r\nthree\n"
    (root / "a.rs").write_bytes(old)
    made = between({"a.rs": old}, {"a.rs": new, "b.rs": "ü\n".encode()}, creates=["b.rs"])
    shrunk = shrink.shrink(diff.hunks("a.rs", old, new), lambda hunks: True)
    kept = of_engine(made, shrunk)
    assert any(isinstance(edit.text, Base64) for edit in kept.edits)
    text = write(kept)
    validator("patch").validate(json.loads(text))
    again = read("patch", text)
    assert again == kept
    assert to_engine(again) == evolve(made, edits=tuple(sorted(made.edits)))
    apply.apply(root, to_engine(again), journals=tmp_path / "journals")
    assert (root / "a.rs").read_bytes() == new
    assert (root / "b.rs").read_text() == "ü\n"
