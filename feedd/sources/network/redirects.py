"""Redirects of REST pages: within a host they are followed, to another host they are not.

A page of another host is not the exchange's, and a request may carry a key.
"""

from __future__ import annotations

import re
from urllib.parse import urljoin, urlsplit

from feedd.config.network import PORTS
from feedd.errors import SourceError
from feedd.sources.error_texts import one_line

REDIRECTS = frozenset({301, 302, 303, 307, 308})
REDIRECTS_AT_MOST = 3
WEB_PAGE = "the answer is a web page: of a login or a filter in this network?"


def check_redirect(url: str, location: str) -> None:
    """Raise SourceError for a redirect that may not be followed."""
    followed(url, location)


def followed(url: str, location: str) -> str:
    """Return the URL of a redirect; raise SourceError unless it may be followed.

    It may within a scheme, host and port, and from http to https of the same host.
    """
    try:
        old, new = urlsplit(url), urlsplit(urljoin(url, location))
        ports = [parts.port or PORTS.get(parts.scheme) for parts in (old, new)]
    except ValueError:
        raise SourceError("it is redirected to something that is not an address") from None
    if new.scheme not in {"http", "https"} or not new.hostname:
        raise SourceError("it is redirected to something that is not a web address")
    if old.hostname != new.hostname:
        raise SourceError(
            f"it is redirected to another host, {new.hostname}, which is not followed; "
            "a login or a filter of this network?"
        )
    if old.scheme == new.scheme and ports[0] != ports[1]:
        raise SourceError(f"it is redirected to another port, {ports[1]}, which is not followed")
    if (old.scheme, new.scheme) == ("https", "http"):
        raise SourceError("it is redirected to a page without TLS, which is not followed")
    host = f"[{new.hostname}]" if ":" in new.hostname else new.hostname
    return new._replace(netloc=f"{host}:{ports[1]}", fragment="").geturl()


def is_web_page(body: bytes) -> bool:
    """Whether an answer is HTML, where an exchange sends JSON."""
    return body[:256].lstrip().startswith(b"<")


def title(page: bytes) -> str:
    """Return the title of a web page as the end of a text, or ""."""
    found = re.search(rb"<title[^>]*>([^<]{1,200})", page[:4096], re.IGNORECASE)
    return "" if found is None else f": {one_line(found[1].decode(errors='replace'))!r}"
