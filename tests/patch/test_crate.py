"""The shadow of a workspace, with the real cargo."""

import os
import subprocess
from contextlib import contextmanager
from pathlib import Path

import pytest

from rusta_server.errors import RustaError
from rusta_server.patch import crate
from rusta_server.patch.shadow import NoTests, Tested
from rusta_server.tools import cargo, sandbox
from rusta_server.tools.diagnostic import Checked, CouldNotCheck
from rusta_server.tools.process import Cancel, Cancelled, TimedOut


@contextmanager
def shadow_of(root: Path, **options):
    with crate.of_workspace(cargo.locate(root), cache=root.parent / "cache", **options) as shadow:
        yield shadow


def snapshot(root: Path) -> dict[str, tuple[bytes, int]]:
    return {
        str(p.relative_to(root)): (p.read_bytes(), p.stat().st_mtime_ns)
        for p in root.rglob("*")
        if p.is_file()
    }


def codes(outcome) -> list[str | None]:
    assert isinstance(outcome, Checked), outcome
    return [error.code for error in outcome.errors]


GOOD, BAD = "pub fn f() -> u8 { 1 }\n", "pub fn f() -> u8 { true }\n"


def test_nothing_happens_to_the_original(semver):
    before = snapshot(semver)
    with shadow_of(semver) as shadow:
        assert codes(shadow.check({})) == []
        assert codes(shadow.check({"src/lib.rs": b"fn main() -> u8 { true }"})) != []
        assert isinstance(shadow.test({}), Tested)
    assert snapshot(semver) == before


def test_a_variant_that_is_taken_back_leaves_no_stale_result(make_crate):
    """cargo compares times: an old time on old content would replay the variant's result."""
    root = make_crate({"src/lib.rs": GOOD})
    with shadow_of(root) as shadow:
        for _ in range(3):
            assert codes(shadow.check({})) == []
            assert codes(shadow.check({"src/lib.rs": BAD.encode()})) == ["E0308"]
    with shadow_of(root) as shadow:
        assert codes(shadow.check({})) == []


def test_edits_between_two_runs_are_seen_even_of_equal_size_and_time(make_crate):
    root = make_crate({"src/lib.rs": GOOD})
    with shadow_of(root) as shadow:
        assert codes(shadow.check({})) == []
    (root / "src/lib.rs").write_text(BAD)
    (root / "src/new.rs").write_text("")
    with shadow_of(root) as shadow:
        assert codes(shadow.check({})) == ["E0308"]
        assert shadow.files["src/new.rs"] == b""
    (root / "src/new.rs").unlink()
    with shadow_of(root) as shadow, pytest.raises(KeyError):
        shadow.files["src/new.rs"]


def test_an_unsaved_buffer_counts(make_crate):
    root = make_crate({"src/lib.rs": GOOD})
    file = root / "src/lib.rs"
    with shadow_of(root, buffers={file: BAD.encode()}) as shadow:
        assert codes(shadow.check({})) == ["E0308"]
        assert shadow.files["src/lib.rs"] == BAD.encode()
    with shadow_of(root) as shadow:
        assert codes(shadow.check({})) == []


def test_path_dependencies_outside_the_workspace_come_along(make_crate):
    make_crate({"src/lib.rs": "pub fn one() -> u8 { 1 }\n"}, name="far")
    manifest = (
        '[package]\nname="near"\nversion="0.1.0"\nedition="2018"\n[dependencies]\nfar={path="../far"}\n'
    )
    root = make_crate(
        {"Cargo.toml": manifest, "src/lib.rs": "pub fn f() -> bool { far::one() }\n"}, name="near"
    )
    with shadow_of(root) as shadow:
        outcome = shadow.check({})
        assert codes(outcome) == ["E0308"]
        assert outcome.errors[0].primary.path == "near/src/lib.rs"
        assert codes(shadow.check({"far/src/lib.rs": b"pub fn one() -> bool { true }\n"})) == []


