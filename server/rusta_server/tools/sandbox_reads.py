"""What a compiler run may read: the system's programs and libraries, the toolchain, the registry. No secrets.

Everything else in the user's home is left out: keys, settings, browser profiles, other projects, and cargo's
own credentials. What does not exist is left out by the launcher.
"""
# ruff: noqa: SIM905

import os
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import platformdirs

_SYSTEM = (
    "/usr /bin /sbin /lib /lib32 /lib64 /libx32 /opt /nix/store /gnu/store /home/linuxbrew/.linuxbrew "
    "/sys/devices/system/cpu /sys/fs/cgroup /sys/kernel/mm/transparent_hugepage"
).split()
# No shadow, no ssh, no private keys, no settings of services.
_ETC = (
    "alternatives ca-certificates ca-certificates.conf debian_version fonts group host.conf hostname hosts "
    "java ld.so.cache ld.so.conf ld.so.conf.d locale.alias locale.conf localtime lsb-release mime.types "
    "nsswitch.conf os-release passwd pki/ca-trust/extracted pki/tls/certs pki/tls/openssl.cnf profile.d "
    "protocols redhat-release services ssl/certs ssl/cert.pem ssl/openssl.cnf static terminfo timezone xml"
).split()
_MACOS = (
    "/Applications/Xcode.app /Library/Developer /Library/Frameworks /System /bin /dev /opt "
    "/private/etc/hosts /private/etc/localtime /private/etc/passwd /private/etc/ssl /private/var/db/dyld "
    "/private/var/db/timezone /private/var/db/xcode_select_link /private/var/select /sbin /usr"
).split()
# Where build scripts look for libraries and tools: each a path, or several with ":" between them.
_PATH_VARIABLES = (
    "LD_LIBRARY_PATH LIBRARY_PATH CPATH C_INCLUDE_PATH CPLUS_INCLUDE_PATH PKG_CONFIG_PATH PKG_CONFIG_LIBDIR "
    "PKG_CONFIG_SYSROOT_DIR CMAKE_PREFIX_PATH LIBCLANG_PATH LLVM_CONFIG_PATH OPENSSL_DIR OPENSSL_LIB_DIR "
    "OPENSSL_INCLUDE_DIR JAVA_HOME CUDA_HOME CUDA_PATH ROCM_PATH PROTOC PROTOC_INCLUDE SDKROOT DEVELOPER_DIR "
    "VIRTUAL_ENV ANDROID_NDK_HOME ANDROID_NDK_ROOT EMSDK WASI_SDK_PATH PYO3_PYTHON CC CXX LD AR RUST_SRC_PATH"
).split()


def readable(platform: str, environment: Mapping[str, str] | None = None) -> tuple[Path, ...]:
    """What every run may read on this machine."""
    env = os.environ if environment is None else environment
    home = Path(env.get("HOME") or Path.home())
    system = _MACOS if platform == "darwin" else [*_SYSTEM, *(f"/etc/{name}" for name in _ETC)]
    cargo = Path(env.get("CARGO_HOME") or home / ".cargo")
    rustup = Path(env.get("RUSTUP_HOME") or home / ".rustup")
    given = [
        *(cargo / name for name in ("bin", "registry", "git", "config.toml", "config")),
        *_named_in(cargo / "config.toml"),
        *_named_in(cargo / "config"),
        rustup,
        *_linked_toolchains(rustup),
        *_toolchain_beside(env.get("PATH", "")),
        Path(platformdirs.user_data_dir("rusta")) / "rust-analyzer",
        *_paths(env.get("PATH", "")),
        *(path for name in _PATH_VARIABLES for path in _paths(env.get(name, ""))),
    ]
    # A folder that holds the whole home would hold its secrets. Nothing runs without /usr.
    chosen = [path for path in given if not home.is_relative_to(path) and not cargo.is_relative_to(path)]
    always = [path for path in map(Path, system) if path.name == "usr" or not home.is_relative_to(path)]
    return tuple(dict.fromkeys([*always, *chosen]))


def hidden(environment: Mapping[str, str] | None = None) -> tuple[Path, ...]:
    """What is not read even where it lies in a folder that is: in /usr/local/cargo, say."""
    env = os.environ if environment is None else environment
    cargo = Path(env.get("CARGO_HOME") or Path(env.get("HOME") or Path.home()) / ".cargo")
    return (cargo / "credentials.toml", cargo / "credentials")


def settings_above(options: Sequence[str]) -> tuple[Path, ...]:
    """What cargo has to read for its ``--config=FILE`` options: the files, and vendored sources beside them.

    Only sources below the folder that the settings are for: these come with code of unknown origin.
    """
    found: list[Path] = []
    for file in [Path(option.removeprefix("--config=")) for option in options if "=/" in option]:
        folder = file.parent.parent.resolve()
        inside = [path for path in _sources(_load(file), folder) if path.resolve().is_relative_to(folder)]
        found += [file, *(path for path in inside if not Path.home().is_relative_to(path.resolve()))]
    return tuple(found)


def _paths(value: str) -> list[Path]:
    return [Path(part) for part in value.split(os.pathsep) if part.startswith("/")]


def _named_in(settings: Path) -> Iterator[Path]:
    """What the user's own settings name: vendored sources, a linker, libraries in ``[env]``."""
    loaded = _load(settings)
    yield from _sources(loaded, settings.parent.parent)
    yield from (Path(text) for text in _strings(loaded) if text.startswith("/"))


def _load(settings: Path) -> Any:  # noqa: ANN401  TOML
    try:
        return tomllib.loads(settings.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def _sources(loaded: Any, folder: Path) -> Iterator[Path]:  # noqa: ANN401  TOML
    """The folders of ``[source.NAME] directory`` and ``local-registry``."""
    sources = loaded.get("source")
    for source in sources.values() if isinstance(sources, dict) else ():
        for key in ("directory", "local-registry"):
            if isinstance(source, dict) and isinstance(source.get(key), str):
                yield folder / source[key]


def _strings(value: Any) -> Iterator[str]:  # noqa: ANN401  TOML
    match value:
        case str():
            yield value
        case dict():
            yield from (text for item in value.values() for text in _strings(item))
        case list():
            yield from (text for item in value for text in _strings(item))


def _linked_toolchains(rustup: Path) -> Iterator[Path]:
    """`rustup toolchain link` leaves a link to a folder elsewhere."""
    try:
        entries = list((rustup / "toolchains").iterdir())
    except OSError:
        return
    for entry in entries:
        if entry.is_symlink() and (entry / "lib/rustlib").is_dir():
            yield entry.resolve()


def _toolchain_beside(path: str) -> Iterator[Path]:
    """The libraries of a toolchain whose programs are on PATH."""
    for folder in _paths(path):
        if (folder.parent / "lib/rustlib").is_dir():
            yield folder.parent / "lib"
