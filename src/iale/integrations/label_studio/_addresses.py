"""Addresses on the web: which ones are usable, and which server each belongs to."""

from __future__ import annotations

from urllib.parse import urlsplit

from iale.errors import ConfigError


def check_url(url: str) -> str:
    """Returns ``url`` without a trailing slash; raises ConfigError if it is not the address of a server."""
    parts = urlsplit(url) if is_web(url) and url.isprintable() and url.isascii() and " " not in url else None
    if parts is None or parts.username is not None or parts.query or parts.fragment:
        raise ConfigError("--url takes the address of a Label Studio, as in http://localhost:8080.")
    return url.rstrip("/")


def is_web(url: str) -> bool:
    """Whether this is an http or https address with a host."""
    try:
        return urlsplit(url).scheme in ("http", "https") and bool(urlsplit(url).hostname) and urlsplit(url).port != 0
    except ValueError:
        return False


def origin_of(url: str) -> str:
    """The scheme, host, and port of an address; any other text is an origin by itself."""
    if not is_web(url):
        return url
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname}:{parts.port or {'http': 80, 'https': 443}[parts.scheme]}"
