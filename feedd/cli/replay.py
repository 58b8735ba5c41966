"""`feedd replay`: recordings, played in the foreground at the endpoint where subscribers listen."""

from __future__ import annotations

import argparse
import asyncio
import gc
import re
import signal
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from feedd.client.topic_table import subscriptions
from feedd.clock import NS_PER_MS
from feedd.config.environment import config_path, read_environment
from feedd.config.load import load_config
from feedd.errors import ConfigError, EndpointInUseError
from feedd.recordings.format.recording import Recording
from feedd.recordings.format.times import iso
from feedd.recordings.replay.frames import frames, tell
from feedd.recordings.replay.moving import Mover
from feedd.recordings.replay.player import Player
from feedd.recordings.replay.progress import Progress
from feedd.recordings.replay.schedule import Schedule, Span, span_of
from feedd.recordings.replay.waiting import telling
from feedd.runtime.files import make_run_dir
from feedd.runtime.process import raise_open_files
from feedd.transport.history import History
from feedd.transport.sockets import LINGER_MS
from feedd.transport.verbatim import VerbatimEndpoint

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from feedd.recordings.format.reading import Damage

LOOK_EVERY_S = 0.1
INTERRUPTED = 130
LAST_PORT = 65_534  # the history has the next one; libzmq takes 70,000 for 4,464
SWITCH_S = 0.0005  # so long the history and the progress may keep the player from the interpreter


def add_replay(commands: Any) -> None:
    """Add `replay` to the commands."""
    replay = commands.add_parser("replay", help="publish recordings again, in the foreground")
    replay.add_argument("paths", nargs="+", metavar="PATH", type=_path, help="files or folders")
    replay.add_argument(
        "--pace", type=_pace, default=1.0, metavar="N",
        help="times the original (1); 0: as fast as subscribers take it, and none misses any",
    )  # fmt: skip
    replay.add_argument("--from", dest="begin", metavar="T", help="2026-11-25T13:00:00Z, or 13:00")
    replay.add_argument("--to", dest="end", metavar="T")
    replay.add_argument("--loop", action="store_true", help="again and again, until Ctrl-C")
    replay.add_argument("--timestamps", choices=["recorded", "now"], default="recorded")
    replay.add_argument(
        "--topics", nargs="+", default=[""], metavar="PREFIX",
        help="e.g. quote.; the feeds' statuses are played with them",
    )  # fmt: skip
    replay.add_argument(
        "--endpoint", metavar="ENDPOINT",
        help="tcp://…, with the history at the next port; default: the configuration's proxies'",
    )  # fmt: skip
    replay.add_argument(
        "--wait", action=argparse.BooleanOptionalAction, default=None,
        help="for a first subscriber; the default at pace 0",
    )  # fmt: skip
    replay.set_defaults(run=run_replay)


def run_replay(arguments: argparse.Namespace) -> int:
    """Replay; return 0 when all was sent, 130 where Ctrl-C ended it."""
    recording = Recording(arguments.paths)
    schedule = Schedule(span_of(recording, arguments.begin, arguments.end), arguments.pace)
    endpoints = _endpoints(arguments)
    lossless = arguments.pace == 0
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    raise_open_files()
    endpoint = VerbatimEndpoint(lossless=lossless)
    histories = _bind(endpoint, endpoints)
    try:
        wait = lossless if arguments.wait is None else arguments.wait
        waits = "; it waits for a first subscriber" if wait else ""
        print(_begins(schedule.span, endpoints, arguments) + waits, flush=True)
        if not wait or endpoint.wait_for_subscriber(stop):
            player = _play(arguments, recording, schedule, endpoint, stop)
            print(_ends(player, stop, schedule.span), flush=True)
    except BaseException:
        stop.set()  # it is closed at once, too
        raise
    finally:
        for history in histories:
            history.stop()
        if stop.is_set():
            endpoint.close()
        elif not endpoint.close_when_sent(_patience(stop, lossless=lossless)):
            print("what was queued is gone: a subscriber did not take it", file=sys.stderr)
    return INTERRUPTED if stop.is_set() else 0


