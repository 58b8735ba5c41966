"""An exchange that closes, stays silent, sends what nobody can read, refuses, and is away."""

from __future__ import annotations

import time

from chaos.frame import Run, case
from chaos.process import within
from chaos.upstream import CHANNELS, Upstream

HELD_S = 3.0  # an outage of its REST pages or handshakes
CLOSES = [{"fault": "close", "code": code} for code in (1000, 1001, 1002, 1008, 1011, 1012, 1013)]
ENDS = [*CLOSES, *({"fault": name} for name in ("close_without_fin", "fin", "reset"))]
# Instead of an event: the feed reports a gap, or requests what it is allowed to request.
UNREADABLE = ("malformed", "empty_list", "null", "number", "empty_text", "no_symbol",
              "unknown_symbol", "unknown_event", "junk_price", "empty_price")  # fmt: skip
# Connections end by these, unless the event in it is whole all the same.
BREAKING = ("bad_utf8", "reserved_opcode", "too_big")
BOOK_HOLES = [("drop", 1), ("drop", 8), ("wrong_pu", 1), ("reorder", 1)]
PAGES = [
    *({"fault": name, "page": "depth"} for name in ("truncated", "empty", "html", "page_reset")),
    {"fault": "http", "page": "depth", "status": 429, "retry_after_s": 2},
    {"fault": "http", "page": "depth", "status": 418, "retry_after_s": 2},
    {"fault": "http", "page": "depth", "status": 500},
    {"fault": "http", "page": "depth", "status": 503},
    {"fault": "page_hang", "page": "depth"},
]  # fmt: skip
DOORS = [
    *({"fault": "handshake", "status": status} for status in (404, 503)),
    {"fault": "handshake", "status": 429, "retry_after_s": 2},
    {"fault": "handshake_reset"},
    {"fault": "handshake_hang"},
    {"fault": "refuse", "form": "nested", "count": 999},
    {"fault": "refuse", "form": "flat", "count": 999},
]  # fmt: skip


@case(
    "exchange ends connections",
    what="close codes 1000, 1001, 1002, 1008, 1011, 1012 and 1013, a close without FIN, FIN, RST; "
    "one ccxt and one native feed, as in all cases of the exchange",
    target="live again within 3 s; 0 unflagged",
    limit_s=180,
)
def ends_connections(run: Run) -> None:
    upstream = Upstream(run)
    for one in ENDS:
        began_s = upstream.settle()
        upstream.fault(**one)
        upstream.wait_until_not_live(began_s)
        upstream.back(began_s)
    upstream.figures(f"{len(ENDS)} disconnects; slowest recovery", 3.0)
    upstream.end()


@case(
    "exchange sends junk",
    what="in place of a quote, a trade and a depth event: half of its JSON, [], null, a number, "
    "nothing, an event without a symbol or with another symbol, junk for a price; bytes that are "
    "not UTF-8, a reserved opcode, 11 MiB; depth events and trades twice",
    target="reported as a gap, or fetched; live within 3 s; 0 unflagged",
    limit_s=180,
)
def sends_junk(run: Run) -> None:
    upstream = Upstream(run)
    for name in UNREADABLE:
        began_s = upstream.settle()
        ids = [id_ for channel in CHANNELS for id_ in upstream.events(name, channel)]
        within(30, lambda ids=ids: all(upstream.fired(*ids)), f"{name} happens")
        upstream.gap_told(began_s, "quote")
        upstream.outage(began_s)
    for name in BREAKING:
        began_s = upstream.settle()
        ids = upstream.events(name, "quote")
        within(30, lambda ids=ids: all(upstream.fired(*ids)), f"{name} happens")
        upstream.outage(began_s)
    for channel in ("trade", "book"):
        ids = upstream.events("duplicate", channel, count=3)
        within(30, lambda ids=ids: all(upstream.fired(*ids)), "duplicates")
    upstream.settle()
    upstream.figures("slowest recovery", 3.0)
    upstream.end()


