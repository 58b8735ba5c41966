"""Hosts and paths of one market of a venue."""

from __future__ import annotations

from msgspec import Struct


class Addresses(Struct, frozen=True):
    """Hosts and paths of the REST pages and of the WebSocket.

    `page_prefixes` are the paths of the REST pages; that of the market data is the first.
    `websocket_roots` are the paths at or below which connections are accepted. `routes` maps a
    WebSocket path to the channels that it carries.
    """

    rest: str
    websocket: str
    page_prefixes: tuple[str, ...]
    websocket_roots: tuple[str, ...]
    routes: dict[str, tuple[str, ...]]

    def rest_host(self, endpoint: str | None) -> str:
        """Return the REST host; an endpoint replaces the venue's."""
        return self.rest if endpoint is None else endpoint.rstrip("/")

    def page_url(self, endpoint: str | None, page: str) -> str:
        """Return the URL of a page of the market data, e.g. `depth?symbol=BTCUSDT`."""
        return self.rest_host(endpoint) + self.page_prefixes[0] + page

    def websocket_url(self, endpoint: str | None, route: str) -> str:
        """Return the URL of a WebSocket connection to one of `routes`."""
        if endpoint is None:
            return self.websocket + route
        scheme, _, rest = endpoint.rstrip("/").partition("://")
        return {"http": "ws://", "https": "wss://"}[scheme] + rest + route
