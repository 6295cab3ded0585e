"""`rusta anchor` as a person runs it, on anchors of the real documentation and of real sources."""

import json
import subprocess
import sys

import pytest
from attrs import asdict, evolve

from rusta_server.tools.docs import anchor
from rusta_server.tools.docs.anchor import section
from rusta_server.tools.docs.source import Sources, doc_at

SAID = section(
    "diagnostic@1.95.0",
    "E0382/0123456789abcdef",
    kind="diagnostic",
    title="error[E0382]",
    link="file:///gone/src/main.rs#L5",
    texts=[("text", "borrow of moved value: `s`")],
)


def run(*arguments, **options):
    command = [sys.executable, "-m", "rusta_server", "anchor", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, **options)


def plain(made, **changes):
    return {"id": made.id, **asdict(made), **changes}


@pytest.fixture
def owner(docs):
    rules = docs.section("book", "ch04-01-what-is-ownership/ownership-rules")
    return anchor(rules, "There can only be one owner at a time.")


@pytest.fixture
def verify(tmp_path):
    """Runs the command on these values; returns its exit code and the state of each anchor."""

    def verify(*values, lines=False, cwd=tmp_path):
        file = tmp_path / "anchors.json"
        text = "\n".join(map(json.dumps, values)) if lines else json.dumps(values)
        file.write_text(text)
        done = run("verify", str(file), "--json", cwd=cwd)
        assert "Traceback" not in done.stderr, done.stderr
        return done.returncode, [one["state"] for one in json.loads(done.stdout)] if done.stdout else []

    return verify


def test_an_anchor_is_shown_by_its_id(owner):
    done = run("show", owner.id)
    assert done.returncode == 0, done.stderr
    assert owner.quote in done.stdout
    assert "Each value in Rust has an owner." in done.stdout, "what stands around it"
    assert "valid" in done.stdout
    assert owner.link in done.stdout
    found = json.loads(run("show", owner.id, "--json").stdout)
    assert found == {**plain(owner), "state": "valid"}


@pytest.mark.parametrize(
    "id", ["book/nowhere#00000000", "book", "", "error_codes/E0502#00000000", "repo/x::y#00000000"]
)
def test_an_id_that_leads_nowhere(id, docs, tmp_path):
    done = run("show", id, cwd=tmp_path)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert "no span here has the id" in done.stderr
    assert "try:" in done.stderr


def test_the_state_of_every_anchor_in_a_file(owner, verify):
    recorded = anchor(SAID, "borrow of moved value: `s`")
    reworded = section(
        "book@1.60.0",
        owner.structural_id,
        kind="heading",
        title="",
        link="",
        texts=[("text", "Ownership Rules"), ("text", "There can be only one owner at a time.")],
    )
    drifted = anchor(reworded, "There can be only one owner at a time.")
    gone = anchor(
        section(
            "book@1.60.0", "ch99", kind="page", title="", link="", texts=[("text", "Borrowed cows fly.")]
        ),
        "Borrowed cows fly.",
    )
    assert verify(plain(owner), {"deep": [{"er": plain(recorded)}]}) == (0, ["valid", "recorded"])
    assert verify(plain(owner), plain(owner)) == (0, ["valid"]), "each once"
    assert verify(plain(owner), plain(drifted), lines=True) == (1, ["valid", "drifted"])
    assert verify(plain(gone)) == (1, ["orphan"])
    assert verify({"no": "anchors"}) == (0, [])


def test_ids_that_a_trace_cites(owner, verify):
    ids = [owner.id, "diagnostic/E0382/0123456789abcdef#69d587e2", "book/nowhere#00000000", "no id"]
    assert verify({"citations": ids[:2]}, lines=True) == (0, ["valid", "recorded"])
    assert verify({"seq": 1}, {"citations": ids}, lines=True) == (1, ["valid", "recorded", "orphan"])


def test_a_trace_of_rusta_fix(make_crate, docs, tmp_path):
    root = make_crate({"src/lib.rs": "pub fn f() -> u8 { let x = 1; x = 2; x }\n"})
    cache = tmp_path / "cache"
    cache.mkdir()
    (cache / "docs").symlink_to(docs.path.parent)
    command = [sys.executable, "-m", "rusta_server", "fix", str(root), "--json", f"--cache-dir={cache}"]
    fixed = subprocess.run(command, capture_output=True, text=True, check=True)
    for arguments, options in ((["last"], {}), (["-"], {"input": fixed.stdout})):
        done = run("verify", *arguments, f"--cache-dir={cache}", cwd=root, **options)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "valid: stands there" in done.stdout
        assert "recorded" in done.stdout


