"""Where the real rust-analyzer says that something is defined, its documentation is found."""

from pathlib import Path
from urllib.request import url2pathname

import pytest

from rusta_server.config import Config
from rusta_server.tools import rust_analyzer_install
from rusta_server.tools.docs.source import Sources, doc_at
from rusta_server.tools.rust_analyzer import Analyzer

found = rust_analyzer_install.look(Config())
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not isinstance(found, rust_analyzer_install.Found), reason="no rust-analyzer; run rusta setup"
    ),
]

LIB = """\
//! The crate.
pub mod shapes;
/// A way of looking.
pub trait Look {
    /// What is made.
    type Made;
    /// How often.
    const TIMES: u8;
    /// Looks.
    fn look(&self) -> u8;
}
#[macro_export]
/// Twice.
macro_rules! twice { ($e:expr) => { $e + $e } }
/// A limit.
pub static LIMIT: u8 = 9;
/// Alias.
pub type Short = shapes::Square;
macro_rules! define { ($($item:item)*) => { $($item)* } }
define! {
    /// From a macro.
    pub fn made() -> u8 { 1 }
}
"""
SHAPES = """\
//! All shapes.

/// Four /* equal */ sides.
#[derive(Default)]
pub struct Square {
    /// How long.
    pub side: u8,
}
impl Square {
    /* ünï 𝔘 */ /** Its area. */ pub fn area(&self) -> u8 { self.side * self.side }
}
impl crate::Look for Square {
    type Made = u8;
    const TIMES: u8 = 2;
    /// Looks square.
    fn look(&self) -> u8 { 4 }
}
pub enum Kind {
    /// Not a square.
    Round { /// From the middle.
        radius: u8 },
}
"""
# Names to ask about, each behind a $, and the ids of the items they mean.
MAIN = """\
use demo::{$shapes::$Square, Look};
fn main() {
    let square: demo::$Short = Square { $side: 2 };
    let _ = (square.$area(), square.$look(), <Square as $Look>::$TIMES);
    let _ = demo::shapes::Kind::$Round { $radius: 1 };
    let _ = demo::$LIMIT + demo::$twice!(1) + demo::$made();
    let _ = $half_way::$half(4);
}
"""
IDS = """
demo::shapes demo::shapes::Square
demo::Short demo::shapes::Square::side
demo::shapes::Square::area demo::shapes::Square::look demo::Look demo::Look::TIMES
demo::shapes::Kind::Round demo::shapes::Kind::Round::radius
demo::LIMIT demo::twice demo::made
half_way half_way::half
"""


def test_definitions_of_the_real_rust_analyzer(tmp_path: Path):
    root, other = tmp_path / "demo", tmp_path / "half-way"
    pieces = MAIN.split("$")
    text = "".join(pieces)
    files = {
        root / "Cargo.toml": '[package]\nname = "demo"\nversion = "0.1.0"\nedition = "2021"\n'
        '[dependencies]\nhalf-way = { path = "../half-way" }\n',
        root / "src/lib.rs": LIB,
        root / "src/shapes.rs": SHAPES,
        root / "src/main.rs": text,
        other / "Cargo.toml": '[package]\nname = "half-way"\nversion = "1.2.3"\nedition = "2021"\n',
        other / "src/lib.rs": "//! Halves.\n/// Half of it.\npub fn half(n: u8) -> u8 { n / 2 }\n",
    }
    for path, content in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    sources = Sources((root,))
    with Analyzer.start(
        root, [str(found.path)], environment=rust_analyzer_install.environment(found)
    ) as analyzer:
        assert analyzer.wait_until_ready(60)
        for number, id in enumerate(IDS.split(), start=1):
            *lines, last = "".join(pieces[:number]).split("\n")
            line, column = len(lines), len(last)
            document = {"uri": (root / "src/main.rs").as_uri()}
            params = {"textDocument": document, "position": {"line": line, "character": column}}
            answer = analyzer.request("textDocument/definition", params)
            assert answer, id
            target = answer[0]
            path = Path(url2pathname(target["uri"].removeprefix("file://")))
            start = target["range"]["start"]
            before = path.read_bytes().split(b"\n")[start["line"]][: start["character"]].decode()
            section = doc_at(sources, path, start["line"] + 1, len(before.encode("utf-16-le")) // 2 + 1)
            assert section is not None, (id, target)
            assert section.id == id
            assert section.corpus == ("crate:half-way@1.2.3" if id.startswith("half_way") else "repo@-")
