"""What a search saw is enough to decide the same again."""

import json
from contextlib import nullcontext
from pathlib import Path

import pytest

from rusta_server.candidates import Candidate, Score
from rusta_server.config import Config
from rusta_server.errors import RustaError
from rusta_server.orchestrator import replay
from rusta_server.orchestrator.observe import CHECK, RANK, READ, Decided, traced_offers, traced_repair
from rusta_server.orchestrator.policy import is_answer, may_show
from rusta_server.orchestrator.repair import Budget, Repair
from rusta_server.patch.edit import Edit
from rusta_server.patch.shadow import FileShadow
from rusta_server.tools.process import Cancel, Cancelled, TimedOut
from rusta_server.trace import canonical
from rusta_server.trace.check import check
from rusta_server.trace.ledger import Ledger, begin, payload, read
from rusta_server.trace.record import Kind
from rusta_server.trace.script import of_steps

MOVED = b"""fn main() {
    let v = vec![1, 2, 3];
    let w = v;
    println!("{:?} {:?}", v, w);
    let n: i32 = "5";
    println!("{n}");
}
"""


def record(tmp_path, text, home=None):
    ledger = Ledger(tmp_path / "ledger")
    folder = tmp_path / "shadow"
    folder.mkdir()
    with begin(ledger) as trace:
        found = traced_repair(
            FileShadow(folder, "main.rs", {"main.rs": text}),
            lambda: nullcontext(()),
            trace,
            budget=Budget(),
            run_tests=False,
            about={"command": "fix"},
        )
    return ledger, trace.id, found


def test_the_same_observations_lead_to_the_same_decisions(tmp_path, monkeypatch):
    ledger, id, found = record(tmp_path, MOVED)
    assert isinstance(found, Repair) and not found.remaining
    steps = list(read(ledger.path(id)))
    assert [step.kind for step in steps][:1] == [Kind.PLAN]
    checks = [step for step in steps if step.what == CHECK]
    assert len(checks) == found.n_checks + 1  # and the baseline
    monkeypatch.setenv("PATH", "/nonexistent")  # no compiler is asked
    monkeypatch.setattr(Path, "home", lambda: Path("/home/somebody-else"))
    again = replay.of_decisions(ledger, steps)
    assert again.difference is None
    assert again.n_same == again.n_recorded == sum(step.kind is Kind.DECIDE for step in steps)


def test_another_observation_leads_to_another_decision(tmp_path):
    ledger, id, _ = record(tmp_path, MOVED)
    steps = list(read(ledger.path(id)))
    checks = [i for i, step in enumerate(steps) if step.what == CHECK]
    broken = payload(ledger, steps[checks[0]], "output")
    index = next(i for i in checks if not payload(ledger, steps[i], "output")["diagnostics"])
    other = Ledger(tmp_path / "other")
    with begin(other) as trace:
        for i, step in enumerate(steps):
            output = payload(ledger, step, "output")
            trace.add(
                step.kind,
                step.what,
                span=step.span,
                input=payload(ledger, step, "input"),
                output=broken if i == index else output,
                p=step.p,
                decision=step.decision,
            )
    try:
        again = replay.of_decisions(other, list(read(other.path(trace.id))))
    except RustaError as error:  # it asked what was never asked
        assert "not asked then" in str(error)
    else:
        assert again.difference


def test_a_file_with_a_secret_is_not_in_the_record(tmp_path):
    secret = "ghp_" + "Ab3" * 12
    ledger, id, _ = record(tmp_path, MOVED + f'const T: &str = "{secret}";\n'.encode())
    assert not any(secret.encode() in p.read_bytes() for p in ledger.folder.rglob("*") if p.is_file())
    steps = list(read(ledger.path(id)))
    file = payload(ledger, next(step for step in steps if step.what == READ), "output")
    assert file["content"] is None and file["sha"]
    with pytest.raises(RustaError, match="there is a secret in it"):
        replay.of_decisions(ledger, steps)


def test_a_trace_says_nothing_of_this_machine(tmp_path):
    ledger, _, _ = record(tmp_path, MOVED)
    everything = b"".join(p.read_bytes() for p in ledger.folder.rglob("*") if p.is_file())
    assert str(tmp_path).encode() not in everything
    assert str(Path.home()).encode() + b"/" not in everything