@case(
    "exchange leaves out",
    what="missing depth events (1 and 8), depth events out of order and with a wrong `pu`; "
    "missing trades, first with REST that has them, then without",
    target="100 % reported; the book recovers within 3 s; 0 unflagged",
    limit_s=180,
)
def leaves_out(run: Run) -> None:
    upstream = Upstream(run)
    for name, count in BOOK_HOLES:
        began_s = upstream.settle()
        ids = upstream.events(name, "book", count=count)
        upstream.gap_told(began_s, "book")
        within(30, lambda ids=ids: all(upstream.fired(*ids)), f"{name} happens")
        upstream.outage(began_s)
    upstream.figures("slowest book recovery", 3.0)
    ids = upstream.events("drop", "trade", count=3)
    within(30, lambda: sum(upstream.fired(*ids)) == 3 * len(ids), "trades are left out")
    upstream.settle()
    began_s = time.monotonic()
    upstream.fault("http", page="trades", status=503)
    upstream.events("drop", "trade", count=3)
    upstream.gap_told(began_s, "trade")
    upstream.clear()
    upstream.settle()
    upstream.end()


@case(
    "exchange refuses snapshots",
    what="after a reset, for 3 s: the depth page truncated, empty, HTML, reset, 429, 418, 500, "
    "503, unanswered; a stale one",
    target="at most 4 requests per second and feed; live within 60 s of the fault's end; 0 "
    "unflagged",
    limit_s=240,
)
def refuses_snapshots(run: Run) -> None:
    upstream = Upstream(run)
    most = 0
    for one in PAGES:
        began_s = upstream.settle()
        id_ = upstream.fault(**one)
        upstream.fault("reset")
        upstream.wait_until_not_live(began_s)
        time.sleep(HELD_S)
        most = max(most, *upstream.fired(id_))
        upstream.clear()
        upstream.back(time.monotonic())
    upstream.settle()
    for feed in upstream.feeds:
        upstream.fault("stale_snapshot", symbol=feed.market)
    time.sleep(1.5)
    began_s = time.monotonic()
    upstream.fault("reset")
    upstream.wait_until_not_live(began_s)
    time.sleep(HELD_S)
    upstream.clear()
    upstream.back(time.monotonic())
    run.figure("most requests of a feed in 3 s", most / len(upstream.feeds), most=12)
    upstream.figures("slowest recovery after its end", 60.0)
    upstream.end()


@case(
    "exchange refuses connections",
    what="after a reset, for 3 s: handshakes answered with 404, 503, 429, reset, unanswered; "
    "subscriptions rejected, nested and flat; concurrently, two feeds behind a firewall's 403 for "
    "8 s",
    target="at most 4 attempts per second and feed; live within 60 s of the fault's end; 0 "
    "unflagged",
    limit_s=240,
)
def refuses_connections(run: Run) -> None:
    upstream, walled = Upstream(run), Upstream(run)
    wall_s = walled.settle()
    wall = walled.fault("handshake", status=403)
    walled.fault("reset")
    most = 0
    for one in DOORS:
        began_s = upstream.settle()
        id_ = upstream.fault(**one)
        upstream.fault("reset")
        upstream.wait_until_not_live(began_s)
        time.sleep(HELD_S)
        most = max(most, *upstream.fired(id_))
        upstream.clear()
        upstream.back(time.monotonic())
        if wall and time.monotonic() > wall_s + 8.0:
            run.figure("attempts against a 403", *walled.fired(wall), most=len(walled.feeds))
            walled.clear()
            wall, wall_s = 0, time.monotonic()
    run.figure("most attempts of a feed in 3 s", most / len(upstream.feeds), most=12)
    upstream.figures("slowest recovery after its end", 60.0)
    walled.back(wall_s)
    walled.figures("after the 403,", 60.0)
    upstream.end()
    walled.end()


