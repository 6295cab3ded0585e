"""Which variables of the environment a confined command does not get.

By name, and by a password in an address. Everything else passes: build scripts and `env!` depend on variables
nobody can list, and with one of them missing the copy would show errors that the original has not.
"""
# ruff: noqa: SIM905

_WORDS = frozenset(
    """AUTH AUTHTOKEN CREDENTIAL CREDENTIALS COOKIE DSN JWT KEY KEYS KEYRING OTP PASS PASSPHRASE PAT PW
    SESSION SIGNATURE TICKET""".split()
)
_PARTS = ("TOKEN", "SECRET", "PASSW", "CREDENTIAL", "APIKEY", "PRIVATE")
# Where services of the user's session listen or keep keys, and accounts with more than one secret.
_PREFIXES = ("AWS_", "AZURE_", "GOOGLE_", "SSH_", "GPG_", "DBUS_", "KRB5", "VAULT_", "KUBE", "GIT_ASKPASS")
_NAMES = frozenset(
    """BROWSER DISPLAY DOCKER_CONFIG DOCKER_HOST GNUPGHOME ICEAUTHORITY NETRC NOTIFY_SOCKET PGPASSFILE
    WAYLAND_DISPLAY XAUTHORITY XDG_RUNTIME_DIR MAKEFLAGS MFLAGS CARGO_MAKEFLAGS""".split()
)


def is_secret(name: str, value: str) -> bool:
    """Whether the variable may hold a secret, or lead to a service outside."""
    name = name.upper()
    if name in _NAMES or name.startswith(_PREFIXES) or any(part in name for part in _PARTS):
        return True
    return not _WORDS.isdisjoint(name.split("_")) or _has_password(value)


def _has_password(value: str) -> bool:
    """Whether it holds an address of the form ``scheme://user:password@host``."""
    for rest in value.split("://")[1:]:
        user, at, _ = rest.partition("/")[0].rpartition("@")
        if at and ":" in user:
            return True
    return False
