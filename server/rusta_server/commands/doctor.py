"""`rusta doctor`."""

import importlib.metadata
import json
import platform
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import rich_click as click
from attrs import asdict, frozen
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ..candidates import model
from ..config import Config
from ..errors import RustaError
from ..orchestrator.propose import model_folder
from ..tools import docs, process, rust_analyzer_install, sandbox

ANSWER_TIMEOUT_S = 20.0
EXIT_MISSING = 1
REINSTALL = f"{sys.executable} -m pip install --force-reinstall rusta"
INSTALL_RUST = "curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh"
PACKAGES = ("pygls", "lsprotocol", "msgspec", "tree-sitter", "tree-sitter-rust", "numpy", "onnxruntime")
MARKS = {"ok": "[green]✓[/]", "limited": "[yellow]![/]", "missing": "[red]✗[/]"}


@frozen
class Finding:
    """One line of the report.

    Attributes:
        state: "ok"; "limited", when Rusta works with less; "missing", when it does not work.
        found: what is there, or what the lack means.
        remedy: the one command that mends it; None if nothing is to be mended.
    """

    name: str
    state: Literal["ok", "limited", "missing"]
    found: str
    remedy: str | None = None


@click.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path), default=Path())
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
def command(folder: Path, as_json: bool) -> None:
    """Say what Rusta found for the crate in FOLDER, and how to mend what is missing.

    Changes nothing. The exit code is 1 if something is missing that Rusta cannot work without.
    """
    findings = list(examine(Config(), folder.resolve()))
    if as_json:
        click.echo(json.dumps([asdict(finding) for finding in findings], indent=2, ensure_ascii=False))
    else:
        _show(findings)
    if any(finding.state == "missing" for finding in findings):
        sys.exit(EXIT_MISSING)


def examine(config: Config, folder: Path) -> Iterator[Finding]:
    """Look at everything that Rusta needs or makes use of in ``folder``."""
    yield Finding("Python", "ok", f"{platform.python_version()} ({sys.executable})")
    yield from _libraries()
    yield _program("cargo", folder)
    yield _program("rustc", folder)
    found = _look(config, folder)
    yield _analyzer(found)
    yield _std_sources(found)
    yield _documentation(config, folder)
    yield _model(config)
    yield _sandbox()
    yield _cache(config.cache)


def _libraries() -> Iterator[Finding]:
    missing = []
    versions = []
    for name in PACKAGES:
        try:
            versions.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            missing.append(name)
    if missing:
        yield Finding("libraries", "missing", ", ".join(missing) + " not installed", REINSTALL)
    else:
        yield Finding("libraries", "ok", ", ".join(versions))


def _program(name: str, folder: Path) -> Finding:
    path = shutil.which(name)
    if path is None:
        return Finding(name, "missing", "not on PATH", INSTALL_RUST)
    try:
        ended = process.run((name, "--version"), cwd=folder, timeout_s=ANSWER_TIMEOUT_S)
    except OSError as error:
        return Finding(name, "missing", f"{path} does not run: {error.strerror}", INSTALL_RUST)
    if not isinstance(ended, process.Finished):
        return Finding(name, "missing", f"{path} does not answer", INSTALL_RUST)
    if ended.code != 0:
        # rustup's stand-in without a toolchain behind it.
        complaint = ended.stderr.decode(errors="replace").strip().splitlines()
        said = complaint[0].removeprefix("error: ") if complaint else f"exit code {ended.code}"
        return Finding(name, "missing", said, "rustup default stable")
    version = ended.stdout.decode(errors="replace").strip().removeprefix(f"{name} ")
    return Finding(name, "ok", f"{version} ({path})")


def _look(
    config: Config, folder: Path
) -> rust_analyzer_install.Found | rust_analyzer_install.Missing | RustaError:
    try:
        return rust_analyzer_install.look(config, cwd=folder)
    except RustaError as error:
        return error


