"""What a search saw is enough to decide the same again."""

import json
from contextlib import nullcontext
from pathlib import Path

import pytest

from rusta_server.config import Config
from rusta_server.errors import RustaError
from rusta_server.orchestrator import replay
from rusta_server.orchestrator.observe import CHECK, READ, Decided, traced_offers, traced_repair
from rusta_server.orchestrator.policy import may_show
from rusta_server.orchestrator.repair import Budget, Repair
from rusta_server.patch.shadow import FileShadow
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
                decide=lambda offer: Decided(
                    offer, may_show(Config(), offer.facts(1)), ("book/a#0",)
                ),
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
    assert again.difference is None and again.n_recorded == len(shown) + 1


def test_without_a_fix_the_trace_abstains(tmp_path):
    _, steps, shown = record_offers(tmp_path, b"fn main() { let x: Nothing = unknown(; }\n")
    if not shown:
        assert steps[-1].what == "abstain" and "unknown" in steps[-1].decision
    else:
        assert steps[-1].what in ("offer", "abstain")
