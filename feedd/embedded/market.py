"""The contracts between a market and the server that serves it to connections."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import structlog

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Iterable, Sequence

    from feedd.embedded.instruments import Instrument
    from feedd.venues.raw_streams import RawStream


_log = structlog.get_logger()


class MarketMessage(NamedTuple):
    """One event of one stream: `data` is its JSON, `id` the exchange's id where it has one.

    `text` is what is sent in its place: its JSON is then only for the truth log. `alter` returns
    the text with another size, None where it has none.
    """

    stream: str
    id: int | None
    data: str
    text: str | bytes | None = None
    alter: Callable[[], str | bytes | None] | None = None

    @property
    def sent(self) -> str:
        """The text that is sent; a binary message has only its JSON."""
        return self.text if isinstance(self.text, str) else self.data

    def altered(self, text: str) -> MarketMessage:
        """Return the message with another text."""
        return self._replace(data=text) if self.text is None else self._replace(text=text)


class Outlet(Protocol):
    """A market's destination: one connection."""

    def send(self, messages: Sequence[MarketMessage]) -> None:
        """Send messages in order, in one piece; never blocks."""

    def backlog(self) -> int:
        """Return the number of bytes that the reader hasn't read yet."""

    def abort(self) -> None:
        """Drop the connection without a closing handshake."""


def watch_over(
    task: asyncio.Task[None], what: str, outlets: Callable[[], Iterable[Outlet]]
) -> None:
    """Log a failed market task and drop its readers, so that they don't wait in silence."""

    def ended(done: asyncio.Task[None]) -> None:
        if done.cancelled() or done.exception() is None:
            return
        _log.error("market task failed", what=what, why=repr(done.exception()))
        for outlet in list(outlets()):
            outlet.abort()

    task.add_done_callback(ended)


class Refused(Exception):  # noqa: N818  an answer of the market, not an error
    """The market can't serve a request; the text names the request and the reason."""


class Streams(Protocol):
    """Serves streams to outlets."""

    @property
    def instruments(self) -> dict[str, Instrument]:
        """Listed instruments, by id."""

    @property
    def runs_without_subscribers(self) -> bool:
        """Whether a stream's events continue without a subscriber."""

    def subscribe(self, stream: RawStream, outlet: Outlet) -> None:
        """Send a stream to an outlet from now on; repeating it has no effect. Raises Refused."""

    def unsubscribe(self, stream: RawStream, outlet: Outlet) -> None:
        """Stop sending a stream to an outlet."""

    def check(self, stream: RawStream) -> None:
        """Raise Refused if the market can't serve the stream of a listed symbol."""

    async def close(self) -> None:
        """Stop all running tasks."""


class Market(Streams, Protocol):
    """Serves Binance's streams, and the same history over REST.

    Paths are USD-M's; spot has the same pages below /api/v3.
    """

    def depth(self, symbol: str, limit: int) -> dict[str, Any]:
        """Return the book as GET /fapi/v1/depth does. Raises Refused."""

    def quote(self, symbol: str) -> dict[str, Any]:
        """Return the best bid and ask as GET /fapi/v1/ticker/bookTicker does. Raises Refused."""

    def ticker(self, symbol: str) -> dict[str, Any]:
        """Return the last 24 h as GET /fapi/v1/ticker/24hr does. Raises Refused."""

    def klines(self, symbol: str, interval: str, limit: int) -> list[list[Any]]:
        """Return candles as GET /fapi/v1/klines does. Raises Refused."""

    def agg_trades(self, symbol: str, limit: int) -> list[dict[str, Any]]:
        """Return trades as GET /fapi/v1/aggTrades does. Raises Refused."""

    def trades(self, symbol: str, limit: int, from_id: int | None = None) -> list[dict[str, Any]]:
        """Return trades as GET /fapi/v1/historicalTrades does: the newest, or from an id on.

        They are in order, and of the newest 10,000. Raises Refused.
        """

    def premium_index(self, symbol: str) -> dict[str, Any]:
        """Return the mark price as GET /fapi/v1/premiumIndex does. Raises Refused."""