def test_all_packages_of_a_workspace_and_their_test_code_are_checked(make_crate):
    root = make_crate(
        {
            "Cargo.toml": '[workspace]\nmembers = ["a", "b"]\nresolver = "2"\n',
            "a/Cargo.toml": '[package]\nname="a"\nversion="0.1.0"\nedition="2015"\n',
            "a/src/lib.rs": BAD,
            "b/Cargo.toml": '[package]\nname="b"\nversion="0.1.0"\nedition="2024"\n',
            "b/src/lib.rs": "#[cfg(test)]\nmod tests {\n    #[test]\n    fn t() { let _: u8 = true; }\n}\n",
        }
    )
    with shadow_of(root) as shadow:
        outcome = shadow.check({})
        assert sorted(e.primary.path for e in outcome.errors) == ["a/src/lib.rs", "b/src/lib.rs"]
        assert {e.primary.path: e.in_main for e in outcome.errors} == {
            "a/src/lib.rs": True,
            "b/src/lib.rs": False,
        }
        assert len(shadow.check({}, all_targets=False).errors) == 1


def test_tests_count_only_when_they_ran(make_crate):
    root = make_crate({"src/lib.rs": GOOD})
    with shadow_of(root) as shadow:
        assert isinstance(shadow.test({}), NoTests)
        test = GOOD + "#[test]\nfn t() { assert_eq!(f(), %d) }\n"
        green = shadow.test({"src/lib.rs": (test % 1).encode()})
        red = shadow.test({"src/lib.rs": (test % 2).encode()})
        assert (green.n_passed, green.n_failed, green.green) == (1, 0, True)
        assert (red.n_passed, red.n_failed, red.green) == (0, 1, False)
        assert not shadow.test({"src/lib.rs": BAD.encode()}).green


def test_a_check_that_never_ends_is_ended_with_all_its_children(make_crate):
    root = make_crate({"src/lib.rs": GOOD, "build.rs": "fn main() { loop { std::thread::park() } }\n"})
    with shadow_of(root, check_timeout_s=4.0) as shadow:
        assert isinstance(shadow.check({}), TimedOut)
        left = subprocess.run(
            ["pgrep", "-f", str(shadow.tree.parent)], capture_output=True, text=True, check=False
        )
        assert left.stdout == ""


def test_a_cancelled_check_ends_at_once(semver):
    cancel = Cancel()
    cancel.set()
    with shadow_of(semver) as shadow:
        assert isinstance(shadow.check({}, cancel), Cancelled)


def test_a_dependency_that_is_not_here_is_named_with_the_way_out(make_crate):
    manifest = '[package]\nname="x"\nversion="0.1.0"\nedition="2021"\n[dependencies]\nno-such-crate="1"\n'
    root = make_crate({"Cargo.toml": manifest, "src/lib.rs": GOOD})
    with shadow_of(root) as shadow:
        outcome = shadow.check({})
        assert isinstance(outcome, CouldNotCheck)
        assert "no-such-crate" in outcome.reason
        assert "cargo fetch" in outcome.hint
    assert not (root / "Cargo.lock").exists()


def test_a_build_script_cannot_change_the_original(make_crate):
    """Neither through the copy (which shares no inode) nor, in the sandbox, by its path."""
    root = make_crate({"src/lib.rs": GOOD})
    hostile = f"""
        fn main() {{
            let _ = std::fs::write("src/lib.rs", "broken by the build script");
            let _ = std::fs::write({str(root / "src/lib.rs")!r}, "broken by the build script");
        }}
    """.replace("'", '"')
    (root / "build.rs").write_text(hostile)
    if not sandbox.prefix([root]):
        pytest.skip("no sandbox on this system")
    with shadow_of(root, launcher_for=sandbox.prefix) as shadow:
        shadow.check({})
        assert (shadow.tree / "src/lib.rs").read_text() == "broken by the build script"
    assert (root / "src/lib.rs").read_text() == GOOD
    (root / "build.rs").unlink()
    with shadow_of(root, launcher_for=sandbox.prefix) as shadow:
        assert codes(shadow.check({})) == [], "the next run starts from the original again"


def test_files_that_are_no_code_do_not_disturb(make_crate):
    root = make_crate({"src/lib.rs": 'pub const X: &[u8] = include_bytes!("latin1.txt");\n'})
    (root / "src/latin1.txt").write_bytes(b"caf\xe9")
    (root / "dangling").symlink_to("nowhere")
    os.mkfifo(root / "pipe")
    with shadow_of(root) as shadow:
        assert codes(shadow.check({})) == []