def test_what_is_kept_is_canonical(tmp_path):
    ledger, id, _ = record(tmp_path, MOVED)
    for line in ledger.path(id).read_bytes().splitlines():
        assert canonical.encode(json.loads(line)) == line


def test_everything_again_on_the_same_code(tmp_path):
    ledger, id, _ = record(tmp_path, MOVED)
    steps = list(read(ledger.path(id)))
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    again = replay.of_everything(
        ledger, steps, FileShadow(elsewhere, "main.rs", {"main.rs": MOVED}), lambda: nullcontext(())
    )
    assert again.difference is None and again.n_same > 5


def test_everything_again_on_other_code(tmp_path):
    ledger, id, _ = record(tmp_path, MOVED)
    steps = list(read(ledger.path(id)))
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    other = FileShadow(elsewhere, "main.rs", {"main.rs": MOVED.replace(b"vec![1, 2, 3]", b"vec![1u8]")})
    again = replay.of_everything(ledger, steps, other, lambda: nullcontext(()))
    assert "was recorded, now" in again.difference


def decide(offer):
    config, facts = Config(), offer.facts(1)
    return Decided(offer, may_show(config, facts), is_answer(config, facts), ("book/a#0",), config.tau_answer)


def record_offers(tmp_path, text):
    ledger = Ledger(tmp_path / "ledger")
    folder = tmp_path / "shadow"
    folder.mkdir()
    shadow = FileShadow(folder, "main.rs", {"main.rs": text})
    baseline = shadow.check({})
    with begin(ledger) as trace:
        shown = list(
            traced_offers(
                shadow,
                baseline,
                trace,
                targets=lambda errors: errors[::-1],
                decide=decide,
                budget=Budget(),
                helpers=(),
                run_tests=False,
            )
        )
    return ledger, list(read(ledger.path(trace.id))), shown


def test_offers_are_decided_the_same_again(tmp_path, monkeypatch):
    ledger, steps, shown = record_offers(tmp_path, MOVED)
    assert len([one for one in shown if one.decision.allowed]) >= 2
    assert check(of_steps(steps)).holds
    monkeypatch.setenv("PATH", "/nonexistent")
    again = replay.of_decisions(ledger, steps)
    assert again.difference is None and again.n_recorded == len(shown) + 2  # the order, the end


def test_without_a_fix_the_trace_abstains(tmp_path):
    _, steps, shown = record_offers(tmp_path, b"fn main() { let x: Nothing = unknown(; }\n")
    if not shown:
        assert steps[-1].what == "abstain" and "unknown" in steps[-1].decision
    else:
        assert steps[-1].what == "result"


class Stopping:
    """A shadow that gives no answer from a certain check on, because of a cancellation or a time limit."""

    def __init__(self, shadow, number, cancel, outcome):
        self.shadow, self.number, self.cancel, self.outcome = shadow, number, cancel, outcome
        self.files, self.edition = shadow.files, shadow.edition

    def check(self, variant, cancel=None, *, all_targets=True):
        self.number -= 1
        if self.number == 0 and self.outcome is None:
            self.cancel.set()  # just after this answer
        if self.number <= 0 and self.outcome is not None:
            if self.cancel:
                self.cancel.set()
            return self.outcome
        return self.shadow.check(variant, None, all_targets=all_targets)


@pytest.mark.parametrize("number", [1, 2, 3, 4])
@pytest.mark.parametrize("outcome", [None, Cancelled(), TimedOut(3)])
@pytest.mark.parametrize("searching", ["repair", "offers"])
def test_a_search_that_was_stopped_is_decided_the_same_again(tmp_path, number, outcome, searching):
    ledger = Ledger(tmp_path / "ledger")
    (tmp_path / "shadow").mkdir()
    real = FileShadow(tmp_path / "shadow", "main.rs", {"main.rs": MOVED})
    cancel = None if isinstance(outcome, TimedOut) else Cancel()
    baseline = real.check({})
    shadow = Stopping(real, number, cancel, outcome)
    with begin(ledger) as trace:
        if searching == "repair":
            traced_repair(
                shadow, lambda: nullcontext(()), trace, budget=Budget(), run_tests=False, cancel=cancel
            )
        else:
            for _ in traced_offers(
                shadow,
                baseline,
                trace,
                targets=lambda errors: errors,
                decide=decide,
                budget=Budget(),
                helpers=(),
                run_tests=False,
                cancel=cancel,
            ):
                pass
    steps = list(read(ledger.path(trace.id)))
    end = steps[-1]
    assert end.kind is Kind.DECIDE
    if cancel:
        assert payload(ledger, end, "output")["cancelled"]
    again = replay.of_decisions(ledger, steps)
    assert again.difference is None and not again.breaks_off and again.n_same == again.n_recorded