@pytest.mark.parametrize(
    "changes",
    [
        {"quote": "There can be several owners."},
        {"sha256": "0" * 64},
        {"id": "book/ch04-01-what-is-ownership/ownership-rules#00000000"},
        {
            "quote": "",
            "sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            "id": None,
        },
    ],
)
def test_an_anchor_that_does_not_agree_with_itself_is_broken(owner, verify, changes):
    assert verify(plain(owner, **changes)) == (1, ["broken"])
    recorded = anchor(SAID, "borrow of moved value: `s`")
    assert verify(plain(recorded, **changes)) == (1, ["broken"])


def test_a_quote_of_one_place_is_not_found_in_another(owner, verify):
    elsewhere = evolve(owner, structural_id="ch05-00-structs", prefix="", suffix="")
    assert verify(plain(elsewhere)) == (1, ["orphan"])
    assert verify(plain(evolve(owner, corpus="nomicon@1.95.0"))) == (1, ["orphan"])


def test_sources_are_looked_up_in_the_current_folder(make_crate, verify, docs):
    text = "/// Empties the stack.\npub fn empty() {}\n"
    root = make_crate({"src/lib.rs": text})
    doc = doc_at(Sources((root,)), root / "src/lib.rs", 2)
    made = anchor(doc, "Empties the stack.")
    assert verify(plain(made), cwd=root) == (0, ["valid"])
    done = run("show", made.id, cwd=root)
    assert "Empties the stack." in done.stdout
    assert "valid" in done.stdout
    (root / "src/lib.rs").write_text(text.replace("Empties the stack", "Fills a queue"))
    assert verify(plain(made), cwd=root) == (1, ["orphan"])


def test_what_rusta_explain_prints_is_valid(docs, tmp_path):
    command = [sys.executable, "-m", "rusta_server", "explain", "E0502", "--json"]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    done = run("verify", "-", input=printed)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "valid: stands there, word for word" in done.stdout


@pytest.mark.parametrize(
    "text", ["{", "\xff", "not json\n{}", '{"a":1}\n{', pytest.param("[" * 200_000, id="deep")]
)
def test_a_file_that_cannot_be_read(tmp_path, text):
    (tmp_path / "file").write_text(text, encoding="latin-1")
    for name in ("file", "absent", "."):
        done = run("verify", name, cwd=tmp_path)
        assert done.returncode == 2, done.stdout
        assert "Traceback" not in done.stderr
        assert "try:" in done.stderr


def test_what_strangers_wrote_does_not_steer_the_terminal(tmp_path):
    quote = "\x1b[31mred \u202e \x07"
    made = section("book@1", "\x1b]8;;x", kind="page", title="", link="", texts=[("text", quote)])
    (tmp_path / "file").write_text(
        json.dumps([plain(anchor(made, quote)), plain(anchor(made, quote), id="[bold]")])
    )
    done = run("verify", "file", cwd=tmp_path)
    assert done.returncode == 1
    assert not {"\x1b", "\u202e", "\x07"} & set(done.stdout)


def test_a_package_beside_the_workspace_is_a_dependency(make_crate, docs, tmp_path):
    """What `rusta explain` cites of it `rusta anchor` finds, and it is not called the user's own."""
    root = make_crate({"src/lib.rs": "use beside::Thing;\npub fn f(_: Thing) {}\n"})
    beside = root.parent / "beside"
    (beside / "src").mkdir(parents=True)
    (beside / "Cargo.toml").write_text('[package]\nname = "beside"\nversion = "0.3.0"\nedition = "2021"\n')
    (beside / "src/lib.rs").write_text("/// Stands beside.\npub struct Thing;\n")
    with (root / "Cargo.toml").open("a") as manifest:
        manifest.write('\n[dependencies]\nbeside = { path = "../beside" }\n')
    command = [sys.executable, "-m", "rusta_server", "explain", "src/lib.rs:1:13", "--json"]
    explained = subprocess.run(command, capture_output=True, text=True, check=False, cwd=root)
    assert explained.returncode == 0, explained.stderr
    assert '"id": "crate:beside/beside::Thing#' in explained.stdout
    done = run("verify", "-", input=explained.stdout, cwd=root)
    assert done.returncode == 0, done.stdout
    assert "1 valid" in done.stdout
