"""rust-analyzer's assists for runs without an editor: the pieces put together."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from ..candidates import Propose, assists
from ..config import Config
from ..tools import rust_analyzer_install
from ..tools.rust_analyzer import Analyzer, AnalyzerError, lone_files

log = logging.getLogger(__name__)


@contextmanager
def asking(
    config: Config,
    root: Path,
    *,
    editions: Mapping[Path, str] | None = None,
    names: Mapping[str, str] | None = None,
    launcher: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
) -> Iterator[Sequence[Propose]]:
    """Start rust-analyzer on `root` and propose what it offers; nothing where there is none.

    Args:
        editions: files that belong to no package, with their editions.
        names: what rust-analyzer knows some of the files as, if not by their own paths.
    """
    found = rust_analyzer_install.look(config, cwd=root)
    if isinstance(found, rust_analyzer_install.Missing):
        yield ()
        return
    try:
        analyzer = Analyzer.start(
            root,
            (*launcher, str(found.path)),
            environment={**rust_analyzer_install.environment(found), **(environment or {})},
            project=lone_files(editions, found.sysroot_src) if editions else None,
        )
    except AnalyzerError as error:
        log.warning("no help from rust-analyzer: %s", error)
        yield ()
        return
    with analyzer:
        yield (assists.proposer(assists.headless(analyzer, names=names)),)
