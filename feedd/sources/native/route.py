"""The connections to one path of the exchange: made, kept, and replaced before they are too old.

Each of `connections` lines has a task of its own; all carry the same channels, and one `Merge` a
channel makes one stream of them.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from typing import TYPE_CHECKING

import structlog
from picows import WSError, WSInvalidStatusError, ws_connect

from feedd.errors import FeeddError, LimitError, SourceError
from feedd.sources.base import Backoff
from feedd.sources.native.connection import MESSAGE_AT_MOST, Line
from feedd.sources.refusals import one_line

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterable

    from feedd.clock import Clock
    from feedd.sources.base import Sink
    from feedd.sources.limits.shared_budget import Budget
    from feedd.sources.native.merge import Merge

DIAL_WITHIN_S = 10.0
# While all workers of a machine start it is busy, and each attempt counts against the exchange's
# limit: of 200, 52 gave up after 10 s, and with that the connections of five minutes were used up.
FIRST_DIAL_WITHIN_S = 30.0
LOOK_EVERY_S = 1.0
LOOK_OFTEN_S = 0.1  # while two lines are to be merged
OVERLAP_S = 5.0  # at the least, of a line and the one that replaces it
JOINS_WITHIN_S = 60.0  # a replacement that has not joined by then is given up

REPLACED = "the connection was replaced"

_log = structlog.get_logger()


class Route:
    """One path; `streams` are its channels' names there, `merges` their streams' keepers.

    `rotate_after_s` is by `clock`, which is the exchange's. `lost` is told the channel and the
    reason when no line carries a channel any more, before the sink is.
    """

    def __init__(
        self,
        url: str,
        streams: dict[str, str],
        merges: dict[str, Merge],
        make_line: Callable[[Route], Line],
        lost: Callable[[str, str], None],
        *,
        connections: int,
        rotate_after_s: float,
        budget: Budget | None,
        tls: ssl.SSLContext | None,
        clock: Clock,
    ) -> None:
        self._url = url
        self._streams = streams
        self._merges = merges
        self._make_line = make_line
        self._lost = lost
        self._connections = connections
        self._rotate_after_s = rotate_after_s
        self._budget = budget
        self._tls = tls
        self._clock = clock
        self._sink: Sink | None = None
        self._dial_within_s = FIRST_DIAL_WITHIN_S
        self._lines: dict[Line, set[str]] = {}  # with the channels that each carries
        self._again: dict[tuple[Line, str], float] = {}  # refused: when to ask again
        self._refusals: dict[tuple[Line, str], Backoff] = {}

    @property
    def channels(self) -> Iterable[str]:
        """What it carries."""
        return self._streams

    def carried(self, line: Line) -> list[str]:
        """Return the channels that a line carries."""
        return list(self._lines.get(line, ()))

    async def run(self, sink: Sink) -> None:
        """Keep every line up until cancelled."""
        self._sink = sink
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._look_after_lines())
                for number in range(self._connections):
                    tasks.create_task(self._keep(number))
        finally:
            self._sink = None
            for line in list(self._lines):
                line.give_up("the worker stops")

    def life(self, channel: str) -> int | None:
        """Return when, in ns, the last frame of a line that carries a channel came."""
        lives = [line.received_ns for line, carried in self._lines.items() if channel in carried]
        return max(lives, default=None)

    def reconnect(self, channel: str, reason: str) -> None:
        """Give up every line that carries a channel."""
        for line in [line for line, carried in self._lines.items() if channel in carried]:
            line.give_up(reason)

    def refused(self, line: Line, channel: str, reason: str) -> None:
        """Note a subscription that was refused; it is tried again on the same line."""
        if channel in self._lines.get(line, ()):
            backoff = self._refusals.setdefault((line, channel), Backoff())
            self._again[line, channel] = time.monotonic() + backoff.next_s()
            self._leave(line, channel, reason)

    # --- one line after the other ---------------------------------------------------------------

    async def _keep(self, number: int) -> None:
        # The second line is replaced at another time than the first.
        early = 0.02 * number + random.uniform(0.0, 0.02)  # noqa: S311  nor all workers at once
        rotate_after_s = self._rotate_after_s * (1.0 - early)
        backoff = Backoff()
        line: Line | None = None
        while True:
            line = line or await self._dial(backoff)
            if line is not None:
                line = await self._until_replaced(line, rotate_after_s, backoff)
            if line is None:
                await asyncio.sleep(backoff.next_s())

    async def _until_replaced(
        self, line: Line, rotate_after_s: float, backoff: Backoff
    ) -> Line | None:
        """Wait until a line is lost, or too old; return the one that took its place, if any."""
        due_s = line.opened_s + rotate_after_s
        while True:
            await asyncio.wait({line.lost}, timeout=LOOK_EVERY_S)
            if line.has_data:
                backoff.reset()  # a connection alone is no success
            if line.lost.done():
                return None
            if self._clock.monotonic_s() < due_s and not line.leaving:
                continue
            following = await self._dial(Backoff())
            if following is not None and await self._joins(following, line):
                line.give_up(REPLACED)
                return following
            if following is not None:
                following.give_up("it did not join the connection that it was to replace")
            line.leaving = False
            due_s = self._clock.monotonic_s() + 0.01 * rotate_after_s

    async def _joins(self, following: Line, line: Line) -> bool:
        """Wait until a line can do without another; return whether it can."""
        least_s = time.monotonic() + OVERLAP_S
        most_s = time.monotonic() + JOINS_WITHIN_S
        while not following.lost.done() and time.monotonic() < most_s:
            if line.lost.done():
                return True
            # What the older one does not carry either, e.g. since it is refused, is no reason.
            merges = [self._merges[channel] for channel in self._lines.get(line, ())]
            ready = following.answered and all(merge.goes_on_with(following) for merge in merges)
            if ready and time.monotonic() >= least_s:
                for merge in merges:
                    merge.replaces(following)
                return True
            await asyncio.wait({following.lost, line.lost}, timeout=LOOK_OFTEN_S)
        return False

    async def _dial(self, backoff: Backoff) -> Line | None:
        """Connect and subscribe; return None where that failed, once it is told."""
        try:
            if self._budget is not None:
                await self._budget.connection()
            return await self._connected()
        except SourceError as error:
            waits = isinstance(error, LimitError)
            if isinstance(error, LimitError):
                backoff.at_least(error.retry_after_s)
            self._failed(str(error), waits=waits)
        except WSInvalidStatusError as error:
            await self._refused_handshake(error, backoff)
        except TimeoutError:
            self._failed(f"can't connect: no handshake within {self._dial_within_s:g} s")
        except (WSError, OSError) as error:
            text = one_line(error)
            self._failed(f"can't connect: {type(error).__name__}: {text}")
        return None

    async def _connected(self) -> Line:
        line = self._make_line(self)
        try:
            async with asyncio.timeout(self._dial_within_s):
                await ws_connect(
                    lambda: line,
                    self._url,
                    ssl_context=self._tls,
                    websocket_handshake_timeout=self._dial_within_s,
                    enable_auto_pong=False,  # the line counts what it sends
                    max_frame_size=MESSAGE_AT_MOST,
                    max_redirects=0,
                )
            if not line.stands:  # picows returns too where the exchange hangs up meanwhile
                raise ConnectionResetError("the exchange hung up during the handshake")
        except BaseException:
            line.give_up("it was not made in time")  # should picows still make it
            raise
        self._dial_within_s = DIAL_WITHIN_S
        self._lines[line] = set()
        for channel in self._streams:
            self._carry(line, channel)
        line.lost.add_done_callback(lambda lost: self._drop(line, lost.result()))
        return line

    async def _refused_handshake(self, error: WSInvalidStatusError, backoff: Backoff) -> None:
        response = error.response
        status = 0 if response is None else int(response.status)
        headers = {} if response is None else dict(response.headers)
        retry_after = {name.lower(): it for name, it in headers.items()}.get("retry-after", "")
        if retry_after.isdecimal():
            backoff.at_least(float(retry_after))
        if self._budget is not None:
            self._budget.handshake_refused(status, headers)
            with contextlib.suppress(FeeddError):  # the next request tries it again
                await self._budget.settle()
        self._failed(f"the exchange refuses the connection: HTTP {status}")

    # --- all lines ------------------------------------------------------------------------------

    async def _look_after_lines(self) -> None:
        while True:
            merging = len(self._lines) > 1
            await asyncio.sleep(LOOK_OFTEN_S if merging else LOOK_EVERY_S)
            now_s = time.monotonic()
            for line in list(self._lines):
                line.look()
            for merge in self._merges.values():
                merge.overdue(now_s)
            for (line, channel), due_s in list(self._again.items()):
                if now_s >= due_s:
                    del self._again[line, channel]
                    self._carry(line, channel)

    def _carry(self, line: Line, channel: str) -> None:
        """Subscribe to a channel on a line."""
        first = not any(channel in carried for carried in self._lines.values())
        self._lines[line].add(channel)
        self._merges[channel].opened(line)
        line.subscribe(channel, self._streams[channel])
        if first and self._sink is not None:
            self._sink.subscribed(channel)

    def _drop(self, line: Line, reason: str) -> None:
        """Leave out a line that is lost."""
        carried = self.carried(line)
        go_on = [channel for channel in carried if self._leave(line, channel, reason)]
        if go_on:
            log = _log.info if reason == REPLACED else _log.warning
            log("another connection goes on", channels=sorted(go_on), reason=reason)
        self._lines.pop(line, None)
        for channel in self._streams:
            self._again.pop((line, channel), None)
            self._refusals.pop((line, channel), None)

    def _leave(self, line: Line, channel: str, reason: str) -> bool:
        """Leave out a line of a channel; say so where it was the last, else return True."""
        self._lines[line].discard(channel)
        if self._sink is None:
            return False
        if self._merges[channel].closed(line, reason):
            return True
        self._lost(channel, reason)
        self._sink.lost(channel, reason)
        return False

    def _failed(self, reason: str, *, waits: bool = False) -> None:
        """Say that a connection could not be made, to the channels that have none."""
        for channel in self._streams:
            if any(channel in carried for carried in self._lines.values()):
                _log.warning("a further connection can't be made", channel=channel, reason=reason)
            elif self._sink is not None:
                self._sink.lost(channel, reason, waits=waits)
