"""No sequence of calls leads to a patch that the policy forbids.

The real repair loop, policy and patch engine work on a real folder; only the compiler's and the tests'
answers are made up, at random, and so are the candidates, hostile ones among them.
"""

import shutil
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from attrs import evolve
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from rusta_server.candidates import Candidate
from rusta_server.commands import _repair, _report
from rusta_server.config import Config
from rusta_server.errors import RustaError
from rusta_server.patch import apply as tree
from rusta_server.patch.edit import Edit
from rusta_server.patch.paths import is_protected
from rusta_server.patch.proof import Level
from rusta_server.patch.result import Conflict
from rusta_server.patch.shadow import NoTests, Tested
from rusta_server.tools.diagnostic import Checked, CouldNotCheck, Diagnostic, Span
from rusta_server.tools.process import Cancel, TimedOut
from rusta_server.trace.check import check
from rusta_server.trace.ledger import Ledger, read
from rusta_server.trace.script import of_steps
from rusta_server.trace.tracing import tracing

FILES = {"src/lib.rs": b"broken\nsecond\nthird\n", "src/gen/a.rs": b"made\n", "other.rs": b"other\n"}
FOREIGN = ["../outside.rs", "src/../../outside.rs", ".git/config", "link.rs"]
PATHS = [*FILES, *FILES, *FOREIGN, "/etc/rusta-test", "src/new.rs"]
ERROR = Diagnostic(
    code="E0308",
    level="error",
    message="mismatched types",
    spans=(Span("src/lib.rs", 0, 6, 1, 1, 1, True, None, None, None, False),),
    children=(),
)


class MadeUp:
    """A shadow whose answers are drawn. It takes files for its own that are none of the workspace."""

    edition = "2021"

    def __init__(self, root, outcomes, tests, meanwhile):
        self.root, self.outcomes, self.tests, self.meanwhile = root, outcomes, tests, meanwhile
        self.files = {path: (root / path).read_bytes() for path in (*FILES, *FOREIGN)}

    def check(self, variant, cancel=None, *, all_targets=True):
        if not variant and self.files["src/lib.rs"].startswith(b"broken"):
            return Checked((ERROR,))
        return self.outcomes.pop() if self.outcomes else Checked(())

    def test(self, variant, cancel=None):
        return self.tests

    def refresh(self):
        """As the real one: the difference between the copy with the patch and the tree, by somebody else."""
        return {"other.rs"} if self.meanwhile else set()


outcomes = st.sampled_from(
    [Checked(()), Checked((ERROR,)), Checked((ERROR, evolve(ERROR, message="another"))), TimedOut(1.0)]
)


def edits(paths, end, text):
    """Those that can be made at all: what lies outside by its name cannot."""
    for path in paths:
        with suppress(Conflict):
            yield Edit(path, 0, end, text)


candidates = st.lists(
    st.builds(
        lambda paths, end, n, prior: Candidate(
            "rule/made-up", "mend", tuple(edits(paths, end, b"fixed\n" * n)), prior
        ),
        st.just(["src/lib.rs"]) | st.lists(st.sampled_from(PATHS), min_size=1, max_size=2, unique=True),
        st.integers(0, 6),
        st.integers(1, 3) | st.integers(0, 30),
        st.sampled_from([0.05, 0.5, 0.9]),
    ),
    min_size=1,
    max_size=3,
)
levels = st.sampled_from(["v1", "v2", "v3"])