def test_source_that_is_not_utf8_is_reported_and_kept(make_crate):
    root = make_crate({"src/lib.rs": GOOD})
    text = b"// caf\xe9\n" + GOOD.encode()
    (root / "src/lib.rs").write_bytes(text)
    with shadow_of(root) as shadow:
        outcome = shadow.check({})
        assert isinstance(outcome, Checked)
        assert "UTF-8" in outcome.errors[0].message
    assert (root / "src/lib.rs").read_bytes() == text


def test_two_runs_at_once_get_two_shadows(make_crate):
    root = make_crate({"src/lib.rs": GOOD})
    with shadow_of(root) as one, shadow_of(root) as two:
        assert one.tree != two.tree
        assert codes(one.check({"src/lib.rs": BAD.encode()})) == ["E0308"]
        assert codes(two.check({})) == []


def test_settings_above_the_workspace_reach_the_shadow(make_crate, tmp_path):
    root = make_crate({"src/lib.rs": '#[cfg(extra)] compile_error!("extra is on");\n'})
    (tmp_path / ".cargo").mkdir()
    (tmp_path / ".cargo/config.toml").write_text('[build]\nrustflags = ["--cfg", "extra"]\n')
    with shadow_of(root) as shadow:
        assert [e.message for e in shadow.check({}).errors] == ["extra is on"]


def test_settings_between_the_copied_folder_and_the_workspace_reach_the_shadow(make_crate, tmp_path):
    """A path dependency elsewhere makes a folder above the settings the one that is copied."""
    make_crate({"src/lib.rs": ""}, name="dep")
    manifest = '[package]\nname="demo"\nversion="0.1.0"\n[dependencies]\ndep={path="../../dep"}\n'
    text = '#[cfg(near)] compile_error!("near");\n#[cfg(far)] compile_error!("far");\n'
    text += 'const _: () = assert!(matches!(env!("WHERE").as_bytes(), b"near"));\n'
    root = make_crate({"Cargo.toml": manifest, "src/lib.rs": text}, name="between/demo")
    for folder, name in ((tmp_path, "far"), (tmp_path / "between", "near")):
        (folder / ".cargo").mkdir()
        (folder / ".cargo/config.toml").write_text(
            f'[build]\nrustflags = ["--cfg", "{name}"]\n[env]\nWHERE = "{name}"\n'
        )
    with shadow_of(root) as shadow:
        assert {e.message for e in shadow.check({}).errors} == {"near", "far"}


@pytest.mark.parametrize("setting", ["rustc-wrapper", "rustc-workspace-wrapper", "build-dir", "target-dir"])
def test_a_compile_cache_or_build_folder_of_the_users_is_left_alone(make_crate, tmp_path, setting):
    elsewhere = tmp_path / "elsewhere"
    settings = f'[build]\n{setting} = "{elsewhere}"\n'
    root = make_crate({"src/lib.rs": GOOD, ".cargo/config.toml": settings})
    with shadow_of(root, launcher_for=sandbox.prefix) as shadow:
        assert codes(shadow.check({})) == []
    assert not elsewhere.exists()


def test_linked_folders_are_copied_but_not_for_ever(make_crate, tmp_path):
    root = make_crate({"src/lib.rs": "pub mod shared;\n", "a/x": "", "b/x": ""})
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared/mod.rs").write_text(GOOD)
    for link, target in (("src/shared", "../../shared"), ("loop", "."), ("a/l", "../b"), ("b/l", "../a")):
        (root / link).symlink_to(target)
    with shadow_of(root) as shadow:
        assert codes(shadow.check({})) == []
        assert not (shadow.tree / "src/shared").is_symlink(), (
            "or a variant would be written into the original"
        )


def test_files_included_from_outside_are_fetched_and_never_old(make_crate, tmp_path):
    text = '#![doc = include_str!("../../notes/README.md")]\n#[path = "../../other.rs"]\npub mod other;\n'
    root = make_crate({"src/lib.rs": text})
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes/README.md").write_text("# Notes\n")
    for content, expected in ((GOOD, []), (BAD, ["E0308"]), (GOOD, [])):
        (tmp_path / "other.rs").write_text(content)
        with shadow_of(root) as shadow:
            assert codes(shadow.check({})) == expected
    (tmp_path / "other.rs").unlink()
    with shadow_of(root) as shadow:
        assert "couldn't read" in shadow.check({}).errors[0].message


