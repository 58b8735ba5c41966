"""One channel's failures: what it waits for until its data counts again."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, NamedTuple

from feedd.channels import CHANNELS
from feedd.sources.base import Backoff
from feedd.sources.ccxt.watching import FailurePauses

if TYPE_CHECKING:
    from collections.abc import Callable

DOUBT_S = 1.0  # after an unreadable message, before its channel begins again
SETTLED_S = 1.0  # a subscription that is not refused within this time is accepted


class Failure(NamedTuple):
    """Why a channel failed. `alone`: its connection works.

    `passes`: its next data shows that it works again. Else the state that ccxt keeps of it is
    wrong or unknown, and nothing of it counts until a new subscription.
    """

    reason: str
    waits: bool = False
    alone: bool = False
    passes: bool = False


class Recovery:
    """Follows one channel from a failure to the next.

    `report_subscribed` and `begin_again` are invoked on the event loop: with the channel, and with
    the channel and the reason. While `suspended`, nothing of the channel counts; while `watchful`,
    `trust` wants to be invoked with its data.
    """

    def __init__(
        self,
        channel: str,
        report_subscribed: Callable[[str], None],
        begin_again: Callable[[str, str], None],
    ) -> None:
        self.channel = channel
        self.backoff = Backoff()  # after failures of the connection; reset by data
        self.suspended = False
        self.watchful = False
        self._report_subscribed = report_subscribed
        self._begin_again = begin_again
        self._pauses = FailurePauses()
        self._failed: asyncio.Future[Failure] | None = None  # None: one is being dealt with
        self._recovered: asyncio.Future[None] | None = None  # while data may still come
        self._doubt: asyncio.TimerHandle | None = None  # since a message that can't be read
        self._settling: asyncio.TimerHandle | None = None  # while it may still be refused

    def subscribing(self, *, again: bool) -> asyncio.Future[Failure]:
        """Return the next failure of a subscription; `again`: of one that has begun before."""
        if self._failed is None or not again:
            self._failed = asyncio.get_running_loop().create_future()
        self.suspended = False
        return self._failed

    def dealt_with(self) -> None:
        """Ignore failures until the next subscription: this one is over."""
        self._failed = None

    def failed(self, failure: Failure) -> None:
        """Note a failure; the first one counts."""
        if self._failed is not None and not self._failed.done():
            self._failed.set_result(failure)
            self.suspended = failure.alone and not failure.passes

    def forget(self) -> None:
        """Forget doubts and what is not settled: the channel is reported as lost."""
        for timer in (self._doubt, self._settling):
            if timer is not None:
                timer.cancel()
        self._doubt = self._settling = None
        self._note_watchful()

    async def recovers(self, failure: Failure, *, may_have_data: bool) -> bool:
        """Pause after a failure; return whether there was data meanwhile, or the next failure."""
        pauses = self._pauses if failure.alone else self.backoff
        if not may_have_data:
            await asyncio.sleep(pauses.next_s())
            return False
        loop = asyncio.get_running_loop()
        failed = self._failed = loop.create_future()
        recovered = self._recovered = loop.create_future()
        self._note_watchful()
        await asyncio.wait(
            {failed, recovered}, timeout=pauses.next_s(), return_when=asyncio.FIRST_COMPLETED
        )
        self._recovered = None
        self._note_watchful()
        if recovered.done():
            self.subscribed()
        return failed.done() or recovered.done()

    def subscribed(self) -> None:
        """Report the channel as subscribed; one that is live from then on, only if not refused."""
        if self._settling is not None:
            self._settling.cancel()
        if CHANNELS[self.channel].sparse:
            loop = asyncio.get_running_loop()
            self._settling = loop.call_later(SETTLED_S, self._settle)
            self.watchful = True
        else:
            self._report_subscribed(self.channel)

    def doubt(self, reason: str) -> None:
        """Begin the channel again unless its next message can be read and shows what is missing."""
        if self._doubt is None:
            loop = asyncio.get_running_loop()
            self._doubt = loop.call_later(DOUBT_S, self._despair, reason)
            self.watchful = True

    def trust(self) -> None:
        """Note data of the channel."""
        if self._recovered is not None and not self._recovered.done():
            self._recovered.set_result(None)
        if self._doubt is not None:
            self._doubt.cancel()
            self._doubt = None
        if self._settling is not None:
            self._settling.cancel()
            self._settle()
        self._note_watchful()

    def _despair(self, reason: str) -> None:
        self._doubt = None
        self._note_watchful()
        self._begin_again(self.channel, reason)

    def _settle(self) -> None:
        self._settling = None
        self._note_watchful()
        self._report_subscribed(self.channel)

    def _note_watchful(self) -> None:
        waits = self._recovered is not None and not self._recovered.done()
        self.watchful = waits or self._doubt is not None or self._settling is not None
