"""A trace from elsewhere with secrets in it is refused by name and place, and nothing of it stays."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rusta_server.trace import canonical, ledger, secrets
from rusta_server.trace.bundle import export, import_
from rusta_server.trace.foreign import HoldsSecrets, Secret, secrets_in
from rusta_server.trace.ledger import Ledger, begin, read
from rusta_server.trace.record import Kind
from rusta_server.trace.secrets import MARK, clean_value, find, kinds

TOKEN = "ghp_" + "Ab3" * 12
PASSWORD = 'password = "hunter2hunter2"'


@pytest.fixture
def careless(monkeypatch):
    """A Rusta that takes nothing out of what it writes."""
    monkeypatch.setattr(ledger, "clean_value", lambda value: value)


def write(folder: Path, **second) -> tuple[Ledger, str]:
    there = Ledger(folder)
    with begin(there, clock=lambda: 0.0) as trace:
        trace.add(Kind.PLAN, "search")
        trace.add(Kind.PROBE, "cargo.check", **second)
    return there, trace.id


def found_in(there: Ledger, id: str) -> list[tuple[int, str, str]]:
    found = secrets_in(there.path(id).read_bytes(), list(read(there.path(id))))
    return [(one.step, one.field, one.kind) for one in found]


@pytest.mark.usefixtures("careless")
@pytest.mark.parametrize(
    ("step", "field", "kind"),
    [
        ({"output": {"errors": ["", {"text": f"at {TOKEN}"}]}}, "output.errors[1].text", "GitHub token"),
        ({"input": [PASSWORD]}, "input[0]", "value beside a secret's name"),
        ({"input": {"env": {"API_KEY": "x"}}}, "input.env.API_KEY", "value beside a secret's name"),
        ({"input": {"passwords": [MARK, "x"]}}, "input.passwords[1]", "value beside a secret's name"),
        ({"input": {TOKEN: 1}}, f"input.{MARK}", "GitHub token"),
        ({"span": "git://me:hunter2@host/x"}, "span", "password in an address"),
        ({"decision": "Bearer abcdefghijklmnopqrstuv"}, "decision", "authorization"),
        ({"citations": ("a", "AKIA" + "A1B2" * 4)}, "citations[1]", "AWS key"),
        ({"output": "-----BEGIN RSA PRIVATE KEY-----\nabc"}, "output", "private key"),
    ],
)
def test_field_and_kind_are_named(tmp_path, step, field, kind):
    assert found_in(*write(tmp_path, **step)) == [(1, field, kind)]


def test_fields_of_a_later_version_are_looked_at_too(tmp_path):
    there, id = write(tmp_path)
    rows = [json.loads(line) for line in there.path(id).read_bytes().splitlines()]
    rows[1]["note"] = TOKEN
    del rows[1]["sha"]
    rows[1]["sha"] = canonical.sha(rows[1])
    there.path(id).write_bytes(b"".join(canonical.encode(row) + b"\n" for row in rows))
    assert found_in(there, id) == [(1, "note", "GitHub token")]


@pytest.mark.usefixtures("careless")
def test_a_value_of_this_machine_is_known_wherever_it_comes_from(tmp_path, monkeypatch):
    monkeypatch.setenv("STORE_PASSWORD", "plain words")
    secrets._of_environment.cache_clear()
    try:
        assert found_in(*write(tmp_path, output="it said: plain words")) == [
            (1, "output", "value of a variable of this machine")
        ]
    finally:
        monkeypatch.undo()
        secrets._of_environment.cache_clear()


LONG = {"text": f"{PASSWORD} " + "x" * 2000}  # a payload beside the line


@pytest.mark.usefixtures("careless")
@pytest.mark.parametrize("output", [{"text": TOKEN}, LONG], ids=["in the line", "beside it"])
def test_an_import_with_a_secret_leaves_nothing_unless_it_is_wanted(tmp_path, output):
    there, id = write(tmp_path / "there", output=output)
    export(there, id, tmp_path / "one.tgz")
    here = Ledger(tmp_path / "here")
    with pytest.raises(HoldsSecrets) as refused:
        import_(here, tmp_path / "one.tgz")
    assert str(refused.value).startswith("one.tgz holds what looks like a secret: step 1, output.text (")
    assert [(one.step, one.field) for one in refused.value.secrets] == [(1, "output.text")]
    assert TOKEN not in str(refused.value) and "hunter2" not in str(refused.value)
    assert not here.folder.exists()
    assert import_(here, tmp_path / "one.tgz", keep_secrets=True) == id
    assert here.path(id).read_bytes() == there.path(id).read_bytes()


@pytest.mark.usefixtures("careless")
def test_of_many_the_first_are_named(tmp_path):
    there, id = write(tmp_path / "there", input={"all": [TOKEN] * 5}, output=[PASSWORD] * 40)
    export(there, id, tmp_path / "one.tgz")
    with pytest.raises(
        HoldsSecrets, match=r"step 1, input.all\[0\] \(GitHub token\), and 19 more"
    ) as refused:
        import_(Ledger(tmp_path / "here"), tmp_path / "one.tgz")
    assert refused.value.secrets[4:6] == (
        Secret(1, "input.all[4]", "GitHub token"),
        Secret(1, "output[0]", "value beside a secret's name"),
    )


PIECES = st.lists(
    st.sampled_from(
        [
            *("password", "secret", "API_TOKEN", "private_key", "token ", "Bearer ", "Basic ", "://", "me:"),
            *(" ", "=", ":", "=>", "(", '"', "'", '\\"', "\\", "\n", "@", "/", "/home/ada/", "::", "b", "r#"),
            *(TOKEN, "AKIA" + "A1B2" * 4, "sk-", "glpat-", "npm_", "eyJ" + "Ab3" * 5, ".", "-", "_", "xyz"),
            *(
                "abcdefghijkl",
                "abcdefghijklmnopq",
                "Secret::new(",
                "&str",
                MARK,
                "-----BEGIN PRIVATE KEY-----",
            ),
        ]
    ),
    max_size=12,
).map("".join)
VALUES = st.recursive(
    PIECES | st.none() | st.integers(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(PIECES, inner, max_size=3),
    max_leaves=8,
)


@settings(deadline=None)
@given(VALUES)
def test_what_rusta_wrote_is_taken_in_by_rusta(value):
    """Whatever came into a record: nothing is left in it that another Rusta would refuse."""
    assert list(find(clean_value(value))) == []


@settings(deadline=None)
@given(VALUES)
def test_a_secret_is_found_where_it_would_be_taken_out(value):
    without_homes = json.loads(json.dumps(value).replace("/home/ada/", "/ada/"))
    assert bool(list(find(without_homes))) == (
        clean_value(without_homes, home=Path("/none")) != without_homes
    )


@settings(deadline=None)
@given(PIECES)
def test_no_secret_lacks_what_is_looked_for_first(text):
    """`clean` is done with a text at once if one quick pattern does not match; that must not lose any."""
    for _, pattern, _ in secrets._RULES:
        assert secrets._TRIGGER.search(text) or not pattern.search(text)
    assert all(secrets._TRIGGER.search(name) for name in ("passphrase", "API_KEY", "x_TOKEN", "credential"))


def test_ordinary_text_is_of_no_kind():
    assert kinds("let token = next_token(); // sk_ip") == []
