"""Where the links of a page lead, below the documentation's folder."""

import posixpath
import re
from urllib.parse import unquote, urlsplit

_SITE = "doc.rust-lang.org"
_CHANNEL = re.compile(r"^(?:stable|beta|nightly|1\.\d+\.\d+)/")
_REFRESH = re.compile(rb'http-equiv="refresh"\s+content="\s*\d+\s*;\s*URL=([^"]*)"', re.IGNORECASE)


def redirect(html: bytes, page: str) -> tuple[str, str] | None:
    """Where a page without content of its own sends its reader: (page, fragment)."""
    found = _REFRESH.search(html, 0, 4000)
    return target(page, found[1].decode(errors="replace")) if found else None


def target(page: str, href: str) -> tuple[str, str] | None:
    """The (page, fragment) below the documentation's folder that a link on `page` leads to."""
    try:
        parts_ = urlsplit(href)
    except ValueError:
        return None
    path = unquote(parts_.path)
    if parts_.scheme in ("http", "https"):
        if parts_.netloc != _SITE:
            return None
        path = _CHANNEL.sub("", path.lstrip("/"))
    elif parts_.scheme:
        return None
    elif path.startswith("/"):
        path = _CHANNEL.sub("", path.lstrip("/"))
    elif path:
        path = posixpath.normpath(posixpath.join(posixpath.dirname(page), path)) + "/" * path.endswith("/")
    else:
        path = page
    if path.startswith("..") or not path:
        return None
    if path.endswith("/"):
        path += "index.html"
    elif not path.endswith(".html"):
        path += "/index.html" if "." not in posixpath.basename(path) else ""
    return path, unquote(parts_.fragment)
