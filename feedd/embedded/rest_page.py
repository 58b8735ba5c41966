"""What the REST pages of all exchanges share: requests, answers, and the one account."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

# The one account there is. Every other key is refused as the exchange refuses it.
API_KEY = "embedded" * 8
API_SECRET = "exchange" * 8


class Request(NamedTuple):
    """A GET: `page` is the path without its version, e.g. `ticker/24hr`.

    `raw_query` is as sent, because a signature is of its text; `headers` knows no case.
    """

    page: str
    query: dict[str, str]
    raw_query: str
    headers: Mapping[str, str]
    address: str


class Page(NamedTuple):
    """An answer: HTTP status, JSON body and headers."""

    status: int
    body: Any
    headers: dict[str, str] = {}  # noqa: RUF012  nobody writes into it