def test_a_folder_that_becomes_a_file(make_crate):
    root = make_crate({"src/lib.rs": GOOD, "data/x": ""})
    with shadow_of(root):
        pass
    (root / "data/x").unlink()
    (root / "data").rmdir()
    (root / "data").write_text("now a file")
    with shadow_of(root) as shadow:
        assert (shadow.tree / "data").read_text() == "now a file"


def test_an_unsaved_buffer_of_a_new_file(make_crate):
    root = make_crate({"src/lib.rs": "pub mod new;\n"})
    with shadow_of(root, buffers={root / "src/new.rs": BAD.encode()}) as shadow:
        assert codes(shadow.check({})) == ["E0308"]


def test_only_the_tests_a_change_can_affect_are_run(make_crate):
    """`b` depends on `a`; `c` on nobody."""
    test = "#[test]\nfn t() {}\n"
    package = '[package]\nname="%s"\nversion="0.1.0"\nedition="2021"\n'
    root = make_crate(
        {
            "Cargo.toml": '[workspace]\nmembers = ["a", "b", "c"]\nresolver = "2"\n',
            "a/Cargo.toml": package % "a",
            "a/src/lib.rs": test,
            "b/Cargo.toml": package % "b" + '[dependencies]\na={path="../a"}\n',
            "b/src/lib.rs": test,
            "c/Cargo.toml": package % "c",
            "c/src/lib.rs": test,
        }
    )
    with shadow_of(root) as shadow:
        n_run = {
            path: shadow.test({path: test.encode()}).n_passed for path in ("a/src/lib.rs", "c/src/lib.rs")
        }
        assert n_run == {"a/src/lib.rs": 2, "c/src/lib.rs": 1}
        assert shadow.test({}).n_passed == 3


@pytest.mark.parametrize("in_repository", [True, False])
def test_links_and_includes_do_not_bring_secrets_into_the_copy(make_crate, tmp_path, in_repository):
    (tmp_path / "home/.ssh").mkdir(parents=True)
    (tmp_path / "home/.ssh/key").write_text("secret")
    (tmp_path / "home/other").mkdir()
    (tmp_path / "home/other/notes.rs").write_text("secret")
    text = 'const _: &str = include_str!("../../../.ssh/key");\nconst _: &str = include_str!("key");\n'
    manifest = '[package]\nname = "demo"\nversion = "0.1.0"\n'
    root = make_crate({"Cargo.toml": manifest, "src/lib.rs": text}, name="home/code/demo")
    if in_repository:
        (root.parent / ".git").mkdir()
    for link, target in (
        ("src/key", "../../../.ssh/key"),
        ("src/keys", "../../../.ssh"),
        ("src/other", "../../../other"),
        ("src/notes.rs", "../../../other/notes.rs"),
    ):
        (root / link).symlink_to(target)
    with shadow_of(root) as shadow:
        assert len(shadow.check({}).errors) == 2
        copied = [file for file in shadow.tree.parents[6].rglob("*") if file.is_file()]
        assert not [file for file in copied if b"secret" in file.read_bytes()]


def test_a_toolchain_that_comes_with_the_code_is_refused(make_crate, tmp_path):
    root = make_crate({"src/lib.rs": GOOD, "rust-toolchain.toml": f'[toolchain]\npath = "{tmp_path}/own"\n'})
    with pytest.raises(RustaError, match="names a toolchain by its path"):
        cargo.locate(root)


def test_a_compiler_that_the_settings_name_is_not_asked(make_crate, tmp_path):
    trap = tmp_path / "trap"
    trap.write_text(f"#!/bin/sh\ntouch {tmp_path}/sprung\n")
    trap.chmod(0o755)
    settings = f'[build]\nrustc = "{trap}"\nrustc-wrapper = "{trap}"\n'
    root = make_crate({"src/lib.rs": GOOD, ".cargo/config.toml": settings})
    lock = 'version = 4\n\n[[package]]\nname = "demo"\nversion = "0.1.0"\n'
    (root / "Cargo.lock").write_text(lock)
    assert cargo.dependencies(root) == {"demo@0.1.0": root}
    assert not (tmp_path / "sprung").exists()