def _endpoints(arguments: argparse.Namespace) -> dict[str, str]:
    """Return where subscribers connect, and for each where its history answers."""
    if arguments.endpoint is None:
        settings = load_config(config_path(arguments.config, read_environment()))
        make_run_dir(Path(settings.run_dir))
        return {proxy.subscribers: proxy.history for proxy in settings.proxy_programs().values()}
    found = re.fullmatch(r"(tcp://.+:)(\d+)", arguments.endpoint)
    if found is None or not 1 <= int(found[2]) <= LAST_PORT:
        raise ConfigError(f"{arguments.endpoint} is no endpoint like tcp://127.0.0.1:5500")
    return {arguments.endpoint: f"{found[1]}{int(found[2]) + 1}"}


def _bind(endpoint: VerbatimEndpoint, endpoints: dict[str, str]) -> list[History]:
    """Serve at the endpoints, with a history for each; raise EndpointInUseError."""
    histories: list[History] = []
    try:
        for subscribers in endpoints:
            endpoint.bind(subscribers)
        for history in endpoints.values():
            histories.append(History(endpoint))
            asyncio.run(histories[-1].bind(history))
        endpoint.start()
    except BaseException as error:
        for started in histories:
            started.stop()
        endpoint.close()
        if not isinstance(error, EndpointInUseError):
            raise
        hint = "where feedd itself runs, make stop ends it; or give the replay an --endpoint"
        raise EndpointInUseError(f"{error}; {hint}") from None
    for started in histories:
        started.start()
    return histories


def _play(
    arguments: argparse.Namespace,
    recording: Recording,
    schedule: Schedule,
    endpoint: VerbatimEndpoint,
    stop: threading.Event,
) -> Player:
    """Play in a thread, and tell how far it is; raise what the thread died of."""
    wanted = tuple(prefix.encode() for prefix in subscriptions(arguments.topics))
    due = frames(
        recording, schedule, lambda topic: topic.startswith(wanted), _warn, loop=arguments.loop
    )
    start_ns = time.monotonic_ns()
    shift_ms = (time.time_ns() - schedule.span.begin_ns) // NS_PER_MS
    mover = Mover(shift_ms) if arguments.timestamps == "now" else None
    player = Player(due, endpoint, stop, start_ns, mover)
    sys.setswitchinterval(SWITCH_S)
    gc.collect()
    gc.freeze()
    faults: list[BaseException] = []
    thread = threading.Thread(target=lambda: _caught(player.run, faults), name="player")
    thread.start()
    try:
        with Progress(player, schedule) as progress:
            while thread.is_alive():
                thread.join(LOOK_EVERY_S)
                progress.look()
    except BaseException:
        stop.set()
        raise
    finally:
        thread.join()  # the endpoint is closed next, and is one thread's at a time
    if faults:
        raise faults[0]
    return player


def _caught(run: Callable[[], None], faults: list[BaseException]) -> None:
    try:
        run()
    except BaseException as error:  # noqa: BLE001  whoever started the thread raises it
        faults.append(error)


def _patience(stop: threading.Event, *, lossless: bool) -> Callable[[float], bool]:
    """Return what ends the sending of the rest: only Ctrl-C where nothing may be lost."""
    ends_s = float("inf") if lossless else time.monotonic() + LINGER_MS / 1000 + 0.5

    def over(seconds: float) -> bool:
        time.sleep(seconds)  # and no wait for the event: its handler runs in this very thread
        return stop.is_set() or time.monotonic() > ends_s

    return telling(over, _tell_unread)


def _tell_unread() -> None:
    print("all is sent; waiting until it is taken. Ctrl-C ends it", file=sys.stderr, flush=True)


def _begins(span: Span, endpoints: Iterable[str], arguments: argparse.Namespace) -> str:
    pace = f"at {arguments.pace:g} times its pace" if arguments.pace else "as fast as it is taken"
    return (
        f"replaying {iso(span.begin_ns)} to {iso(span.end_ns)} {pace}; "
        f"subscribe to {' and '.join(endpoints)}"
    )


def _ends(player: Player, stop: threading.Event, span: Span) -> str:
    passes = f" in {player.passes + 1} passes" if player.passes else ""
    last = iso(player.at_ns) if player.sent else iso(span.begin_ns)
    ended = f"interrupted at {last}" if stop.is_set() else "done"
    return f"{ended}: sent {player.sent:,} messages{passes}"


def _warn(damage: Damage) -> None:
    print(tell(damage), file=sys.stderr, flush=True)


def _path(text: str) -> Path:
    return Path(text).resolve()


def _pace(text: str) -> float:
    try:
        pace = float(text)
    except ValueError:
        pace = -1.0
    if not 0 <= pace < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is no pace: 1 is the original, 0 no waiting")
    return pace
