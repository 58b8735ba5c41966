"""Shared parts of the REST pages of all exchanges: requests, responses, and the one account."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

# The only account. Every other key is rejected with the exchange's own error.
API_KEY = "embedded" * 8
API_SECRET = "exchange" * 8


class Request(NamedTuple):
    """A request; `page` is the path without its version, e.g. `ticker/24hr`.

    `raw_query` is the text as sent, which the signature covers. `headers` is case-insensitive.
    """

    page: str
    query: dict[str, str]
    raw_query: str
    headers: Mapping[str, str]
    address: str
    method: str = "GET"
    body: str = ""


class Page(NamedTuple):
    """A response: HTTP status, JSON body and headers.

    `used_weight` is the weight that its address used in this minute; None without weights.
    """

    status: int
    body: Any
    headers: dict[str, str] = {}  # noqa: RUF012  never modified
    used_weight: int | None = None


class RestPages(Protocol):
    """The REST pages of one market."""

    def answer(self, request: Request) -> Page:
        """Answer a request, or refuse it because of the limits."""
