"""The ccxt source: any exchange of ccxt.pro.

Each channel is subscribed to with one `watch_*` call. The tap (`feedd.sources.ccxt.tap`)
takes what ccxt parses, and the delivery (`feedd.sources.ccxt.delivery`) converts it.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

import structlog

from feedd.config.network import Network
from feedd.errors import FinalError, LimitError, SourceError
from feedd.sources.book_keeper import BookKeeper
from feedd.sources.ccxt.book_comparison import BookComparison
from feedd.sources.ccxt.delivery import UNREADABLE, Delivery
from feedd.sources.ccxt.derived_channels import DerivedChannels
from feedd.sources.ccxt.error_translation import Translator, WaitsError
from feedd.sources.ccxt.exchange_class import tapped_exchange
from feedd.sources.ccxt.lean_import import ccxt
from feedd.sources.ccxt.market_loading import listed, load_market, local_cause
from feedd.sources.ccxt.plan import check_channels, plan
from feedd.sources.ccxt.recovery import Failure, Recovery
from feedd.sources.ccxt.recovery_requests import RecoveryRequests
from feedd.sources.ccxt.rehearsal import check_decodable, rehearse
from feedd.sources.ccxt.replacements import Replacements
from feedd.sources.ccxt.served_methods import served_methods
from feedd.sources.ccxt.watching import forget, subscribe, watch_calls
from feedd.sources.error_texts import check_form, check_timeframe, one_line
from feedd.sources.listing import doubles, not_traded
from feedd.sources.network.dial import Dialer
from feedd.sources.network.tls import tls_for
from feedd.sources.trade_keeper import TradeKeeper
from feedd.venues.checks import checks, compares_books
from feedd.venues.registry import venue as venue_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from feedd.books.depth import Snapshot
    from feedd.model import Checked, QuoteFrom
    from feedd.sources.base import Sink
    from feedd.sources.ccxt.tap import Tap
    from feedd.sources.network.dial import Resolve

_log = structlog.get_logger()

RENEWED_WITHIN_S = 2.0  # events of a subscription that has ended may still arrive


class CcxtSource:
    """One symbol on one exchange; see `feedd.sources.base.Source` for the contract.

    All sources with the same `run_dir` share the exchange's limits and its market list. `resolve`
    finds the addresses of a host. A book that nothing checks is compared with a page of it every
    `compare_books_every_s`; 0: never.
    """

    def __init__(
        self,
        exchange: str,
        symbol: str,
        channels: tuple[str, ...],
        *,
        endpoint: str | None = None,
        credentials: tuple[str, str] | None = None,
        book_depth: int = 20,
        timeframe: str = "1m",
        run_dir: Path | None = None,
        rotate_after_s: float | None = None,
        compare_books_every_s: float = 0.0,
        network: Network | None = None,
        resolve: Resolve | None = None,
    ) -> None:
        self._id = exchange
        self._symbol = symbol
        self._venue = venue = venue_of(exchange, symbol)
        if venue.book is not None:
            book_depth = venue.book.depth(book_depth)
        self._book_depth = book_depth
        self._timeframe = timeframe
        self._credentials = credentials
        network = network or Network()
        tls = tls_for(endpoint or "https:", network)
        self._exchange = tapped_exchange(
            self, exchange, symbol, venue, endpoint, credentials, run_dir,
            Dialer(network, resolve), tls,
        )  # fmt: skip
        self._methods = served_methods(exchange, symbol, self._exchange.has)
        self._plan = plan(self._methods, symbol, venue, channels)
        self._channels = channels = self._plan.subscribed
        self._errors = Translator(exchange, symbol, channels, with_key=credentials is not None)
        self._requests = RecoveryRequests(
            self._exchange,
            exchange,
            symbol,
            venue,
            self._errors,
            book_depth=book_depth,
            with_key=credentials is not None,
        )
        self._comparison = (
            BookComparison(self._requests.fetch_book, self._book_failed, compare_books_every_s)
            if compare_books_every_s and "book" in channels and compares_books(venue.checked)
            else None
        )
        self._raw_channels = {
            *(name for name, its in venue.raw_channels.items() if its.carrier is None),
            *(["book"] if venue.book is not None else []),
        }
        self._carriers = {
            carrier for name, carrier in self._plan.made_from.items() if name in venue.raw_channels
        }
        self._delivery: Delivery | None = None  # while `run` runs
        self._sink: Sink | None = None  # likewise
        self.listing: str | None = None
        self._recoveries = {
            channel: Recovery(channel, self._report_subscribed, self._begin_again)
            for channel in channels
        }
        self._backoff = {name: its.backoff for name, its in self._recoveries.items()}
        self._final: dict[str, FinalError] = {}  # of channels that can't be subscribed to
        self._watch = watch_calls(self._exchange, symbol, venue, book_depth, timeframe)
        self._renewed_s: dict[str, float] = {}  # when a channel was last subscribed to again
        self._renewed_on: dict[str, Tap] = {}  # the connection on which it was, while silent
        self._renewals: set[asyncio.Task[bool]] = set()
        self._taps: dict[str, Tap] = {}  # of the connection that carries a channel
        self._watches: dict[str, asyncio.Future[Any]] = {}  # its subscription, by channel
        self._replacements: Replacements | None = None  # while `run` runs
        self._rotate_after_s = rotate_after_s or venue.rotate_after_s
        self._books = (
            BookKeeper(exchange, symbol, venue.book.rules(book_depth), book_depth, self._renew_book)
            if venue.book is not None and "book" in channels
            else None
        )
        self._trades = (
            TradeKeeper(lambda gap: self._requests.fetch_trades(gap, self._taps.get("trade")))
            if venue.trades is not None
            else None
        )

    @property
    def self_checked(self) -> frozenset[str]:
        """The channels in which the source finds every gap itself."""
        kept = {"book": self._books, "trade": self._trades}
        return frozenset(
            name for name in self._plan.published if kept.get(self._carrier(name)) is not None
        )

    def _carrier(self, channel: str) -> str:
        return self._plan.made_from.get(channel, channel)

    @property
    def checked(self) -> Mapping[str, Checked]:
        """How a lost or altered message shows, by channel."""
        return checks(self._venue)

    @property
    def quote_from(self) -> QuoteFrom | None:
        """The channel whose messages have the quotes."""
        if "quote" not in self._plan.published:
            return None
        return self._plan.made_from.get("quote", "quote")  # type: ignore[return-value]

    async def prepare(self) -> None:
        """Check channels, symbol and credentials against the exchange."""
        check_channels(
            self._id, self._methods, self._symbol, self._plan.published, self._venue,
            with_key=self._credentials is not None,
        )  # fmt: skip
        if "candle" in self._channels:
            check_timeframe(self._id, self._exchange.timeframes, self._timeframe)
        try:
            await load_market(self._exchange, self._id, self._symbol, self._venue)
            entry = self._exchange.markets[self._symbol]
            self.listing = not_traded(entry)
            if (note := doubles(self._symbol, entry)) is not None:
                _log.warning(note)
            if self._venue.channel_of is None and self._venue.router is None:  # not described
                check_decodable(self._exchange, self._id, self._symbol)
                await rehearse(self._id, self._channels, self._watch)
            if self._credentials is not None:
                await self._exchange.fetch_balance()
        except Exception as error:
            # Whatever ccxt's parsers raise for an answer that they don't expect may pass.
            failure = self._errors(error)
            if isinstance(failure, SourceError):
                check_form(self._id, self._symbol)
                failure = local_cause(self._exchange, self._id, str(failure)) or failure
            raise failure from error

    async def check_listing(self) -> str | None:
        """Return the exchange's word for a symbol that it does not trade; ABSENT: not listed."""
        try:
            self.listing = await listed(self._exchange, self._symbol)
        except Exception as error:
            raise self._errors(error) from error
        return self.listing

    async def run(self, sink: Sink) -> None:
        """Keep every channel subscribed until cancelled."""
        sink = self._with_parts(sink)
        self._begin(sink)
        try:
            async with asyncio.TaskGroup() as tasks:
                for channel in self._channels:
                    tasks.create_task(self._keep(channel, sink))
                tasks.create_task(self._compare())
        except BaseExceptionGroup as group:
            final = group.subgroup(FinalError)
            if final is None:
                raise
            raise final.exceptions[0] from None
        finally:
            if self._trades is not None:
                self._trades.finish(sink, "the worker stops")
            if self._books is not None:
                self._books.stop()
            for task in self._renewals:
                task.cancel()
            for recovery in self._recoveries.values():
                recovery.forget()
            if self._replacements is not None:
                await self._replacements.stop()
            self._sink = self._delivery = None

    def activity(self, channel: str) -> int | None:
        """Return when, in ms, the last frame of a channel's connection came."""
        tap = self._taps.get(self._carrier(channel))
        return None if tap is None else tap.client.last_message_at

    def renew(self, channel: str, reason: str, flowing: frozenset[str] = frozenset()) -> None:
        """Subscribe to a channel again, on a new connection unless that carries one of `flowing`.

        The second time, a connection that carries one is replaced, where that loses nothing. Where
        the venue's messages for subscribing again are not known, there is a new connection in any
        case.
        """
        channel, flowing = self._carrier(channel), frozenset(map(self._carrier, flowing))
        tap = self._taps.get(channel)
        if tap is None or flowing.isdisjoint(self._channels_of(tap)) or not self._venue.resubscribe:
            self._fail(channel, reason)
            return
        again, self._renewed_on[channel] = self._renewed_on.get(channel) is tap, tap
        replaced = again and self._replacements is not None and self._replacements.closing(tap)
        what = "replacing its connection" if replaced else "subscribing to it again"
        _log.warning("a channel is silent and others are not", channel=channel, now=what)
        if replaced:
            return
        task = asyncio.get_running_loop().create_task(self._renew(channel))
        self._renewals.add(task)
        task.add_done_callback(self._renewals.discard)

    async def close(self) -> None:
        """Close the connections and the HTTP session."""
        self._sink = self._delivery = None
        await self._exchange.close()

    def _with_parts(self, sink: Sink) -> Sink:
        """Return what passes events on to the sink, and makes or compares some of them."""
        if self._plan.made_from:
            sink = DerivedChannels(sink, self._plan)
        return sink if self._comparison is None else self._comparison.beside(sink)

    async def _compare(self) -> None:
        if self._comparison is not None:
            await self._comparison.run()

    def _begin(self, sink: Sink) -> None:
        self._sink, venue = sink, self._venue
        self._delivery = Delivery(
            self._id,
            self._symbol,
            venue,
            sink,
            market_id=lambda: self._exchange.market(self._symbol)[venue.market_key],
            backoff=self._backoff,
            books=self._books,
            trades=self._trades,
            book_depth=self._book_depth,
            timeframe=self._timeframe,
            book_failed=self._book_failed,
            carried={
                name: carrier
                for name, carrier in self._plan.made_from.items()
                if name in venue.raw_channels
            },
            merged=self._raw_channels & set(self._channels) if venue.announces_close else (),
        )
        self._replacements = Replacements(
            self._exchange, self._taps, self._delivery.merges, self._watch, self._watches,
            self._rotate_after_s,
        )  # fmt: skip

    # --- one channel ------------------------------------------------------------------------

    async def _keep(self, channel: str, sink: Sink) -> None:
        """Subscribe to a channel, wait until it is lost, and again, with a growing pause.

        A channel that failed alone is subscribed to again on its connection, where the venue's
        messages for that are known and other channels use it too. Else its connection is replaced,
        which no other channel uses.
        """
        recovery, subscribed = self._recoveries[channel], False
        while True:
            failure = await self._until_failed(channel, subscribed=subscribed)
            recovery.dealt_with()
            reason, tap = failure.reason, self._taps.get(channel)
            held = failure.alone and self._holds(tap)
            shared = held and len(self._channels_of(tap)) > 1
            if not (held and (failure.passes or shared)):
                self._leave(channel, reason)
                held = False
            recovery.forget()
            if channel == "trade" and self._trades is not None:
                self._trades.lost(reason)
            if channel == "book" and self._books is not None:
                self._books.lost(reason)
            sink.lost(channel, reason, waits=failure.waits)
            subscribed = await recovery.recovers(failure, may_have_data=held and failure.passes)
            if held and not subscribed:
                subscribed = shared and await self._renew(channel)
                if subscribed:
                    recovery.subscribed()
                else:
                    self._leave(channel, reason)

    async def _until_failed(self, channel: str, *, subscribed: bool) -> Failure:
        """Subscribe to a channel unless it is, and wait until it fails.

        Raises FinalError where no channel can be subscribed to.
        """
        lost = self._recoveries[channel].subscribing(again=subscribed)
        if self._delivery is not None:
            self._delivery.begin(channel)
        if subscribed:
            return await lost
        forget(self._exchange, channel)
        self._watches[channel] = asyncio.ensure_future(subscribe(self._watch, channel))
        try:
            call = await self._until_ended(channel, lost)
            if call.cancelled():
                self._fail(channel, "ccxt closed the connection")
            elif call.done() and (error := call.exception()) is not None:
                failure = self._errors(error, channel)
                if isinstance(failure, FinalError):
                    self._final[channel] = failure
                    if len(self._final) == len(self._channels):
                        raise failure
                waits = isinstance(failure, LimitError)
                self._fail(channel, str(failure), waits=waits, alone=not waits)
            elif call.done():
                self._final.pop(channel, None)
            return await lost
        finally:
            self._watches[channel].cancel()

    async def _until_ended(
        self, channel: str, lost: asyncio.Future[Failure]
    ) -> asyncio.Future[Any]:
        """Wait until a channel is lost or its call ends; return the call of its connection."""
        while True:
            watch = self._watches[channel]
            await asyncio.wait({watch, lost}, return_when=asyncio.FIRST_COMPLETED)
            if lost.done() or self._watches[channel] is watch:
                return self._watches[channel]
            if not watch.cancelled():
                watch.exception()  # of the connection that was replaced

    async def _renew(self, channel: str) -> bool:
        """Subscribe to a channel again on its connection; return whether that was possible."""
        tap, messages = self._taps.get(channel), self._venue.resubscribe
        if tap is None or messages is None or not self._holds(tap):
            return False
        self._renewed_s[channel] = time.monotonic()
        return await tap.resubscribe(channel, messages) and self._holds(tap)

    def _leave(self, channel: str, reason: str) -> None:
        """Close a channel's connection if ccxt holds it: on it, it would not subscribe again."""
        tap, replacements = self._taps.pop(channel, None), self._replacements
        if replacements is not None:
            replacements.forget(channel, tap, reason)
        leaving = tap is not None and replacements is not None and replacements.is_leaving(tap)
        if tap is not None and (leaving or self._holds(tap)):
            tap.close(ccxt.NetworkError(reason))

    def _holds(self, tap: Tap | None) -> bool:
        return tap is not None and self._exchange.clients.get(tap.client.url) is tap.client

    def _fail(
        self,
        channel: str,
        reason: str,
        *,
        waits: bool = False,
        alone: bool = False,
        passes: bool = False,
    ) -> None:
        self._recoveries[channel].failed(Failure(reason, waits, alone, passes))

    def _report_subscribed(self, channel: str) -> None:
        if self._sink is not None:
            self._sink.subscribed(channel)

    def _begin_again(self, channel: str, reason: str, *, passes: bool = True) -> None:
        """Begin a channel again of which messages are missing, unless its ids show which."""
        if channel == "book" and self._books is not None and self._sink is not None:
            self._books.broken(reason, self._sink)
        elif channel != "trade" or self._trades is None:
            self._fail(channel, reason, alone=True, passes=passes)

    # --- callbacks of the taps: see `feedd.sources.ccxt.tap.Observer` --------------------------

    def subscribing(self, tap: Tap, channel: str) -> None:
        """Note which connection carries a channel."""
        if self._replacements is not None:
            self._replacements.subscribing(tap, channel)
        carries = self._taps.get(channel) is tap  # else it will replace the one that does
        if carries and tap.client.isConnected and self._sink is not None:
            self._recoveries[channel].subscribed()

    def connected(self, tap: Tap) -> None:
        """Report every channel that a connection carries as subscribed."""
        for channel in self._channels_of(tap):
            if self._sink is not None:
                self._recoveries[channel].subscribed()
        if self._replacements is not None:
            self._replacements.connected(tap)

    def hold(self) -> None:
        """Send the events of frames that came together together."""
        if self._sink is not None:
            self._sink.hold()

    def release(self) -> None:
        """Send what is held."""
        if self._sink is not None:
            self._sink.release()

    def closing(self, tap: Tap) -> None:
        """Replace a connection before the exchange closes it."""
        if self._replacements is not None:
            self._replacements.closing(tap)

    def disconnected(self, tap: Tap, error: Any) -> None:
        """Report every channel that a connection carried as lost."""
        reason, lost = one_line(error), self._channels_of(tap)
        if self._replacements is not None:
            lost = self._replacements.lost(tap, reason)
        for channel in lost:
            self._backoff[channel].at_least(tap.client.last_retry_after or 0.0)
            self._fail(channel, reason, waits=isinstance(error, WaitsError))

    def refused(self, tap: Tap, channel: str, error: Any) -> None:
        """Report a channel whose subscription was refused, as lost alone."""
        if self._taps.get(channel) is tap:
            self._fail(channel, one_line(error), alone=True, passes=True)
        elif self._replacements is not None:
            self._replacements.lost(tap, one_line(error))

    def parsed(
        self, tap: Tap, channel: str, result: Any, message: Any, received_ns: int
    ) -> None:  # fmt: skip
        """Deliver what ccxt parsed."""
        delivery = self._delivery
        if delivery is None:
            return
        recovery = self._recoveries[channel]
        if self._taps.get(channel) is not tap or recovery.suspended:
            delivery.skip(channel, result)
            return
        try:
            delivery.take[channel](result, message, received_ns)
            if recovery.watchful:
                recovery.trust()
        except UNREADABLE as error:
            # Of all channels on the connection only this one misses a message.
            self._reject([channel], error, passes=True)

    def raw(self, tap: Tap, channel: str, message: Any, received_ns: int) -> bool:
        """Deliver a raw message from which ccxt drops data; return whether it was one."""
        if channel not in self._channels:
            return False
        is_raw = channel in self._raw_channels
        if not is_raw and channel not in self._carriers:
            return channel == "ticker" and self._lacks_snapshot(tap, message)
        replacements = self._replacements
        if self._delivery is None or replacements is None:
            return True
        if is_raw and channel == "ticker" and self._lacks_snapshot(tap, message):
            return True
        recovery = self._recoveries[channel]
        if not recovery.suspended and replacements.carries(tap, channel):
            if self._final:
                self._final.pop(channel, None)  # ccxt's own call does not end
            try:
                self._delivery.take_raw(tap, channel, message, received_ns)
                if recovery.watchful:
                    recovery.trust()
            except UNREADABLE as error:
                tap.forget(channel)
                self._reject([channel], error, passes=True)
        return is_raw or (channel == "ticker" and self._lacks_snapshot(tap, message))

    def unreadable(self, tap: Tap, error: Exception, message: Any, *, raised: bool) -> None:
        """Report a message that belongs to one of a connection's channels."""
        carried, channel = self._channels_of(tap), tap.channel_of(message)
        tap.forget(channel if channel in carried else None)
        concerned = [channel] if channel in carried else carried
        if len(concerned) == 1:
            # ccxt keeps no state of a channel that feedd reads itself.
            passes = not raised or concerned[0] in self._raw_channels
            self._reject(concerned, error, passes=passes)
        elif self._delivery is not None:
            self._delivery.reject(carried, error)

    def _reject(self, channels: list[str], error: Exception, *, passes: bool) -> None:
        """Report a message that can't be read, and begin its channel again.

        If it `passes`, only where nothing follows that can be read.
        """
        if self._delivery is not None:
            reason = self._delivery.reject(channels, error)
            for channel in channels:
                if passes:
                    self._recoveries[channel].doubt(reason)
                else:
                    self._begin_again(channel, reason, passes=False)

    def hole(self, tap: Tap, reason: str) -> None:
        """Begin again what a connection carries: missing messages may be of any channel on it."""
        for channel in self._channels_of(tap):
            self._begin_again(channel, reason, passes=channel in self._raw_channels)

    def book_invalid(self, tap: Tap, reason: str) -> None:
        """Begin ccxt's book again."""
        if self._taps.get("book") is tap:
            self._fail("book", one_line(reason), alone=True)

    def _book_failed(self, reason: str) -> None:
        self._fail("book", one_line(reason), alone=True)

    def _lacks_snapshot(self, tap: Tap, message: Any) -> bool:
        """Return whether a ticker's delta came on a connection that brought no snapshot before.

        Ccxt would apply it to the ticker of an earlier connection, or to none.
        """
        is_snapshot = self._venue.ticker_is_snapshot
        if is_snapshot is None or is_snapshot(message):
            tap.has_ticker_snapshot = True
        if tap.has_ticker_snapshot:
            return False
        just_renewed = time.monotonic() - self._renewed_s.get("ticker", 0.0) < RENEWED_WITHIN_S
        if self._taps.get("ticker") is tap and not just_renewed:
            self._fail("ticker", "the ticker began without its snapshot", alone=True)
        return True

    def _channels_of(self, tap: Tap | None) -> list[str]:
        return [channel for channel, its in self._taps.items() if its is tap]

    async def _renew_book(self) -> Snapshot | None:
        return await self._requests.renew_book(self._taps.get("book"))
