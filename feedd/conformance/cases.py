"""The cases: what happens in each. What each demands stands in docs/conformance.md."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from feedd.conformance.case_run import FeedPlay, Play

QUIET_S = 4.0  # longer than it takes to call a feed stale


def in_order(play: Play) -> None:
    """Two topics, one after the other."""
    feed = _joined(play, "quote", "trade")
    for _ in range(_some(play)):
        feed.tick(channel=play.random.choice(["quote", "trade"]))


def gap_repaired(play: Play) -> None:
    """Ticks are lost on the way, and the history has them."""
    feed = _joined(play)
    for _ in range(3):
        _run(play, feed)
        for _ in range(play.random.randint(1, 5)):
            feed.tick(sent=False)
    feed.tick()


def gap_lost(play: Play) -> None:
    """Ticks are lost on the way, and in the history too."""
    feed = _joined(play)
    for _ in range(2):
        _run(play, feed)
        for _ in range(play.random.randint(1, 5)):
            feed.tick(sent=False, kept=False)
    feed.tick()


def gap_in_part(play: Play) -> None:
    """The history has some of what is lost."""
    feed = _joined(play)
    _run(play, feed)
    for kept in (False, True, True, False, True):
        for _ in range(play.random.randint(1, 3)):
            feed.tick(sent=False, kept=kept)
    feed.tick()


def duplicates(play: Play) -> None:
    """Ticks come twice, at once and later."""
    feed = _joined(play)
    sent = []
    for _ in range(_some(play)):
        sent.append(feed.tick())
        feed.again(sent[-1])
    for frames in play.random.sample(sent, 3):
        feed.again(frames)
    feed.tick()


def reordered(play: Play) -> None:
    """Ticks overtake each other."""
    feed = _joined(play)
    _run(play, feed)
    for _ in range(3):
        late = [feed.tick(sent=False) for _ in range(play.random.randint(2, 4))]
        play.random.shuffle(late)
        for frames in late:
            feed.again(frames)
    feed.tick()


def new_session(play: Play) -> None:
    """The worker is started anew."""
    feed = _joined(play)
    _run(play, feed)
    play.settle()
    feed.restart()
    _run(play, feed)


def new_session_after_known_tail(play: Play) -> None:
    """The old session's last ticks are lost; its last heartbeat told of them."""
    feed = _joined(play)
    _run(play, feed)
    play.settle()
    feed.tick(sent=False, kept=False)
    feed.tick(sent=False, kept=False)
    feed.beat()
    feed.restart()
    _run(play, feed)


def new_session_after_unknown_tail(play: Play) -> None:
    """The old session's last ticks are lost, and nothing told of them."""
    feed = _joined(play)
    _run(play, feed)
    play.settle()
    feed.tick(sent=False, kept=False, told=False)
    feed.restart()
    _run(play, feed)


def tail_repaired(play: Play) -> None:
    """The newest ticks are lost: only `next_seq` shows it, and the history has them."""
    feed = _joined(play)
    _run(play, feed)
    play.settle()
    feed.tick(sent=False)
    feed.tick(sent=False)
    feed.beat()


def tail_lost(play: Play) -> None:
    """The newest ticks are lost: only `next_seq` shows it, and the history lacks them."""
    feed = _joined(play)
    _run(play, feed)
    play.settle()
    feed.tick(sent=False, kept=False)
    feed.tick(sent=False, kept=False)
    feed.beat()


def stopped(play: Play) -> None:
    """The feed stops cleanly; its silence is no alarm."""
    feed = _joined(play)
    _run(play, feed)
    play.settle()
    feed.stop()
    play.settle()
    play.wait(QUIET_S)


def stopped_with_lost_tail(play: Play) -> None:
    """The last ticks before a clean stop are lost, and the history has them."""
    feed = _joined(play)
    _run(play, feed)
    play.settle()
    feed.tick(sent=False)
    feed.tick(sent=False)
    feed.stop()


def stale(play: Play) -> None:
    """The heartbeats end, and come again."""
    feed = _joined(play)
    _run(play, feed)
    play.settle()
    feed.fall_silent()
    play.settle()
    feed.come_back()
    _run(play, feed)


def upstream_gap(play: Play) -> None:
    """The feed tells of holes on the exchange's side, with ids and without."""
    feed = _joined(play)
    _run(play, feed)
    feed.upstream_gap("quote", play.random.randint(1, 1000), play.random.randint(2000, 9000))
    _run(play, feed)
    feed.upstream_gap("quote", None, None)
    _run(play, feed)


def unknown_keys(play: Play) -> None:
    """Payloads have keys that nobody knows yet."""
    feed = _joined(play)
    for _ in range(_some(play)):
        feed.tick(venue_flag=play.random.randint(0, 9), nested={"deep": [1, {"er": None}]})
    feed.beat(weather="fair", nested=[1.5, b"bytes"])
    feed.tick()


def unknown_topics(play: Play) -> None:
    """Channels come that nobody knows yet, and things that are no message at all."""
    feed = play.feed()
    weather = feed.topic("weather")
    play.join(feed.topic(), weather)
    feed.beat()
    for _ in range(_some(play)):
        feed.tick()
        feed.unknown("weather")
        play.publish(f"{weather}.and.more", b"\xc1 no MessagePack")
    feed.tick()


def prefix(play: Play) -> None:
    """One symbol's name begins with another's; only the shorter one is asked for."""
    short, long = play.feed("USD:USD"), play.feed("USD:USD-260327")
    play.join(short.topic())
    for feed in (short, long):
        feed.beat()
    for _ in range(_some(play)):
        short.tick()
        long.tick(told=False)
        long.tick(told=False)


def late_join(play: Play) -> None:
    """Much was published before the client came: it begins with the last of it."""
    feed = play.feed()
    for _ in range(_some(play)):
        feed.tick(told=False)
    feed.tick()
    feed.beat()
    play.join(feed.topic())
    play.settle()
    _run(play, feed)


def _joined(play: Play, *channels: str) -> FeedPlay:
    """Return a feed to which the client has subscribed before its first tick."""
    feed = play.feed()
    play.join(*(feed.topic(channel) for channel in channels or ("quote",)))
    feed.beat()
    return feed


def _run(play: Play, feed: FeedPlay) -> None:
    for _ in range(play.random.randint(2, 6)):
        feed.tick()


def _some(play: Play) -> int:
    return play.random.randint(10, 30)


CASES: dict[str, Callable[[Play], None]] = {
    case.__name__.replace("_", "-"): case
    for case in (
        in_order, gap_repaired, gap_lost, gap_in_part, duplicates, reordered, new_session,
        new_session_after_known_tail, new_session_after_unknown_tail, tail_repaired, tail_lost,
        stopped, stopped_with_lost_tail, stale, upstream_gap, unknown_keys, unknown_topics, prefix,
        late_join,
    )
}  # fmt: skip
