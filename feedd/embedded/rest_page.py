"""Shared parts of the REST pages of all exchanges: requests, responses, and the one account."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

# The only account. Every other key is rejected with the exchange's own error.
API_KEY = "embedded" * 8
API_SECRET = "exchange" * 8


class Request(NamedTuple):
    """A GET request; `page` is the path without its version, e.g. `ticker/24hr`.

    `raw_query` is the text as sent, which the signature covers. `headers` is case-insensitive.
    """

    page: str
    query: dict[str, str]
    raw_query: str
    headers: Mapping[str, str]
    address: str


class Page(NamedTuple):
    """A response: HTTP status, JSON body and headers."""

    status: int
    body: Any
    headers: dict[str, str] = {}  # noqa: RUF012  never modified
