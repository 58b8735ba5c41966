"""Webhook: sends the notifications. Nothing here waits in the intake or the health poll."""

from __future__ import annotations

import asyncio
import email.utils
import re
import socket
import time
from typing import TYPE_CHECKING, Any

import aiohttp
import msgspec
import structlog

from feedd.clock import NS_PER_MS
from feedd.config.network import outside_network
from feedd.config.webhook import webhook_url
from feedd.errors import FeeddError
from feedd.gateway.notifications.bodies import Sender, body
from feedd.gateway.notifications.outbox import Outbox
from feedd.gateway.notifications.tracker import Tracker
from feedd.sources.error_texts import one_line
from feedd.sources.network.aiohttp_connector import DialedConnector
from feedd.sources.network.dial import Dialer
from feedd.sources.network.tls import tls_for

if TYPE_CHECKING:
    from collections.abc import Mapping

    from feedd.client.events import Notice, Status, Tick
    from feedd.config.network import Network
    from feedd.config.settings import Config
    from feedd.config.webhook import WebhookSettings
    from feedd.gateway.health_poll import HealthPoll, PolledHealth
    from feedd.gateway.journal import Entry
    from feedd.gateway.notifications.outbox import Message, OutboxCounts

CHECK_EVERY_S = 0.25
REPEAT_ALERTS_S = 60.0  # Alertmanager ends an alert that is not repeated
ANSWER_WITHIN_S = 10.0
ANSWER_AT_MOST = 2_000  # bytes that are read of it
LOG_EVERY_S = 60.0
_AGAIN = frozenset({408, 421, 425, 429})  # of the statuses 4xx; the others refuse the message

_log = structlog.get_logger()


class _NotAcceptedError(Exception):
    """A message was not accepted; `refused`: not as it is."""

    def __init__(self, why: str, *, refused: bool, retry_after_s: float | None = None) -> None:
        super().__init__(why)
        self.refused = refused
        self.retry_after_s = retry_after_s


class Webhook:
    """Reader of the intake and of the health, and sender of what they report.

    `url` is a secret: it is neither logged nor part of an error.
    """

    def __init__(
        self,
        settings: WebhookSettings,
        url: str,
        network: Network,
        sender: Sender,
        health: HealthPoll,
    ) -> None:
        self._settings = settings
        self._url = url
        self._network = network
        self._sender = sender
        self._health = health
        self._tracker = Tracker(settings)
        repeat_s = REPEAT_ALERTS_S if settings.format == "alertmanager" else None
        self._outbox = Outbox(settings.per_minute, repeat_s)
        self._logged_s = float("-inf")
        self._fails = False

    @property
    def counts(self) -> OutboxCounts:
        """Numbers of messages and notifications since the start."""
        return self._outbox.counts

    @property
    def waiting(self) -> int:
        """Number of notifications that are not delivered so far."""
        return self._outbox.waiting

    # --- reader -------------------------------------------------------------------------------

    def message(self, topic: str, event: Tick | Status, now_s: float) -> None:
        """Ignore a message: notices have all that is notified."""

    def notice(self, _notice: Notice, entry: Entry) -> None:
        """Take a notice of the intake."""
        self._tracker.entry(entry, time.monotonic())

    def health(self, polled: PolledHealth) -> None:
        """Take a report on all processes."""
        feeds = {one.name: f"{one.exchange}.{one.symbol}." for one in self._health.config.feeds()}
        report, now_s = polled.report, time.monotonic()
        ended = self._tracker.processes(
            report.processes, feeds, report.hung, now_s, time.time_ns() // NS_PER_MS
        )
        self._outbox.add(ended, now_s)

    # --- sender -------------------------------------------------------------------------------

    async def run(self) -> None:
        """Send until cancelled."""
        timeout = aiohttp.ClientTimeout(total=ANSWER_WITHIN_S)
        connector = DialedConnector(Dialer(self._network), tls_for(self._url, self._network))
        async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
            try:
                while True:
                    await asyncio.sleep(CHECK_EVERY_S)
                    await self._check(session)
            finally:
                if left := self._outbox.waiting:
                    _log.warning(
                        "the gateway ends with notifications that were not sent", left=left
                    )

    async def _check(self, session: aiohttp.ClientSession) -> None:
        now_s = time.monotonic()
        self._outbox.add(self._tracker.due(now_s), now_s)
        message = self._outbox.next(self._tracker.firing(), now_s)
        if message is None:
            return
        try:
            await self._post(session, message)
        except _NotAcceptedError as error:
            again_s = self._outbox.failed(
                message, time.monotonic(), refused=error.refused,
                retry_after_s=error.retry_after_s,
            )  # fmt: skip
            self._log_failure(str(error), again_s)
        else:
            self._outbox.sent(message)
            if self._fails:
                _log.info("the webhook accepts notifications again")
            self._fails = False

    async def _post(self, session: aiohttp.ClientSession, message: Message) -> None:
        """Send one message; raise _NotAcceptedError."""
        content = body(self._settings, message, self._sender, time.time_ns() // NS_PER_MS)
        try:
            async with session.post(
                self._url,
                data=msgspec.json.encode(content),
                headers={"Content-Type": "application/json", "User-Agent": "feedd"},
                allow_redirects=False,
            ) as answer:
                start = await answer.content.read(ANSWER_AT_MOST)
        except TimeoutError:
            why = f"no answer in {ANSWER_WITHIN_S:g} s"
            raise _NotAcceptedError(why, refused=False) from None
        except (aiohttp.ClientError, FeeddError, OSError, ValueError) as error:
            raise _NotAcceptedError(one_line(error), refused=False) from None
        if 200 <= answer.status < 300:
            return
        again = answer.status in _AGAIN or answer.status >= 500
        raise _NotAcceptedError(
            f"HTTP {answer.status} {one_line(start.decode(errors='replace'))[:200]}".strip(),
            refused=not again,
            retry_after_s=retry_after_s(answer.headers.get("Retry-After"), start, time.time()),
        )

    def _log_failure(self, why: str, again_s: float) -> None:
        now_s = time.monotonic()
        self._fails = True
        if now_s - self._logged_s < LOG_EVERY_S:
            return
        self._logged_s = now_s
        counts = self._outbox.counts
        _log.warning(
            f"the webhook accepts no notification: {why}",
            again_s=round(again_s, 1), waiting=self._outbox.waiting,
            undelivered=counts.undelivered,
        )  # fmt: skip


def configured_webhook(
    config: Config, environment: Mapping[str, str], deployment: str | None, health: HealthPoll
) -> Webhook | None:
    """Return the webhook of a configuration; None without one. Raises ConfigError."""
    gateway = config.gateway_settings
    if gateway is None or gateway.webhook is None:
        return None
    url = webhook_url(gateway.webhook, environment)
    sender = Sender(socket.gethostname(), deployment)
    return Webhook(gateway.webhook, url, outside_network(config, environment), sender, health)


def retry_after_s(header: str | None, answer: bytes, now_s: float) -> float | None:
    """Return the pause that an answer requests: by its header, or Telegram's in its body."""
    if header is not None:
        header = header.strip()
        if re.fullmatch(r"\d{1,9}", header):
            return float(header)
        try:
            return max(0.0, email.utils.parsedate_to_datetime(header).timestamp() - now_s)
        except (ValueError, OverflowError):
            return None
    try:
        found: Any = msgspec.json.decode(answer)["parameters"]["retry_after"]
    except (ValueError, TypeError, LookupError):
        return None
    return float(found) if isinstance(found, int) and 0 <= found < 10**9 else None
