"""The asyncio shell around a feed's core: one worker, from its start to its end."""

from __future__ import annotations

import asyncio
import gc
import os
from typing import TYPE_CHECKING

import structlog

from feedd.clock import NS_PER_S
from feedd.errors import FeeddError, FinalError, LimitError, SourceError
from feedd.feed.core import HEARTBEAT_NS, FeedCore
from feedd.sources.base import Backoff

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Sequence

    from feedd.clock import Clock
    from feedd.feed.ticker import TickerMaker
    from feedd.sources.base import Source
    from feedd.transport.publisher import Publisher

HEARTBEAT_S = HEARTBEAT_NS / NS_PER_S
PROXY_WAIT_S = 5.0
AWAY_S = 5.0  # an exchange that has not answered for this long is reported as unreachable
CLOSE_TIMEOUT_S = 0.5
LISTING_EVERY_S = 60.0  # the shared list is not fetched more often
LISTING_EVERY_AT_MOST_S = 600.0

_log = structlog.get_logger()


class FeedLoop:
    """One symbol: source → core → publisher.

    `channels` are published; the source may serve more, from which tickers are made. `endpoint`
    is bound, `proxies` connected to. `usage` returns the process' CPU in percent since the last
    call, and its memory in MB. `check` raises SourceError where the source's endpoint is not the
    right one.
    """

    def __init__(
        self,
        *,
        exchange: str,
        symbol: str,
        session_number: int,
        channels: Iterable[str],
        source: Source,
        source_channels: tuple[str, ...],
        publisher: Publisher,
        endpoint: str,
        proxies: Sequence[str],
        ticker_maker: TickerMaker,
        backoff: Backoff,
        clock: Clock,
        usage: Callable[[], tuple[float, float]],
        deployment: str | None = None,
        check: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self._source = source
        self._check = check
        self._publisher = publisher
        self._endpoint = endpoint
        self._proxies = proxies
        self._backoff = backoff
        self._clock = clock
        self._usage = usage
        self._started_s = clock.monotonic_s()
        published = tuple(channels)
        self._core = FeedCore(
            exchange=exchange,
            symbol=symbol,
            session_number=session_number,
            channels=published,
            source_channels=source_channels,
            self_checked=source.self_checked,
            ticker_maker=ticker_maker if "ticker" in published else None,
            output=publisher,
            clock=clock,
            log=_log,
            deployment=deployment,
            pid=os.getpid(),
            checked=source.checked,
            quote_from=source.quote_from,
        )
        self._core.usage = usage()
        self._is_open = False

    async def run(self, stop: asyncio.Event) -> None:
        """Publish until `stop` is set, then publish `stopped` and close. Raises FinalError only."""
        work = asyncio.ensure_future(self._work())
        heartbeats = asyncio.ensure_future(self._heartbeats())
        stopping = asyncio.ensure_future(stop.wait())
        reason = "the worker was stopped"
        try:
            await asyncio.wait({work, heartbeats, stopping}, return_when=asyncio.FIRST_COMPLETED)
            for task in (work, heartbeats):
                if task.done():
                    task.result()
        except FinalError as error:
            reason = str(error)
            raise
        except Exception as error:
            reason = f"a fault in feedd: {type(error).__name__}: {error}"
            raise
        finally:
            work.cancel()
            heartbeats.cancel()
            stopping.cancel()
            await asyncio.gather(work, heartbeats, stopping, return_exceptions=True)
            await self._close(reason)

    async def _work(self) -> None:
        await self._prepare()
        await self._open()
        # Exempt the objects of the start from collections: a full one takes tens of ms.
        gc.collect()
        gc.freeze()
        async with asyncio.TaskGroup() as tasks:
            following = tasks.create_task(self._follow_listing())
            await self._source.run(self._core)
            following.cancel()

    async def _follow_listing(self) -> None:
        """Ask whether the exchange trades the symbol, while nothing arrives or it did not."""
        pause = Backoff(LISTING_EVERY_S, LISTING_EVERY_AT_MOST_S)
        session = self._core.session
        while True:
            await asyncio.sleep(pause.next_s())
            if not session.receives_nothing:
                pause.reset()
                if session.listing is None:
                    continue
            try:
                word = await self._source.check_listing()
            except FeeddError as error:
                _log.info("the exchange's list can't be read", why=str(error))
                continue
            for channel in self._core.listed(word):
                self._source.renew(channel, "the exchange trades the symbol since now")

    async def _prepare(self) -> None:
        """Check the feed against the exchange, for as long as that is unreachable.

        Nothing is bound before the answer, so that a wrong symbol or key leaves no trace. Only an
        exchange that stays unreachable is a state that subscribers should see.
        """
        while True:
            try:
                await self._ask()
            except SourceError as error:
                self._core.unreachable(str(error), waits=isinstance(error, LimitError))
                _log.warning("the exchange is unreachable", why=str(error))
                if self._clock.monotonic_s() - self._started_s > AWAY_S:
                    await self._open()
                await asyncio.sleep(self._backoff.next_s())
            else:
                self._core.listed(self._source.listing)
                return

    async def _ask(self) -> None:
        """Ask the exchange; open the publisher if the answer takes long."""
        asking = asyncio.ensure_future(self._check_and_prepare())
        try:
            passed_s = self._clock.monotonic_s() - self._started_s
            await asyncio.wait({asking}, timeout=max(0.0, AWAY_S - passed_s))
            if not asking.done():
                await self._open()
            await asking
        finally:
            asking.cancel()

    async def _check_and_prepare(self) -> None:
        if self._check is not None:
            await self._check()
        await self._source.prepare()

    async def _open(self) -> None:
        if self._is_open:
            return
        await self._publisher.bind(self._endpoint)
        self._is_open = True
        if not await self._publisher.connect(self._proxies, PROXY_WAIT_S):
            _log.warning(
                "not all proxies are connected; publishing without them",
                proxies=self._proxies,
                connected=self._publisher.proxies_connected,
            )
        _log.info("publishing", endpoint=self._endpoint, session=self._core.session_number)
        self._core.start()

    async def _close(self, reason: str) -> None:
        self._core.stop(reason)
        try:
            await asyncio.wait_for(self._source.close(), CLOSE_TIMEOUT_S)
        except TimeoutError:
            _log.warning("the source did not close in time", timeout_s=CLOSE_TIMEOUT_S)
        await self._publisher.close()

    async def _heartbeats(self) -> None:
        """Publish a status every second, and renew channels that are silent for too long."""
        while True:
            await asyncio.sleep(HEARTBEAT_S)
            for channel, reason, flowing in self._core.overdue(self._source.activity):
                self._source.renew(channel, reason, flowing)
            if not self._is_open:
                continue
            self._publisher.release()  # a source that failed after `hold` does not
            self._publisher.check()
            self._core.usage = self._usage()
            self._core.heartbeat()
