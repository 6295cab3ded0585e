"""The copy in which the commands try and check things."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from ..config import UNTRUSTED, Config
from ..errors import RustaError
from ..patch import crate
from ..patch.shadow import FileShadow
from ..tools import cargo, sandbox


@contextmanager
def open_shadow(
    path: Path, config: Config, edition: str
) -> Iterator[tuple[Path, crate.CrateShadow | FileShadow]]:
    """A shadow for the package at `path`, or for a lone file, and the folder its paths are relative to.

    Raises:
        RustaError: it is not trusted, cannot be read, or cannot be copied.
    """
    if not config.trusted:
        raise RustaError(f"{UNTRUSTED}.", hint="Read its code first; then the same without --untrusted.")
    if path.suffix == ".rs" and path.is_file() and not _in_package(path):
        launcher = _launcher(config)
        with TemporaryDirectory(prefix="rusta-") as name:
            folder = Path(name)
            yield (
                path.resolve().parent,
                FileShadow(
                    folder,
                    path.name,
                    {path.name: path.read_bytes()},
                    edition=edition,
                    launcher=launcher((folder,), ()),
                    timeout_s=config.check_timeout_s,
                    original=path,
                ),
            )
        return
    workspace = cargo.locate(path)
    with crate.of_workspace(
        workspace,
        cache=config.cache,
        launcher_for=_launcher(config),
        check_timeout_s=config.check_timeout_s,
        test_timeout_s=config.test_timeout_s,
    ) as copy:
        yield copy.base, copy


def _in_package(path: Path) -> bool:
    return any((folder / "Cargo.toml").is_file() for folder in path.resolve().parents)


def _launcher(config: Config) -> crate.LauncherFor:
    return sandbox.launcher_for(config.sandbox, config.sandbox_reads)
