"""The index of the toolchain's documentation, opened (and built, if need be) when a connection begins."""

from typing import TYPE_CHECKING

from .. import library
from ..hooks import Hooks

if TYPE_CHECKING:
    from ..proxy import Proxy


def register(hooks: Hooks) -> None:
    """Hook into the begin and the end of the connection."""
    hooks.ready(_begin)
    hooks.close(library.close)


async def _begin(proxy: "Proxy") -> None:
    if proxy.config.citations:
        library.begin(proxy)
