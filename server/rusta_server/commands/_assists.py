"""rust-analyzer's assists for runs without an editor: the pieces put together."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from ..candidates import Propose, assists
from ..config import Config
from ..patch import crate
from ..patch.shadow import FileShadow, Shadow
from ..tools import rust_analyzer_install
from ..tools.rust_analyzer import Analyzer, AnalyzerError, lone_files

log = logging.getLogger(__name__)


def helping(copy: Shadow, config: Config) -> AbstractContextManager[Sequence[Propose]]:
    """rust-analyzer on the copy, for what nothing else mends."""
    if isinstance(copy, crate.CrateShadow):
        run = copy.invocation
        environment = {**run.env, "CARGO_TARGET_DIR": str(run.target_dir)}
        return asking(config, run.base, launcher=run.launcher, environment=environment)
    assert isinstance(copy, FileShadow)  # the two kinds of `open_shadow`
    return asking(
        config, copy.folder, editions={copy.folder / copy.name: copy.edition}, launcher=copy.launcher
    )


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