class Calls(RuleBasedStateMachine):
    """A person, an editor or a program asks for fixes, writes them and takes them back."""

    def __init__(self):
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="rusta-calls-"))
        self.root = self.folder / "workspace"
        for path, data in FILES.items():
            (self.root / path).parent.mkdir(parents=True, exist_ok=True)
            (self.root / path).write_bytes(data)
        (self.folder / "outside.rs").write_bytes(b"mine\n")
        (self.root / "link.rs").symlink_to("../outside.rs")
        (self.root / ".git").mkdir()
        (self.root / ".git" / "config").write_bytes(b"mine\n")
        self.config = Config(cache_dir=str(self.folder / "cache"))
        self.expected = dict(FILES)

    def teardown(self):
        shutil.rmtree(self.folder)

    @rule(
        level=levels,
        apply_level=levels,
        k=st.integers(1, 30),
        never=st.sampled_from([(), ("src/gen/**",), ("*.rs",)]),
        run_tests=st.booleans(),
        tau_answer=st.sampled_from([0.0, 0.5, 0.7, 0.95]),
        tau_patch=st.sampled_from([0.0, 0.5, 0.85, 0.95]),
    )
    def set_policy(self, level, apply_level, k, never, run_tests, tau_answer, tau_patch):
        self.config = evolve(
            self.config,
            level=level,
            apply_level=apply_level,
            max_lines=k,
            never_touch=never,
            run_tests=run_tests,
            tau_answer=tau_answer,
            tau_patch=tau_patch,
        )

    @rule(
        outcomes=st.lists(outcomes, max_size=3),
        tests=st.sampled_from(
            [Tested(3, 0), NoTests(), Tested(2, 1), Tested(0, 0), TimedOut(1.0), CouldNotCheck("x", None)]
        ),
        proposed=candidates,
        wanted=st.none() | st.sampled_from([Level.V1, Level.V2, Level.V3]),
        write=st.sampled_from([True, True, False]),
        meanwhile=st.booleans(),
        anchors=st.sampled_from([1, 1, 0]),
        cancelled=st.sampled_from([False] * 5 + [True]),
    )
    def fix(self, outcomes, tests, proposed, wanted, write, meanwhile, anchors, cancelled):
        before = self.content()
        shadow = MadeUp(self.root, list(outcomes), tests, meanwhile)
        cancel = Cancel()
        if cancelled:
            cancel.set()
        ledger = Ledger(self.folder / "cache" / "ledger")

        @contextmanager
        def helping(copy, config):
            yield (lambda context: proposed,)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(_repair, "helping", helping)
            patch.setattr(_repair._docs, "at_hand", lambda config, root: None)
            patch.setattr(_report, "_anchors", lambda *_: [{"id": "a/b#01234567", "quote": "q"}] * anchors)
            with tracing(ledger, lambda error: pytest.fail(str(error))) as trace:
                id = trace.id
                try:
                    found, summary = _repair.run(
                        self.root,
                        shadow,
                        self.config,
                        trace,
                        wanted=wanted,
                        write=write,
                        cancel=cancel,
                        on_event=lambda event: None,
                    )
                except RustaError:
                    assert self.content() == before
                    return
        steps = list(read(ledger.path(id)))
        assert all(step.decision for step in steps if step.kind in ("decide", "patch"))
        after = self.content()
        changed = {path for path in after if after[path] != before.get(path)}
        assert set(after) == set(before)
        if not summary["written"]:
            assert not changed
            assert not any(step.what == "apply" for step in steps)
        for fix in summary["fixes"]:
            assert Level.parse(fix["level"]) >= max(wanted or Level.parse(self.config.level), Level.V1)
            assert fix["anchors"] and fix["changed_lines"] <= self.config.max_lines
            assert fix["guess"] == (fix["confidence"] < self.config.tau_answer) == (fix["next"] is not None)
        if not summary["written"]:
            return
        assert write and found.level >= Level.V2 and not found.remaining
        assert not (isinstance(tests, Tested) and self.config.run_tests and not tests.green)
        if self.config.run_tests and not isinstance(tests, NoTests):
            assert wanted or found.level >= Level.parse(self.config.apply_level)
        assert wanted or min(found.confidences(shadow.files)) >= self.config.tau_patch - 1e-4
        assert anchors and max(found.n_lines(shadow.files)) <= self.config.max_lines
        assert changed and not any(is_protected(path, self.config.never_touch) for path in changed)
        applied = [step for step in steps if step.what == "apply"]
        assert len(applied) == 1 and applied[0].citations and applied[0].decision.startswith("written-at-v")
        assert check(of_steps(steps)).holds
        self.expected.update({path: after[path] for path in changed})

    @rule(data=st.data())
    def take_back(self, data):
        journals = self.config.cache / "journals"
        known = [record.id for record in tree.history(journals)]
        if not known:
            return
        before = self.content()
        try:
            done = tree.revert(self.root, data.draw(st.sampled_from(known)), journals=journals)
        except Conflict:
            assert self.content() == before
            return
        self.expected.update({path: self.content()[path] for path in done.paths})

    def content(self):
        return {path: (self.root / path).read_bytes() for path in FILES}

    @invariant()
    def nothing_else_is_touched(self):
        assert (self.folder / "outside.rs").read_bytes() == b"mine\n"
        assert (self.root / ".git" / "config").read_bytes() == b"mine\n"
        assert (self.root / "link.rs").is_symlink()
        assert self.content() == self.expected
        files = {path.relative_to(self.root).as_posix() for path in self.root.rglob("*") if path.is_file()}
        assert files == {*FILES, "link.rs", ".git/config"}


TestCalls = Calls.TestCase
TestCalls.settings = settings(
    max_examples=200, stateful_step_count=10, deadline=None, suppress_health_check=list(HealthCheck)
)
