"""No secret gets into a record."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rusta_server.trace import secrets
from rusta_server.trace.ledger import Ledger, begin
from rusta_server.trace.record import Kind
from rusta_server.trace.secrets import MARK, clean, clean_value

LETTERS = "Ab3" * 20
SECRETS = [
    f"ghp_{LETTERS[:36]}",
    f"github_pat_{LETTERS[:50]}",
    f"glpat-{LETTERS[:20]}",
    f"cio{LETTERS[:32]}",
    f"npm_{LETTERS[:36]}",
    f"AKIA{'A1B2' * 4}",
    f"AIza{LETTERS[:35]}",
    f"xoxb-{LETTERS[:20]}",
    f"sk_live_{LETTERS[:24]}",
    f"eyJ{LETTERS[:20]}.eyJ{LETTERS[:20]}.{LETTERS[:20]}",
    f"-----BEGIN OPENSSH PRIVATE KEY-----\n{LETTERS}\n{LETTERS}\n-----END OPENSSH PRIVATE KEY-----",
    f"-----BEGIN RSA PRIVATE KEY-----\n{LETTERS}",
]


@pytest.mark.parametrize("secret", SECRETS)
@given(before=st.text("abc {}\"'\n=:;", max_size=10), after=st.text("xyz {}\"'\n;)", max_size=10))
def test_tokens_are_taken_out_wherever_they_stand(secret, before, after):
    text = clean(f"{before} {secret} {after}")
    assert LETTERS[:12] not in text and "A1B2A1B2" not in text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('let password = "hunter2hunter2";', f'let password = "{MARK}";'),
        ('const API_KEY: &str = "s3cr3ts3cr3t";', f'const API_KEY: &str = "{MARK}";'),
        ("DB_PASSWORD=verylongpassword1", f"DB_PASSWORD={MARK}"),
        ("Authorization: Bearer abcdefghijklmnopqrstuv", f"Authorization: Bearer {MARK}"),
        ("postgres://me:topsecret@localhost/db", f"postgres://me:{MARK}@localhost/db"),
        (r'let password = "hunter2\"and-more";', f'let password = "{MARK}";'),
        ('client.password("hunter22")', f'client.password("{MARK}")'),
        ('let secret = Secret::new("hunter22");', f'let secret = Secret::new("{MARK}");'),
        (r"{\"password\": \"hunter22\"}", rf"{{\"password\": \"{MARK}\"}}"),
        ("DEPLOY_TOKEN=abcdefghijkl", f"DEPLOY_TOKEN={MARK}"),
        ("x" * 90 + '_password = "hunter22"', "x" * 90 + f'_password = "{MARK}"'),
        ("at /home/ada/src/lib.rs:3", "at /home/user/src/lib.rs:3"),
        ("at /Users/ada/src", "at /Users/user/src"),
    ],
)
def test_what_people_call_a_secret(text, expected):
    assert clean(text, home=Path("/home/someone-else")) == expected


@pytest.mark.parametrize(
    "text",
    [
        "borrow of moved value: `token`",
        "fn next_token(&mut self) -> Token { self.tokens.next() }",
        "let secret: Secret = Secret::new();",
        "sha256 0123456789abcdef0123456789abcdef",
        "/rootless/dir",
        "fn check_password(candidate_password: &str) -> bool {",
        "let password = read_password_file(path);",
        "let key = private_key_format::parse(text);",
    ],
)
def test_ordinary_code_stays(text):
    assert clean(text, home=Path("/root")) == text


def test_the_home_folder_is_not_named():
    home = Path("/home/ada")
    assert clean("/home/ada/x.rs and '/home/ada'", home=home) == "~/x.rs and '~'"
    assert "ada" not in clean("file:///home/ada/x.rs", home=home)


def test_keys_that_name_a_secret():
    assert (
        clean_value({"env": {"CARGO_REGISTRY_TOKEN": "x", "AUTH_TOKEN": "abc"}})["env"]["AUTH_TOKEN"] == MARK
    )


def test_nothing_reaches_the_disk(tmp_path):
    with begin(Ledger(tmp_path)) as trace:
        for secret in SECRETS:
            trace.add(
                Kind.PROBE,
                "cargo.check",
                span=secret,
                input={"text": f"{secret}\n" * 40},
                output={secret: [secret]},
            )
    for path in tmp_path.rglob("*"):
        if path.is_file():
            assert LETTERS[:12].encode() not in path.read_bytes()


def test_a_file_called_password_is_no_secret():
    variant = {"variant": {"password.rs": "ab" * 32}}
    assert clean_value(variant) == variant


def test_lists_below_a_secret_name():
    assert clean_value({"passwords": ["hunter2", ["x"]]}) == {"passwords": [MARK, [MARK]]}


def test_what_the_environment_keeps_secret(monkeypatch):
    monkeypatch.setenv("STORE_PASSWORD", "plain words as a secret")
    monkeypatch.setenv("SHORT_SECRET", "true")
    secrets._of_environment.cache_clear()
    try:
        assert clean("it printed plain words as a secret!") == f"it printed {MARK}!"
        assert clean("true") == "true"
    finally:
        monkeypatch.undo()
        secrets._of_environment.cache_clear()


@settings(deadline=None)
@given(
    st.text("ab12\"'\\ =:/@~-_.\n") | st.sampled_from(SECRETS),
    st.sampled_from(["password", "://a:", "token "]),
)
def test_what_is_clean_stays_as_it_is(text, word):
    once = clean(word + text)
    assert clean(once) == once


@pytest.mark.parametrize(
    "piece",
    [
        "password",
        "-a",
        "a.",
        "eyJ-",
        ".-password",
        'password="',
        "password='\\",
        "a://",
        "a://b:",
        "sk_live_",
        "-----BEGIN ",
        "-----BEGIN PRIVATE KEY-----",
        "api_key:",
        "token ",
        "password(",
        "A ",
        "_",
        " ",
        "/home/",
        "password=a(",
        "~",
        "AKIA",
    ],
)
def test_the_time_is_linear_in_the_text(piece):
    """A pattern that looks back and forth would not come to an end here."""
    n = 300_000 // len(piece)
    assert clean(f"_password{piece * n}")
    assert clean(f"://{piece * n} -----BEGIN ")
