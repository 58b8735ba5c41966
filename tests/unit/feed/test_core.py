"""The core of a feed: source callbacks in, numbered publications out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from feedd.clock import NS_PER_MS, NS_PER_S
from feedd.feed.core import FeedCore
from feedd.feed.session import SilentChannel
from feedd.feed.ticker import TickerMaker
from feedd.model import Book, Gap, Quote, Status, Ticker, Trade

if TYPE_CHECKING:
    from feedd.model import BidAsk, Event

EXCHANGE, SYMBOL = "binanceusdm", "BTC/USDT:USDT"
START_NS = 1_723_161_256 * NS_PER_S
LATENCY_NS = 250_000


class World:
    """A core on a clock that the test sets; its outputs and its log, in their order."""

    def __init__(
        self,
        channels: tuple[str, ...] = ("ticker", "quote", "trade"),
        source_channels: tuple[str, ...] | None = None,
        *,
        bid_ask: BidAsk = "quote",
        measured: bool = True,
    ) -> None:
        self.time_ns = START_NS
        self.stepped_ns = 0  # by steps of the wall clock
        self.published: list[Any] = []
        self.logged: list[tuple[str, dict[str, object]]] = []
        source_channels = source_channels or channels
        self.core = FeedCore(
            exchange=EXCHANGE,
            symbol=SYMBOL,
            session_number=77,
            channels=channels,
            source_channels=source_channels,
            self_checked=frozenset({"trade"}),
            ticker_maker=TickerMaker(bid_ask, 30 * NS_PER_S) if "ticker" in channels else None,
            output=self,
            clock=self,
            log=self,
            measured=measured,
            checked={"trade": "sequence"},
            quote_from="ticker",
        )

    def publish(self, event: Event) -> None:
        event.published_ns = self.time_ns + LATENCY_NS
        self.published.append(msgspec.structs.replace(event))

    def hold(self) -> None:
        self.published.append("hold")

    def release(self) -> None:
        self.published.append("release")

    def now_ns(self) -> int:
        return self.time_ns + self.stepped_ns

    def monotonic_ns(self) -> int:
        return self.time_ns - START_NS

    def info(self, event: str, **fields: object) -> None:
        self.logged.append((event, fields))

    warning = info

    def live(self) -> World:
        """Start, bring every channel to life, and forget what was published so far."""
        self.core.start()
        for channel in self.core.session.channels:
            self.core.subscribed(channel)
        for channel in self.core.session.channels:
            if channel != "trade":
                self.core.event(EVENTS[channel]())
        self.take()
        self.logged.clear()
        return self

    def take(self) -> list[Any]:
        """Return what was published since the last call."""
        taken, self.published = self.published, []
        return taken


def quote(bid: float = 100.0, event_id: int = 1, received_ns: int = START_NS) -> Quote:
    return Quote(SYMBOL, received_ns // NS_PER_MS - 5, bid, 1.0, bid + 1, 1.0, EXCHANGE,
                 received_ns, id=event_id)  # fmt: skip


def trade(event_id: int = 1) -> Trade:
    return Trade(SYMBOL, 1, 100.0, 1.0, "buy", EXCHANGE, START_NS, id=event_id)


def summary(last: float | None = 100.0) -> Ticker:
    return Ticker(SYMBOL, 1, None, None, None, last, 1.0, 1.0, 1.0, 1.0, None, "none", EXCHANGE,
                  START_NS)  # fmt: skip


def book() -> Book:
    return Book(SYMBOL, 1, [(99.0, 1.0)], [(101.0, 1.0)], EXCHANGE, START_NS, id=5)


EVENTS: dict[str, Any] = {"quote": quote, "trade": trade, "ticker": summary, "book": book}


def statuses(published: list[Any]) -> list[Status]:
    return [event for event in published if isinstance(event, Status)]


def test_a_feed_publishes_its_way_from_starting_to_stopped() -> None:
    world = World(("quote",))
    world.core.start()
    world.core.subscribed("quote")
    world.core.event(quote())
    world.core.stop("SIGTERM")
    events = world.take()
    assert [(type(event).__name__, event.seq) for event in events] == [
        ("Status", 1), ("Status", 2), ("Quote", 1), ("Status", 3),
    ]  # fmt: skip
    assert [(one.state, one.reason) for one in statuses(events)] == [
        ("starting", "quote: waiting for the first event"), ("live", None), ("stopped", "SIGTERM"),
    ]  # fmt: skip
    assert {event.session for event in events} == {77}


def test_a_status_states_how_each_channel_is_checked_and_what_quotes_are_made_from() -> None:
    world = World(("quote", "trade"))
    world.core.start()
    (status,) = statuses(world.take())
    stated = {name: (one.checked, one.made_from) for name, one in status.channels.items()}
    assert stated == {"quote": ("none", "ticker"), "trade": ("sequence", None)}


def test_a_status_states_how_long_ago_a_book_agreed_with_a_snapshot() -> None:
    world = World(("book",))
    world.core.start()
    world.core.compared("book")
    world.time_ns += 3 * NS_PER_S
    world.core.heartbeat()
    before, after = (status.channels["book"].compared_ms for status in statuses(world.take()))
    assert (before, after) == (None, 3000)


def test_every_topic_counts_from_one_and_a_status_names_the_seqs_that_follow() -> None:
    world = World(("quote", "trade"))
    world.live()
    world.core.heartbeat()
    before = statuses(world.take())[0].next_seq
    for number in range(3):
        world.core.event(quote(event_id=10 + number))
        world.core.event(trade(10 + number))
    events = world.take()
    assert [event.seq for event in events if event.channel == "quote"] == [2, 3, 4]
    assert [event.seq for event in events if event.channel == "trade"] == [1, 2, 3]
    world.core.heartbeat()
    (status,) = statuses(world.take())
    names = {name: f"{name}.{EXCHANGE}.{SYMBOL}." for name in ("quote", "trade", "status")}
    assert status.next_seq == {
        names["quote"]: 5, names["trade"]: 4, names["status"]: status.seq + 1
    }  # fmt: skip
    assert before[names["status"]] == status.seq


def test_a_quote_makes_a_ticker_once_there_was_a_summary() -> None:
    world = World(("ticker", "quote"))
    world.core.start()
    world.take()
    world.core.event(quote(100.0))
    assert {event.channel for event in world.take()} == {"status", "quote"}
    world.core.event(summary())
    ticker = world.take()[-1]
    assert (type(ticker), ticker.bid, ticker.seq) == (Ticker, 100.0, 1)
    world.core.event(quote(102.0))
    of_quote, ticker = world.take()
    assert (of_quote.channel, of_quote.seq) == ("quote", 2)
    assert (ticker.channel, ticker.seq, ticker.bid, ticker.spread) == ("ticker", 2, 102.0, 1.0)


def test_a_channel_that_only_feeds_the_ticker_is_not_published() -> None:
    world = World(("ticker",), ("ticker", "book"), bid_ask="book").live()
    world.core.event(Book(SYMBOL, 1, [(50.0, 1.0)], [(51.0, 1.0)], EXCHANGE, START_NS, id=6))
    (ticker,) = world.take()
    assert (ticker.channel, ticker.bid, ticker.ask) == ("ticker", 50.0, 51.0)
    world.core.heartbeat()
    (status,) = statuses(world.take())
    assert [status.channels[name].published for name in ("ticker", "book")] == [True, False]
    assert set(status.next_seq) == {f"{name}.{EXCHANGE}.{SYMBOL}." for name in ("ticker", "status")}


def test_a_summary_without_the_ticker_channel_makes_nothing() -> None:
    world = World(("quote",), ("quote", "ticker")).live()
    world.core.event(summary())
    assert world.take() == []


def test_without_a_maker_tickers_are_published_as_they_come() -> None:
    world = World(("ticker",))
    world.core._ticker_maker = None
    world.core.start()
    world.take()
    given = summary()
    given.bid = 42.0
    world.core.event(given)
    assert world.take()[-1].bid == 42.0


def test_a_ticker_without_a_last_price_is_published_and_logged() -> None:
    world = World(("ticker",)).live()
    world.core.event(summary(None))
    assert [event.channel for event in world.take()] == ["ticker"]
    assert world.logged == [("a ticker has no last price", {})]


def test_a_reconnect_publishes_each_change_of_state_and_the_gap_before_the_event() -> None:
    world = World(("quote",)).live()
    world.core.lost("quote", "closing code 1006")
    world.core.lost("quote", "closing code 1006")
    world.core.subscribed("quote")
    world.core.event(quote(event_id=9))
    lost, *_, gap, event = world.take()
    assert (lost.state, lost.reason) == ("reconnecting", "quote: closing code 1006")
    assert gap.gap == Gap("quote", 1, 9, "reconnect after: closing code 1006")
    assert gap.state == "live"
    assert event.id == 9


def test_a_gap_that_the_source_found_is_published_and_logged_at_once() -> None:
    world = World(("trade",)).live()
    world.core.missing("trade", 4, 9, "ids jump")
    (status,) = world.take()
    assert status.gap == Gap("trade", 4, 9, "ids jump")
    assert (status.gaps, status.channels["trade"].gaps) == (1, 1)
    assert [what for what, _ in world.logged] == ["gap"]


@pytest.mark.parametrize("fault", ["lost", "resync"])
def test_bid_and_ask_of_a_channel_in_doubt_leave_the_ticker(fault: str) -> None:
    world = World(("ticker", "quote")).live()
    getattr(world.core, fault)("quote", "closing code 1006")
    (status,) = world.take()
    assert status.state == {"lost": "reconnecting", "resync": "resync"}[fault]
    world.core.event(summary())
    (ticker,) = [event for event in world.take() if event.channel == "ticker"]
    assert (ticker.bid, ticker.ask) == (None, None)


def test_a_rejected_message_is_counted_and_logged_and_the_next_event_has_the_gap() -> None:
    world = World(("quote",)).live()
    world.core.rejected(["quote"], "no JSON")
    assert world.take() == []
    assert world.logged[0][1]["so_far"] == 1
    world.core.event(quote(event_id=3))
    status, event = world.take()
    assert status.gap == Gap("quote", 1, 3, "a message could not be read: no JSON")
    assert (status.rejected, event.id) == (1, 3)


def test_hold_and_release_reach_the_output_in_order() -> None:
    world = World(("quote",)).live()
    world.core.hold()
    world.core.event(quote(event_id=2))
    world.core.release()
    first, event, last = world.take()
    assert (first, event.channel, last) == ("hold", "quote", "release")


def test_a_heartbeat_reports_rates_latencies_and_the_process() -> None:
    world = World(("quote",)).live()
    world.core.heartbeat()
    world.take()
    world.time_ns += 2 * NS_PER_S
    for number in range(10):
        world.core.event(quote(event_id=number, received_ns=world.time_ns))
    world.take()
    world.core.usage = (12.5, 60.0)
    world.core.heartbeat()
    (status,) = world.take()
    assert (status.messages, status.messages_per_s) == (11, 5.0)
    assert (status.cpu_percent, status.memory_mb, status.uptime_s) == (12.5, 60.0, 2.0)
    assert status.latency_us.max == LATENCY_NS / 1000
    assert status.exchange_latency_us.p50 == pytest.approx(5000, rel=0.125)
    channel = status.channels["quote"]
    assert (channel.age_ms, channel.messages_per_s > 0) == (0, True)
    assert channel.connected_percent_1h == 100.0
    world.core.heartbeat()
    assert world.take()[0].latency_us.max is None  # only since the last status


def test_latencies_are_counted_from_the_start_of_the_session_over_all_statuses() -> None:
    world = World(("quote", "trade")).live()
    for number in range(3):
        world.core.event(quote(event_id=2 + number, received_ns=world.time_ns))
        world.core.heartbeat()
    world.time_ns += NS_PER_S
    world.core.event(quote(event_id=5, received_ns=world.time_ns - 20 * NS_PER_S))
    status = last_status(world)
    quotes, trades = (status.channels[name].latency_counts for name in ("quote", "trade"))
    assert quotes is not None
    assert quotes.counts == [0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 1]  # the first is of `live`
    assert quotes.sum_us == pytest.approx(20_001_250, rel=0.0625)
    assert trades is not None
    assert sum(trades.counts) == trades.sum_us == 0
    exchange = status.exchange_latency_counts
    assert exchange is not None
    assert exchange.counts == [0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0, 0]
    assert last_status(world).exchange_latency_counts == exchange


def test_a_channel_that_is_not_published_has_no_latency_counts() -> None:
    world = World(("ticker",), ("ticker", "quote")).live()
    status = last_status(world)
    assert status.channels["quote"].latency_counts is None
    assert status.channels["ticker"].latency_counts is not None


def test_an_import_leaves_latencies_and_connections_unknown() -> None:
    world = World(("quote",), measured=False).live()
    world.time_ns += NS_PER_S
    world.core.event(quote(event_id=2, received_ns=world.time_ns))
    world.core.heartbeat()
    status = statuses(world.take())[-1]
    assert (status.latency_us.p50, status.messages_per_s) == (None, 0.0)
    channel = status.channels["quote"]
    assert (channel.latency_us.p50, channel.messages_per_s) == (None, 0.0)
    assert channel.connected_percent_1h is None
    assert channel.latency_counts is None
    assert status.exchange_latency_us.p50 is not None


def test_a_heartbeat_is_due_a_second_after_the_last_status_of_any_reason() -> None:
    world = World(("quote",)).live()
    world.time_ns += NS_PER_S - 1
    assert not world.core.heartbeat_due
    world.core.lost("quote", "closing code 1006")
    world.time_ns += 1
    assert not world.core.heartbeat_due
    world.time_ns += NS_PER_S
    assert world.core.heartbeat_due
    world.core.heartbeat()
    assert not world.core.heartbeat_due


def test_an_unreachable_exchange_is_published_only_after_the_start() -> None:
    world = World(("quote", "trade"))
    world.core.unreachable("HTTP 503", waits=False)
    assert world.take() == []
    world.core.start()
    (status,) = world.take()
    assert (status.state, status.reason) == ("reconnecting", "quote, trade: HTTP 503")
    world.core.unreachable("the budget is used up", waits=True)
    (status,) = world.take()
    assert status.reason == "quote, trade: the budget is used up"
    assert [one.waits for one in status.channels.values()] == [True, True]


def test_silent_channels_are_named_with_their_reason_once_a_reconnect_is_due() -> None:
    world = World(("quote",)).live()
    due: list[SilentChannel] = []
    for frames in range(120):
        world.time_ns += NS_PER_S
        due += world.core.overdue(lambda _, count=frames: count)
    assert world.core.session.state == "stale"
    assert due[0] == SilentChannel("quote", "silent for more than 30 s", frozenset())
    world.core.alive("quote")
    assert world.core.session.state == "live"


def test_states_are_logged_when_they_change() -> None:
    world = World(("quote",)).live()
    world.core.lost("quote", "closing code 1006")
    world.core.lost("quote", "connection refused")
    world.core.heartbeat()
    assert [fields["state"] for what, fields in world.logged if what == "state"] == ["reconnecting"]
    assert len(statuses(world.take())) == 3  # a new reason is published, too


def test_the_time_before_the_start_does_not_lower_the_first_message_rate() -> None:
    world = World(("quote",))
    world.time_ns += 10 * NS_PER_S
    world.core.start()
    world.time_ns += NS_PER_S
    for number in range(5):
        world.core.event(quote(event_id=number, received_ns=world.time_ns))
    world.core.heartbeat()
    assert statuses(world.take())[-1].messages_per_s == 5.0


def last_status(world: World) -> Status:
    world.core.heartbeat()
    return statuses(world.take())[-1]


@pytest.mark.parametrize("behind_ms", [2000, 3, 3_000_000])
def test_a_slow_local_clock_shows_latencies_below_zero_and_is_logged(behind_ms: int) -> None:
    world = World(("trade",)).live()
    for number in range(10):
        event = trade(number)
        event.timestamp = START_NS // NS_PER_MS + behind_ms
        world.core.event(event)
    latency = last_status(world).exchange_latency_us
    expected = pytest.approx(-behind_ms * 1000, rel=0.125)
    assert (latency.p50, latency.p99, latency.max) == (expected, expected, -behind_ms * 1000)
    assert [event for event, _ in world.logged] == [
        "the local clock is behind the exchange's: exchange_latency_us is below zero"
    ]
    world.core.event(event)
    world.core.heartbeat()
    assert len(world.logged) == 1, "it is logged seldom"


def test_a_fast_local_clock_or_the_right_one_logs_nothing() -> None:
    world = World(("trade",)).live()
    world.core.event(trade())  # sent in 1970
    latency = last_status(world).exchange_latency_us
    assert latency.p50 is not None
    assert latency.p50 > 0
    assert world.logged == []


@pytest.mark.parametrize("step_s", [-7200, -1, 1, 3600])
def test_a_step_of_the_clock_changes_no_age_and_delays_no_heartbeat(step_s: int) -> None:
    world = World(("quote",)).live()
    world.core.event(quote(received_ns=START_NS))
    assert last_status(world).channels["quote"].age_ms == 0
    world.time_ns += 5 * NS_PER_S
    world.stepped_ns = step_s * NS_PER_S
    assert world.core.heartbeat_due
    assert last_status(world).channels["quote"].age_ms == 5000
    world.time_ns += 400 * NS_PER_MS
    world.core.event(quote(event_id=2, received_ns=world.now_ns()))
    world.time_ns += 600 * NS_PER_MS
    assert last_status(world).channels["quote"].age_ms == 600


@pytest.mark.parametrize("step_s", [-7200, -1, 1, 3600])
def test_an_age_is_within_a_second_of_the_truth_where_the_step_follows_the_event(
    step_s: int,
) -> None:
    world = World(("quote",)).live()
    last_status(world)
    world.core.event(quote(event_id=2, received_ns=world.now_ns()))
    world.stepped_ns = step_s * NS_PER_S
    world.time_ns += NS_PER_S
    age_ms = last_status(world).channels["quote"].age_ms
    assert age_ms is not None
    assert 0 <= age_ms <= 1000
