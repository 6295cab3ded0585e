"""TraceScript: read, write, and the static check."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rusta_server.trace.check import Limits, check
from rusta_server.trace.ledger import Ledger, begin, read
from rusta_server.trace.record import Kind
from rusta_server.trace.script import BadScript, Hash, Line, Script, of_steps, parse, render

texts = st.text(st.characters(codec="utf-8"), max_size=12)
payloads = st.recursive(
    st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(-1e9, 1e9).map(lambda x: round(x, 6) + 0.0)
    | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
) | st.builds(Hash, st.text("0123456789abcdef", min_size=64, max_size=64))
probabilities = st.none() | st.floats(0, 1).map(lambda x: round(x, 6) + 0.0)
lines = st.builds(
    Line,
    kind=st.sampled_from(list(Kind)),
    what=st.from_regex(r"[a-z][a-z0-9_]{0,8}(\.[a-z][a-z0-9_]{0,8})?", fullmatch=True),
    span=st.none() | texts,
    given=st.none() | payloads,
    found=st.none() | payloads,
    p=probabilities,
    tau=probabilities,
    citations=st.lists(texts, max_size=2).map(tuple),
    so=st.none() | texts,
)
ids = st.none() | st.from_regex(r"[0-9]{8}T[0-9]{6}-[0-9a-f]{8}", fullmatch=True)


@given(st.builds(Script, ids, st.lists(lines, max_size=4).map(tuple)))
@settings(max_examples=300, deadline=None)
def test_what_is_written_is_read(script):
    text = render(script)
    assert parse(text) == script
    assert render(parse(text)) == text


@given(st.text(max_size=60) | st.text('trace 1\nplan search given{}[]",#at so p', max_size=60))
@settings(max_examples=300, deadline=None)
def test_any_text_is_a_script_or_a_clear_complaint(text):
    try:
        script = parse(text)
    except BadScript as error:
        assert str(error)
    else:
        assert parse(render(script)) == script


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "line 1, column 1: expected `trace`"),
        ("trace 9\n", "version 9"),
        ("trace 1\nguess search\n", "line 2, column 1: expected plan, probe, decide or patch"),
        ("trace 1\nplan search given {\n", "line 2"),
        ("trace 1\ndecide try p 1.5\n", "must lie between 0 and 1"),
        ('trace 1\nplan search given {"n":1e999}\n', "too large a number"),
        ("trace 1\nplan search given " + "[" * 100000, "line 2|nested too deeply"),
    ],
)
def test_a_complaint_says_where_and_what(text, complaint):
    with pytest.raises(BadScript, match=complaint):
        parse(text)


def test_a_trace_as_a_script(tmp_path):
    ledger = Ledger(tmp_path)
    with begin(ledger) as trace:
        trace.add(Kind.PLAN, "search", input={"budget": {"max_checks": 3}})
        trace.add(Kind.PROBE, "cargo.check", input={"variant": {}}, output={"text": "x" * 5000})
        trace.add(
            Kind.DECIDE,
            "offer",
            span="src/lib.rs:3:5",
            p=0.9,
            tau=0.85,
            citations=("a/b#01234567",),
            decision="yes",
        )
    steps = list(read(ledger.path(trace.id)))
    script = of_steps(steps, trace.id)
    assert parse(render(script)) == script
    assert script.lines[1].found == Hash(steps[1].output_sha)
    assert check(script).holds


GOOD = """trace 1
plan search given {"budget":{"max_checks":2}}
probe cargo.check
decide offer p 0.9 tau 0.85 cite "error_codes/E0382#af3666d6"
patch propose given {"changed_lines":2} cite "error_codes/E0382#af3666d6"
"""


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda t: t.replace("plan search", "probe cargo.check\nplan search"), ("order", 2)),
        (lambda t: t.replace("probe cargo.check\n", ""), ("order", 3)),
        (lambda t: t.replace("probe cargo.check", "probe net.get"), ("allowed", 3)),
        (lambda t: t.replace("patch propose", "patch format"), ("allowed", 5)),
        (lambda t: t.replace("probe cargo.check\n", "probe cargo.check\n" * 5), ("budget", 7)),
        (lambda t: t.replace(' cite "error_codes/E0382#af3666d6"', "", 1), ("cited", 4)),
        (lambda t: t.replace("p 0.9", "p 0.8"), ("threshold", 4)),
        (lambda t: t.replace('changed_lines":2', 'changed_lines":21'), ("small", 5)),
    ],
)
def test_each_rule_finds_its_fault(change, fault):
    assert check(parse(GOOD)).holds
    witness = check(parse(change(GOOD)))
    assert fault in [(one.rule, one.line) for one in witness.faults]


def test_limits_may_be_stricter():
    assert not check(parse(GOOD), Limits(max_lines=1)).holds


def test_a_plan_may_name_the_k_of_its_policy():
    planned = GOOD.replace('"max_checks":2', '"max_checks":2,"max_lines":25')
    assert check(parse(planned.replace('changed_lines":2', 'changed_lines":25'))).holds
    larger = parse(planned.replace('changed_lines":2', 'changed_lines":26'))
    assert [fault.rule for fault in check(larger).faults] == ["small"]
    assert not check(parse(planned), Limits(max_lines=1)).holds


def test_the_witness_is_of_this_very_script():
    one, other = check(parse(GOOD)), check(parse(GOOD.replace("0.9", "0.91")))
    assert one.script_sha != other.script_sha
    assert one.to_json() == check(parse(GOOD)).to_json()
    assert one.counts == {"plan": 1, "probe": 1, "decide": 1, "patch": 1}


def test_what_cannot_be_seen_is_written_out():
    hidden = "a\u202eb\u200b\x9b31m\U000e0041\u2028c"
    script = Script(
        None, (Line(Kind.PROBE, "file.read", hidden, {hidden: hidden}, so=hidden, citations=(hidden,)),)
    )
    text = render(script)
    assert parse(text) == script
    assert all(letter.isprintable() or letter == "\n" for letter in text)
    assert "\\u202e" in text and "\\udb40\\udc41" in text