def _analyzer(
    found: rust_analyzer_install.Found | rust_analyzer_install.Missing | RustaError,
) -> Finding:
    match found:
        case rust_analyzer_install.Found():
            origin = {"private": "Rusta's own", "configured": "configured"}.get(found.origin, found.origin)
            return Finding("rust-analyzer", "ok", f"{found.version}, {origin} ({found.path})")
        case rust_analyzer_install.Missing():
            return Finding("rust-analyzer", "missing", "; ".join(found.tried), "rusta setup")
        case _:
            return Finding("rust-analyzer", "missing", str(found), found.hint)


def _std_sources(
    found: rust_analyzer_install.Found | rust_analyzer_install.Missing | RustaError,
) -> Finding:
    if isinstance(found, rust_analyzer_install.Found) and found.sysroot_src is not None:
        return Finding("sources of std", "ok", str(found.sysroot_src))
    return Finding("sources of std", "limited", "none, so hovers on std stay empty", "rusta setup")


def _documentation(config: Config, folder: Path) -> Finding:
    name = "Rust's documentation"
    here = docs.toolchain(folder)
    found = docs.open_docs(config.cache, here) if here else None
    if isinstance(found, docs.Docs):
        lacking = found.missing
        found.close()
        if lacking:
            lack = f"indexed ({found.html}), but without {', '.join(lacking)}"
            return Finding(
                name, "limited", lack, "rustup component remove rust-docs && rustup component add rust-docs"
            )
        return Finding(name, "ok", f"indexed ({found.html})")
    if isinstance(found, docs.NotIndexed) and here:
        # Nothing to mend: the first use of it makes the index.
        return Finding(name, "ok", f"{here.html}; {found.reason} (rusta docs index does it)")
    lack = "not on this machine, so citations come from rustc --explain and your own sources"
    return Finding(name, "limited", lack, docs.REMEDY)


def _model(config: Config) -> Finding:
    name = "byte model"
    if not config.model:
        return Finding(name, "limited", "switched off (the setting `model`)")
    weights = model.look(model_folder(config))
    if weights.usable:
        return Finding(name, "ok", weights.said)
    lack = f"{weights.said}; fixes come from the compiler, from rules and from rust-analyzer alone"
    return Finding(name, "limited", lack, REINSTALL)


def _sandbox() -> Finding:
    found = sandbox.describe()
    if found.is_complete:
        said = "no network, no files but the crate's and the toolchain's, no variables with secrets"
        left = "" if found.processes_end else f"; {found.note}"
        return Finding("sandbox", "ok", said + left)
    remedy = None
    if not found.network_off and Path("/proc/sys/kernel/apparmor_restrict_unprivileged_userns").exists():
        remedy = "sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0"
    return Finding("sandbox", "limited", f"not stopped: {found.lacks}; {found.note}", remedy)


def _cache(cache: Path) -> Finding:
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=cache):
            pass
    except OSError as error:
        remedy = f"mkdir -p '{cache}' && chmod u+rwx '{cache}'"
        return Finding("cache folder", "missing", f"{cache} cannot be written: {error.strerror}", remedy)
    free_gib = shutil.disk_usage(cache).free / 2**30
    if free_gib < 1:
        return Finding(
            "cache folder", "limited", f"{cache}, only {free_gib:.1f} GiB free", f"du -sh '{cache}'"
        )
    return Finding("cache folder", "ok", f"{cache} ({free_gib:.0f} GiB free)")


def _show(findings: list[Finding]) -> None:
    console = Console(highlight=False)
    table = Table(box=None, show_header=False, padding=(0, 1))
    table.add_column()
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for finding in findings:
        said = Text(finding.found)
        if finding.remedy:
            said.append("\ntry: ", style="bold cyan")
            said.append(finding.remedy)
        table.add_row(MARKS[finding.state], finding.name, said)
    console.print(table)
    n_missing = sum(finding.state == "missing" for finding in findings)
    n_limited = sum(finding.state == "limited" for finding in findings)
    if n_missing:
        console.print(f"\n[red]{n_missing} missing[/]: Rusta cannot work until that is mended.")
    elif n_limited:
        limits = "one limit" if n_limited == 1 else f"{n_limited} limits"
        console.print(f"\n[yellow]Rusta works here, with {limits}.[/]")
    else:
        console.print("\n[green]Everything is here.[/] Next: rusta fix, in a crate that does not compile.")