@pytest.mark.parametrize("searching", ["repair", "offers"])
def test_a_run_that_was_killed_is_compared_as_far_as_it_came(tmp_path, searching):
    ledger, *found = (record if searching == "repair" else record_offers)(tmp_path, MOVED)
    steps = found[0] if isinstance(found[0], list) else list(read(ledger.path(found[0])))
    first = next(number for number, step in enumerate(steps) if step.what == CHECK)
    for n_left in range(first + 1, len(steps)):
        again = replay.of_decisions(ledger, steps[:n_left])
        assert again.difference is None, (n_left, again)
        assert again.breaks_off and again.n_same == again.n_recorded


def test_what_is_no_record_of_a_search_is_said_so(tmp_path):
    ledger, id, _ = record(tmp_path, MOVED)
    steps = list(read(ledger.path(id)))
    for number in range(len(steps)):
        for key in ("input", "output"):
            for wrong in ({}, {"outcome": "checked"}, {"budget": {}}, [], "x", 3, {"content": 3, "sha": "x"}):
                other = Ledger(tmp_path / "other")
                with begin(other) as trace:
                    for i, step in enumerate(steps):
                        told = {name: payload(ledger, step, name) for name in ("input", "output")}
                        told |= {key: wrong} if i == number else {}
                        trace.add(
                            step.kind, step.what, span=step.span, p=step.p, decision=step.decision, **told
                        )
                try:
                    again = replay.of_decisions(other, list(read(other.path(trace.id))))
                except RustaError:
                    continue
                assert again.difference is None or again.n_same < again.n_recorded


def test_a_home_folder_that_is_a_part_of_what_was_asked(tmp_path, monkeypatch):
    text = MOVED.replace(b'println!("{n}")', b'include_str!("/usr/share/nothing-here")')
    ledger, id, _ = record(tmp_path, text)
    monkeypatch.setattr(Path, "home", lambda: Path("/usr/share"))
    assert replay.of_decisions(ledger, list(read(ledger.path(id)))).difference is None


def modelled(context, candidates):
    """Stands in for the byte model: a fix with an opinion that no machine repeats to the last digit."""
    path = context.diagnostic.primary.path
    at = context.files[path].text.index(b"a::zzz")
    own = Candidate("model", "5", (Edit(path, at, at + 6, b"5"),), 2 / 3, score=Score(-1 / 3, -1 / 7, -0.1))
    return [*candidates, own]


@pytest.mark.parametrize("searching", ["repair", "offers"])
def test_what_the_model_said_is_remembered(tmp_path, searching):
    ledger = Ledger(tmp_path / "ledger")
    (tmp_path / "shadow").mkdir()
    text = b"mod a {}\nfn main() {\n    let n: i32 = a::zzz;\n}\n"  # no rule mends it
    shadow = FileShadow(tmp_path / "shadow", "main.rs", {"main.rs": text})
    options = {"budget": Budget(), "run_tests": False, "rank": modelled}
    with begin(ledger) as trace:
        if searching == "repair":
            traced_repair(shadow, lambda: nullcontext(()), trace, **options)
        else:
            baseline = shadow.check({})
            more = {"targets": list, "decide": decide, "helpers": ()}
            list(traced_offers(shadow, baseline, trace, **more, **options))
    steps = list(read(ledger.path(trace.id)))
    assert any(step.what == RANK for step in steps)
    assert check(of_steps(steps)).holds
    again = replay.of_decisions(ledger, steps)
    assert again.difference is None and again.n_same == again.n_recorded > 1


def test_a_guess_is_recorded_as_one_with_what_speaks_for_it(tmp_path):
    _, steps, shown = record_offers(tmp_path, b"fn main() {\n    let n: u32 = twice(4);\n}\n")
    guesses = [one for one in shown if one.what == "guess"]
    assert guesses
    kept = [step for step in steps if step.what == "guess"]
    assert [step.p for step in kept] == [pytest.approx(one.offer.confidence, abs=1e-6) for one in guesses]
    assert all(
        step.tau == Config().tau_answer > step.p and step.decision.startswith("tau-answer: ") for step in kept
    )
    assert all(step.citations for step in kept)
