"""`feedd demo --faults`: faults in turn, each announced before, with its outcome after."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, NamedTuple

import feedd
from feedd.errors import ConfigError
from feedd.operation import show
from feedd.operation.demo_stage import EndedElsewhereError, Stage, StageError, gap_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from feedd.config.settings import Config, Feed
    from feedd.operation.progress import PrintLine
    from feedd.supervision.daemon import Daemon

TOPICS = ("ticker.", "trade.", "status.")
PAUSE_S = 5.0  # between two faults
OUTCOME_S = 45.0  # for an outcome, at most
STALE_S = 60.0  # a channel may learn that a silence is usual
LOST = 40  # messages: two seconds of a symbol
MUTED_S = 90.0
REFUSED_S = 20.0
GAP_S = 30.0
NOT_YET = "not within {:.0f} s; feedd status shows why"


class Act(NamedTuple):
    """A fault: its announcement, and what makes it and returns its outcome."""

    text: str
    play: Callable[[], str]


def check_faults(config: Config) -> int:
    """Return the port of the embedded exchange; raise ConfigError without live feeds of it."""
    exchange = config.embedded_exchange
    if exchange is None or not _live(config):
        raise ConfigError(
            "feedd demo --faults: the configuration has no embedded_exchange with live feeds; "
            "without --config, the demo's has"
        )
    return exchange.port


def _live(config: Config) -> list[Feed]:
    return [feed for feed in config.feeds() if feed.source != "replay"]


def play_faults(
    config: Config,
    daemon: Daemon,
    ended: Callable[[], bool],
    print_line: PrintLine,
    pause_s: float = PAUSE_S,
) -> None:
    """Play all faults in turn, again and again, until interrupted or until `ended`."""
    endpoints, histories = config.fan_outs().values(), config.history_endpoints().values()
    with feedd.subscribe(endpoints, TOPICS, history=histories) as stream:
        stage = Stage(stream, daemon, check_faults(config), ended, print_line)
        acts = _acts(stage, config)
        try:
            stage.await_ticks(len(_live(config)), OUTCOME_S)
            for number in itertools.count():
                act = acts[number % len(acts)]
                _print_ticks(stage, pause_s, print_line)
                print_line(f"FAULT {number % len(acts) + 1} of {len(acts)}: {act.text}")
                stage.begin()
                print_line(f"OUTCOME after {_outcome(stage, act)}")
        except EndedElsewhereError as error:
            print_line(str(error))


def _outcome(stage: Stage, act: Act) -> str:
    try:
        outcome = act.play()
    except StageError as error:
        outcome = f"the fault could not be made: {error}"
    return f"{stage.elapsed_s:.1f} s: {outcome}"


def _print_ticks(stage: Stage, pause_s: float, print_line: PrintLine) -> None:
    """Print a tick of each symbol: data flow between the faults."""
    stage.begin()
    stage.rest(pause_s)
    for number, ticker in enumerate(stage.seen.last.values(), 1):
        print_line(show.tick_line(number, {
            "symbol": ticker.symbol, "last": ticker.last, "bid": ticker.bid, "ask": ticker.ask,
            "volume": ticker.volume,
        }))  # fmt: skip


def _acts(stage: Stage, config: Config) -> tuple[Act, ...]:
    feeds = itertools.cycle(_live(config))
    first, second, third = next(feeds), next(feeds), next(feeds)
    proxy = next(iter(config.proxy_programs()))
    return (
        Act(f"kill -9 of the worker of {first.symbol}; supervisord restarts it",
            lambda: kill_worker(stage, first)),
        Act(f"the exchange drops the connections of {second.symbol}; its worker reconnects",
            lambda: drop_connections(stage, second)),
        Act(f"the exchange leaves out {LOST} messages of {third.symbol}; the worker finds it by "
            "their numbers and requests the trades again",
            lambda: lose_messages(stage, third, filled=True)),
        Act(f"the exchange leaves out {LOST} messages of {third.symbol} and refuses requests: the "
            "trades are lost, which must be reported",
            lambda: lose_messages(stage, third, filled=False)),
        # Of the symbol whose worker was killed: it has not learned yet that silence is usual.
        Act(f"the exchange sends nothing of {first.symbol}; its connection stays open, "
            "only the silence shows it",
            lambda: fall_silent(stage, first)),
        Act(f"kill -9 of {proxy}, through which all subscribers receive; supervisord restarts it",
            lambda: kill_proxy(stage, proxy, _live(config))),
    )  # fmt: skip


def key_of(feed: Feed) -> str:
    """Return a feed's name as notices have it."""
    return f"{feed.exchange}.{feed.symbol}."


