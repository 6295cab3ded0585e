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


@contextmanager
def helping(copy: Shadow, config: Config) -> Iterator[Sequence[Propose]]:
    """What rust-analyzer offers for the copy, for what nothing else mends; nothing where there is none."""
    with analyzing(copy, config) as analyzer:
        yield (assists.proposer(assists.headless(analyzer)),) if analyzer else ()


@contextmanager
def asking(
    config: Config,
    root: Path,
    *,
    editions: Mapping[Path, str] | None = None,
    names: Mapping[str, str] | None = None,
) -> Iterator[Sequence[Propose]]:
    """What rust-analyzer offers in `root`; nothing where there is none.

    Args:
        editions: files that belong to no package, with their editions.
        names: what rust-analyzer knows some of the files as, if not by their own paths.
    """
    with _started(config, root, editions=editions) as analyzer:
        yield (assists.proposer(assists.headless(analyzer, names=names)),) if analyzer else ()


def analyzing(copy: Shadow, config: Config) -> AbstractContextManager[Analyzer | None]:
    """rust-analyzer on the copy; None where there is none."""
    if isinstance(copy, crate.CrateShadow):
        run = copy.invocation
        environment = {**run.env, "CARGO_TARGET_DIR": str(run.target_dir)}
        return _started(config, run.base, launcher=run.launcher, environment=environment)
    assert isinstance(copy, FileShadow)  # the two kinds of `open_shadow`
    editions = {copy.folder / copy.name: copy.edition}
    return _started(config, copy.folder, editions=editions, launcher=copy.launcher)


@contextmanager
def _started(
    config: Config,
    root: Path,
    *,
    editions: Mapping[Path, str] | None = None,
    launcher: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
) -> Iterator[Analyzer | None]:
    found = rust_analyzer_install.look(config, cwd=root)
    if isinstance(found, rust_analyzer_install.Missing):
        yield None
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
        yield None
        return
    with analyzer:
        yield analyzer
