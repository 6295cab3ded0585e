import json
import subprocess
from pathlib import Path

from rusta_server.tools.diagnostic import Diagnostic, parse
from rusta_server.tools.docs import anchor
from rusta_server.tools.docs.anchor import State, resolve_in
from rusta_server.tools.docs.diagnosed import of_diagnostic_section

MOVED = 'fn main() {\n    let v = vec![1];\n    drop(v);\n    println!("{v:?}");\n}\n'


def diagnosed(folder: Path, code: str) -> Diagnostic:
    (folder / "main.rs").write_text(code)
    command = ["rustc", "--error-format=json", "--emit=metadata", "--edition=2021", "main.rs"]
    ended = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    return next(d for line in ended.stderr.splitlines() if (d := parse(json.loads(line))).is_error)


def test_message_labels_notes_and_helps_can_be_quoted(tmp_path: Path):
    diagnostic = diagnosed(tmp_path, MOVED)
    section = of_diagnostic_section(diagnostic, "1.95.0", tmp_path)
    assert (section.corpus, section.kind) == ("diagnostic@1.95.0", "diagnostic")
    assert section.id == f"E0382/{diagnostic.fingerprint}"
    assert section.blocks[0].text == "borrow of moved value: `v`"
    assert section.link == (tmp_path / "main.rs").as_uri() + "#L4"
    for quote in ("value moved here", "main.rs:3: value moved here", "help: consider cloning the value"):
        assert anchor(section, quote).quote in section.text


def test_a_label_is_found_again_after_the_code_has_moved(tmp_path: Path):
    before = of_diagnostic_section(diagnosed(tmp_path, MOVED), "1.95.0", tmp_path)
    after = of_diagnostic_section(diagnosed(tmp_path, "\n\n\n" + MOVED), "1.95.0", tmp_path)
    assert after.id == before.id
    assert after.link.endswith("#L7")
    assert resolve_in(anchor(before, "value moved here"), after).state is State.VALID


def test_a_diagnostic_without_a_place_has_no_link():
    bare = Diagnostic(None, "error", "can't find\n  crate\x1b[31m for `x\u202e`", (), ())
    section = of_diagnostic_section(bare, "1.95.0")
    assert section.link == ""
    assert section.text == "can't find crate\ufffd[31m for `x\ufffd`"
