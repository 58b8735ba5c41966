"""Replay in the foreground: play recordings at the endpoints that subscribers connect to."""

from __future__ import annotations

import asyncio
import gc
import signal
import sys
import threading
import time
from typing import TYPE_CHECKING, NamedTuple

from feedd.client.topic_table import subscriptions
from feedd.clock import NS_PER_MS
from feedd.errors import EndpointInUseError
from feedd.recordings.format.timestamps import iso
from feedd.recordings.replay.due_messages import due_messages, recorded_and, unplayable_text
from feedd.recordings.replay.player import Player
from feedd.recordings.replay.recorded_snapshot import recorded_snapshot
from feedd.recordings.replay.replay_progress import ReplayProgress
from feedd.recordings.replay.time_shift import TimeShift
from feedd.recordings.replay.wait_reports import reporting_wait
from feedd.runtime.process import raise_open_files
from feedd.transport.history_service import HistoryService
from feedd.transport.message_rings import MessageRings
from feedd.transport.replay_endpoint import ReplayEndpoint
from feedd.transport.sockets import LINGER_MS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from feedd.recordings.format.damage import Damage
    from feedd.recordings.format.recording_reader import RecordingReader
    from feedd.recordings.replay.due_messages import DueMessage
    from feedd.recordings.replay.schedule import ReplaySpan, Schedule

PROGRESS_EVERY_S = 0.1
SWITCH_S = 0.0005  # limit on how long the history and the progress keep the player from running


class Options(NamedTuple):
    """How recordings are played.

    `topics` are prefixes; `to_now` moves all times so that the replay begins now; `lossless` waits
    for the slowest subscriber, `wait` for the first one.
    """

    topics: Sequence[str]
    loop: bool
    to_now: bool
    lossless: bool
    wait: bool


def replay(
    recording: RecordingReader, schedule: Schedule, endpoints: Mapping[str, str], options: Options
) -> bool:
    """Play a recording until its end or a signal; return whether it reached its end.

    `endpoints` maps where subscribers connect to where the history answers.
    Raises EndpointInUseError.
    """
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if number != signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:  # nohup
            signal.signal(number, lambda *_: stop.set())
    raise_open_files()
    prefixes = tuple(prefix.encode() for prefix in subscriptions(options.topics))
    wanted = recorded_and(lambda topic: topic.startswith(prefixes), recording)
    snapshot: Sequence[tuple[bytes, bytes]] = ()
    if not options.to_now:  # a message from before the start would not have the start's session
        snapshot = recorded_snapshot(recording, schedule.span.begin_ns, wanted)
    endpoint = ReplayEndpoint(lossless=options.lossless)
    histories = _bind(endpoint, endpoints, snapshot)
    try:
        waits = "; waiting for a first subscriber" if options.wait else ""
        print(_beginning(schedule, endpoints) + waits, flush=True)
        if not options.wait or endpoint.wait_for_subscriber(stop):
            due = due_messages(recording, schedule, wanted, _warn, loop=options.loop)
            player = _play(due, schedule, endpoint, stop, to_now=options.to_now)
            print(_summary(player, stop, schedule.span), flush=True)
    except BaseException:
        stop.set()  # then the endpoint closes at once, too
        raise
    finally:
        for history in histories:
            history.stop()
        if stop.is_set():
            endpoint.close()
        elif not endpoint.close_when_sent(_flush_limit(stop, lossless=options.lossless)):
            print("queued messages were dropped: a subscriber did not receive", file=sys.stderr)
    return not stop.is_set()


def _bind(
    endpoint: ReplayEndpoint,
    endpoints: Mapping[str, str],
    snapshot: Sequence[tuple[bytes, bytes]],
) -> list[HistoryService]:
    """Serve at the endpoints, with a history for each; raise EndpointInUseError.

    The histories begin with a snapshot.
    """
    histories: list[HistoryService] = []
    try:
        for subscribers in endpoints:
            endpoint.bind(subscribers)
        for history in endpoints.values():
            rings = MessageRings()
            rings.begin_with(snapshot)
            histories.append(HistoryService(endpoint, rings))
            asyncio.run(histories[-1].bind(history))
        endpoint.start()
    except BaseException as error:
        for started in histories:
            started.stop()
        endpoint.close()
        if not isinstance(error, EndpointInUseError):
            raise
        hint = "if feedd itself is running, feedd stop ends it; or give the replay an --endpoint"
        raise EndpointInUseError(f"{error}; {hint}") from None
    for started in histories:
        started.start()
    return histories


def _play(
    due: Iterator[DueMessage | None],
    schedule: Schedule,
    endpoint: ReplayEndpoint,
    stop: threading.Event,
    *,
    to_now: bool,
) -> Player:
    """Play in a thread and report progress; raise the error that ended the thread."""
    start_ns = time.monotonic_ns()
    shift_ms = (time.time_ns() - schedule.span.begin_ns) // NS_PER_MS
    shift = TimeShift(shift_ms) if to_now else None
    player = Player(due, endpoint, stop, start_ns, shift)
    sys.setswitchinterval(SWITCH_S)
    gc.collect()
    gc.freeze()
    faults: list[BaseException] = []
    thread = threading.Thread(target=lambda: _catch(player.run, faults), name="player")
    thread.start()
    try:
        with ReplayProgress(player, schedule) as progress:
            while thread.is_alive():
                thread.join(PROGRESS_EVERY_S)
                progress.update()
    except BaseException:
        stop.set()
        raise
    finally:
        thread.join()  # the endpoint is closed next, and belongs to one thread at a time
    if faults:
        raise faults[0]
    return player


def _catch(run: Callable[[], None], faults: list[BaseException]) -> None:
    try:
        run()
    except BaseException as error:  # noqa: BLE001  the thread's starter raises it
        faults.append(error)


def _flush_limit(stop: threading.Event, *, lossless: bool) -> Callable[[float], bool]:
    """Return what ends the sending of queued messages: only Ctrl-C if none may be lost."""
    ends_s = float("inf") if lossless else time.monotonic() + LINGER_MS / 1000 + 0.5

    def over(seconds: float) -> bool:
        time.sleep(seconds)  # not stop.wait: the signal handler runs in this very thread
        return stop.is_set() or time.monotonic() > ends_s

    return reporting_wait(over, _report_unread)


def _report_unread() -> None:
    print("everything is sent; waiting until subscribers have received it. Ctrl-C ends this",
          file=sys.stderr, flush=True)  # fmt: skip


def _beginning(schedule: Schedule, endpoints: Iterable[str]) -> str:
    span, pace = schedule.span, schedule.pace
    how = f"at {pace:g} times its pace" if pace else "as fast as subscribers receive"
    return (
        f"replaying {iso(span.begin_ns)} to {iso(span.end_ns)} {how}; "
        f"subscribe to {' and '.join(endpoints)}"
    )


def _summary(player: Player, stop: threading.Event, span: ReplaySpan) -> str:
    passes = f" in {player.passes + 1} passes" if player.passes else ""
    last = iso(player.at_ns) if player.sent else iso(span.begin_ns)
    ended = f"interrupted at {last}" if stop.is_set() else "done"
    return f"{ended}: sent {player.sent:,} messages{passes}"


def _warn(damage: Damage) -> None:
    print(unplayable_text(damage), file=sys.stderr, flush=True)
