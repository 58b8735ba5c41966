"""Description of one market that the server serves: its paths, its sessions, pages and limits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from feedd.clock import Clock
    from feedd.embedded.market import Streams
    from feedd.embedded.rest_page import Page, RestPages
    from feedd.embedded.ws_session import Reaction, WsSession
    from feedd.venues.addresses import Addresses


@dataclass(frozen=True)
class ServedMarket:
    """One market and its exchange's rules.

    `open_session` takes a path without `below`, its query and the time; it returns the session and
    its first reaction, or None for a path that is not found. `pages` takes the clock of the limits.
    `connects_limit` is the number of WebSocket connections per address in 5 minutes. `snapshot`
    returns a symbol's full book, or None if the market does not have it. `answer_post` answers a
    POST to a page; None: the market takes none.
    """

    name: str
    market: Streams
    addresses: Addresses
    open_session: Callable[[str, Mapping[str, str], float], tuple[WsSession, Reaction] | None]
    pages: Callable[[Clock], RestPages]
    connects_limit: int
    below: str = ""
    snapshot: Callable[[str], dict[str, Any] | None] = lambda _symbol: None
    answer_post: Callable[[str], Page] | None = None
    posts: bool = False  # whether `pages` also answers POST