@case(
    "exchange is mute",
    what="after a minute, of seven feeds: two receive nothing and no pong, two receive only "
    "pongs, two receive no events on a connection that is otherwise alive; then the fault ends",
    target="STALE within the channel's limit (the audit), and a reconnect; the seventh notices "
    "nothing; live within 60 s of the fault's end; 0 unflagged",
    limit_s=240,
)
def is_mute(run: Run) -> None:
    upstream = Upstream(run, ("BTC", "ETH", "SOL", "XRP", "BNB", "DOGE", "ADA"))
    listened_s = time.monotonic() + 61.0  # only then it knows how silent each channel may be
    while time.monotonic() < listened_s:
        time.sleep(1)
    began_s = upstream.settle()
    *muted, beside = upstream.feeds
    for feed, fault in zip(muted, ("stall", "stall", "deaf", "deaf", "mute", "mute"), strict=True):
        if fault == "mute":
            upstream.fault("mute", symbol=feed.market)
        else:
            upstream.fault("stall", symbol=feed.market, pongs=fault == "deaf")
    reported_s = upstream.wait_until_not_live(began_s, muted)
    run.figure("slowest STALE after", reported_s - began_s, most=20.0, unit="s")
    within(60, lambda: all(_reconnects(upstream, feed.name) for feed in muted), "all reconnect")
    run.must(upstream.recorder.not_live(beside.name, began_s) is None, "the other feed is live")
    upstream.clear()
    upstream.back(time.monotonic())
    upstream.figures("slowest recovery after its end", 60.0)
    upstream.end()


def _reconnects(upstream: Upstream, feed: str) -> int:
    """Return how many times a feed's channels reconnected."""
    return next(
        int(line["status"]["reconnects"])
        for line in reversed(upstream.recorder.lines)
        if line["kind"] == "status" and line["feed"] == feed
    )


@case(
    "exchange away",
    what="all connections refused for 20 s; six workers",
    target="no worker restarts; live within 60 s of its return; each channel connects at most "
    "twice; 0 unflagged",
    limit_s=180,
)
def is_away(run: Run) -> None:
    upstream = Upstream(run, ("BTC", "ETH", "SOL", "XRP", "BNB", "DOGE"))
    within(30, lambda: "watching" in upstream.project.log("watchdog"), "the watchdog watches")
    pids = upstream.project.pids()
    began_s = upstream.settle()
    away_s = 8.0 if run.short else 20.0
    upstream.fault("away", for_s=away_s)
    upstream.wait_until_not_live(began_s)
    upstream.back(began_s + away_s)
    run.must(upstream.project.pids() == pids, "no process restarted")
    again = max(_reconnects(upstream, feed.name) for feed in upstream.feeds)
    run.figure("reconnects of a feed's channels", again, most=2 * len(CHANNELS))
    upstream.figures("slowest recovery after its return", 60.0)
    upstream.end()


@case(
    "exchange after 24 h",
    what="the exchange's clock runs 1,200 times as fast: each connection is closed after 24 h, "
    "which is 72 s",
    target="native, which opens a new connection before the old one closes: nothing is noticed; "
    "ccxt: live again within 3 s; 0 unflagged",
    limit_s=240,
)
def after_a_day(run: Run) -> None:
    upstream = Upstream(run, embedded_exchange={"clock_scale": 1200.0})
    began_s = time.monotonic()
    ccxt, native = upstream.feeds
    ended_s = within(90, lambda: upstream.recorder.not_live(ccxt.name, began_s), "24 h are over")
    upstream.back(ended_s, [ccxt])
    upstream.figures("live again", 3.0)
    time.sleep(3)
    noticed = [
        line for line in upstream.recorder.notices
        if line.get("feed") == native.name and line["at"] > began_s
    ]  # fmt: skip
    run.figure("notices of native", len(noticed), most=0)
    upstream.end()


@case(
    "exchange in short",
    what="close, RST, half of an event's JSON, a missing depth event and a missing trade",
    target="live again within 3 s; 0 unflagged",
    short=True,
    limit_s=150,
)
def in_short(run: Run) -> None:
    upstream = Upstream(run)
    for one in ({"fault": "close", "code": 1001}, {"fault": "reset"}):
        began_s = upstream.settle()
        upstream.fault(**one)
        upstream.wait_until_not_live(began_s)
        upstream.back(began_s)
    began_s = upstream.settle()
    upstream.events("malformed", "quote")
    upstream.events("drop", "book")
    upstream.events("drop", "trade")
    for channel in ("quote", "book"):
        upstream.gap_told(began_s, channel)
    upstream.outage(began_s)
    upstream.figures("slowest recovery", 3.0)
    upstream.end()