def kill_worker(stage: Stage, feed: Feed) -> str:
    """Kill a worker, and wait until its successor is live."""
    key, before = key_of(feed), stage.pids()
    pid = stage.kill(feed.name)

    def live() -> bool:
        return key in stage.seen.restarted and stage.seen.states.get(key) == "live"

    if not stage.wait(live, OUTCOME_S):
        return NOT_YET.format(OUTCOME_S)
    after = stage.pids()
    return (
        f"{feed.symbol} is live again, pid {pid} became {after[feed.name]}; subscribers got a "
        f"NewSession; {_others(before, after, feed.name)}"
    )


def _others(before: dict[str, int], after: dict[str, int], name: str) -> str:
    changed = [one for one, pid in before.items() if one != name and after.get(one) != pid]
    if changed:
        return f"restarted meanwhile: {', '.join(changed)}"
    return f"the {len(before) - 1} other processes kept their pids"


def drop_connections(stage: Stage, feed: Feed) -> str:
    """Reset a feed's connections, and wait until it is live."""
    key = key_of(feed)
    stage.fault(fault="reset", symbol=feed.symbol)

    def live() -> bool:
        seen = stage.seen
        return "reconnecting" in seen.ever.get(key, ()) and seen.states.get(key) == "live"

    if not stage.wait(live, OUTCOME_S):
        return NOT_YET.format(OUTCOME_S)
    return f"{feed.symbol} is live again; {_losses(stage)}"


def lose_messages(stage: Stage, feed: Feed, *, filled: bool) -> str:
    """Lose messages; wait until the trades are filled in, or until their gap is reported."""
    if not filled:
        stage.fault(fault="http", status=503, for_s=REFUSED_S)
    stage.fault(fault="drop", symbol=feed.symbol, count=LOST)

    def reported() -> bool:
        seen = stage.seen
        return any(gap.channel == "trade" for gap in seen.missed) or (filled and seen.filled > 0)

    found = stage.wait(reported, GAP_S)
    if found and filled:
        stage.rest(2.0)  # the last ones of them
    stage.end_faults()
    if not found:
        return f"no loss was found within {GAP_S:.0f} s: see how the channel is checked"
    return _losses(stage)


def fall_silent(stage: Stage, feed: Feed) -> str:
    """Mute a feed until it is stale, then wait until it is live."""
    key = key_of(feed)
    stage.fault(fault="mute", symbol=feed.symbol, for_s=MUTED_S)
    stale = stage.wait(lambda: stage.seen.states.get(key) in {"stale", "reconnecting"}, STALE_S)
    stale_s = stage.elapsed_s
    stage.end_faults()
    if not stale:
        return f"not stale within {STALE_S:.0f} s: it has learned that such silences are usual"
    if not stage.wait(lambda: stage.seen.states.get(key) == "live", OUTCOME_S):
        return NOT_YET.format(OUTCOME_S)
    return f"{feed.symbol} was stale after {stale_s:.1f} s, and is live again; {_losses(stage)}"


def kill_proxy(stage: Stage, proxy: str, feeds: list[Feed]) -> str:
    """Kill the proxy, and wait until ticks of all symbols arrive through its successor."""
    pid = stage.kill(proxy)
    if not stage.wait(lambda: stage.pid(proxy) not in {0, pid}, OUTCOME_S):
        return NOT_YET.format(OUTCOME_S)
    stage.seen.ticks.clear()
    keys = {key_of(feed) for feed in feeds}
    if not stage.wait(lambda: stage.seen.ticks.keys() >= keys, OUTCOME_S):
        return NOT_YET.format(OUTCOME_S)
    stage.rest(2.0)  # for what the new history can't repair
    lost = stage.seen.lost
    count = sum(gap.to_seq - gap.from_seq + 1 for gap in lost)
    text = f"{count} messages were lost meanwhile, reported as {len(lost)} Gaps" if lost else (
        "no Gap was reported"
    )  # fmt: skip
    return f"pid {pid} became {stage.pid(proxy)}, all {len(keys)} symbols arrive again; {text}"


def _losses(stage: Stage) -> str:
    """Return what was filled in and what was reported as lost."""
    filled = f"{stage.seen.filled} trades were requested again and inserted"
    gaps = list(dict.fromkeys(gap_text(gap) for gap in stage.seen.missed))
    reported = f"reported as a gap: {'; '.join(gaps)}" if gaps else "no gap"
    return f"{filled}, {reported}" if stage.seen.filled else reported
