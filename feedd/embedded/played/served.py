"""The recordings of one exchange as the server serves them, below a path of their own."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any

from feedd.clock import NS_PER_MS
from feedd.embedded.played.session import PlayedSession
from feedd.embedded.rest_page import Page
from feedd.embedded.served_market import ServedMarket
from feedd.venues import played
from feedd.venues.addresses import Addresses
from feedd.venues.registry import embedded_path, played_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from feedd.clock import Clock
    from feedd.embedded.played.market import PlayedMarket
    from feedd.embedded.rest_page import Request
    from feedd.embedded.ws_session import Reaction

CONNECTS_LIMIT = 10_000  # a test reconnects often


def played_market(market: PlayedMarket) -> ServedMarket:
    """Serve the recordings of one exchange."""
    numbers = count(1)
    players = {path: player for player in market.players for path in player.sockets}

    def open_session(
        path: str, query: Mapping[str, str], _now_s: float
    ) -> tuple[PlayedSession, Reaction] | None:
        player = players.get(path)
        if player is None:
            return None
        session = PlayedSession(market, player, path, query, next(numbers))
        return session, session.opened()

    below = embedded_path(market.exchange, "", played=True)
    return ServedMarket(
        name=played_name(market.exchange),
        market=market,
        addresses=Addresses("", "", ("/",), tuple(players), {}),
        open_session=open_session,
        pages=lambda clock: _Pages(market, clock, below),
        connects_limit=CONNECTS_LIMIT,
        below=below,
        posts=True,
    )


class _Pages:
    """The REST pages of all players of one exchange."""

    def __init__(self, market: PlayedMarket, clock: Clock, below: str) -> None:
        self._market = market
        self._clock = clock
        self._below = below

    def answer(self, request: Request) -> Page:
        asked = played.PageRequest(
            request.method, "/" + request.page, request.query, request.body,
            f"http://{request.headers.get('Host', '')}{self._below}",
            self._clock.now_ns() // NS_PER_MS,
        )  # fmt: skip
        for player in self._market.players:
            body: Any = player.page(asked)
            if isinstance(body, played.Page):
                return Page(body.status, body.body)
            if body is not None:
                return Page(200, body)
        return Page(404, "404 page not found")
