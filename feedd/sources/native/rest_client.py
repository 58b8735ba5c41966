"""Client of a venue's REST pages: a few in a worker's life, each on a connection of its own.

The standard library requests them in a thread: no package that does it on the event loop is as
small, and none of these requests is urgent.
"""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import socket
import threading
import time
import zlib
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from feedd.clock import NS_PER_MS
from feedd.errors import FeeddError, NoPageError, SourceError, UnknownSymbolError
from feedd.sources.error_texts import one_line, refused_key_error
from feedd.sources.local_causes import clock_error, restricted
from feedd.sources.network.failures import connection_failure, via
from feedd.sources.network.redirects import (
    REDIRECTS,
    REDIRECTS_AT_MOST,
    WEB_PAGE,
    followed,
    is_web_page,
    title,
)
from feedd.sources.network.tls import tls_context
from feedd.venues.native import UNREADABLE

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable
    from typing import TypeVar

    from feedd.sources.limits.shared_budget import Budget
    from feedd.sources.network.dial import Dialer
    from feedd.venues.native import Credentials, NativeMarket, RestRequest

    T = TypeVar("T")

WITHIN_S = 10.0
PROXY_WITHIN_S = 8.0  # before the request's own time is over, so that the reason names the proxy
NO_PAGE = 404
BODY_AT_MOST = 64 * 1024 * 1024  # bytes; the largest market list has 15 MB
TOO_LARGE = f"an answer of more than {BODY_AT_MOST} bytes"


class HttpAnswer(NamedTuple):
    """An answer; header names are in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes


class RestClient:
    """Requests pages within the shared budget, and translates refusals. It raises FeeddError."""

    def __init__(
        self,
        exchange: str,
        symbol: str,
        market: NativeMarket,
        endpoint: str | None,
        credentials: Credentials | None,
        budget: Budget | None,
        dialer: Dialer,
        tls: ssl.SSLContext | None,
    ) -> None:
        self._exchange = exchange
        self._symbol = symbol
        self._market = market
        self._host = market.addresses.rest_host(endpoint)
        self._credentials = credentials
        self._budget = budget
        self._dialer = dialer
        self._tls = tls

    async def parsed(self, request: RestRequest, parse: Callable[[bytes], T]) -> T:
        """Return the parsed answer of a page."""
        body = await self.get(request)
        try:
            return parse(body)
        except UNREADABLE as error:
            raise SourceError(
                f"{self._exchange}: the answer of {request.name} can't be read: {one_line(error)}"
            ) from None

    async def check_key(self) -> None:
        """Request the account, which only a valid key and secret may see."""
        if self._credentials is not None:
            now_ms = time.time_ns() // NS_PER_MS
            await self.get(self._market.account(self._credentials, now_ms))

    async def get(self, request: RestRequest) -> bytes:
        """Return the body of a page."""
        name, url = request.name, self._host + request.path
        headers = {"Accept-Encoding": "gzip", "Connection": "close", "User-Agent": "feedd"}
        if self._budget is not None:
            await self._budget.spend(request.weight)
        try:
            answer = await self._followed(name, url, {**headers, **request.headers}, request.body)
        except SourceError as error:
            raise SourceError(f"{self._exchange}: {error}") from None
        if self._budget is not None:
            text = "" if answer.status == 200 else answer.body[:2000].decode(errors="replace")
            self._budget.answered(answer.status, url, answer.headers, text)
            with contextlib.suppress(FeeddError):  # the next request tries again
                await self._budget.settle()
        market = self._market
        if answer.status != 200 or (market.refuses_in_answers and market.error(answer.body)):
            raise self._refusal(name, answer)
        if is_web_page(answer.body):
            raise SourceError(f"{self._exchange}: {name}: {WEB_PAGE}")
        return answer.body

    async def _followed(
        self, name: str, url: str, headers: dict[str, str], body: bytes
    ) -> HttpAnswer:  # fmt: skip
        """Request a page, and follow redirects within its host; raise SourceError for others."""
        for _ in range(REDIRECTS_AT_MOST + 1):
            if self._tls is None and url.startswith("https:"):  # after a redirect
                self._tls = tls_context(self._dialer.network)
            try:
                answer = await fetch(url, headers, body, self._dialer, self._tls)
                if answer.status not in REDIRECTS or "location" not in answer.headers:
                    return answer
                url = followed(url, answer.headers["location"])
            except TimeoutError:
                through = via(self._dialer, url)
                raise SourceError(f"no answer of {name} in {WITHIN_S:g} s{through}") from None
            except (SourceError, OSError, http.client.HTTPException, ValueError) as error:
                reason = await connection_failure(self._dialer, url, error)
                raise SourceError(f"{name} can't be requested: {reason}") from None
        raise SourceError(f"{name} is redirected more than {REDIRECTS_AT_MOST} times")

    def _refusal(self, name: str, answer: HttpAnswer) -> FeeddError:
        body = answer.body[:2000].decode(errors="replace")
        if (refused := restricted(self._exchange, answer.status, body)) is not None:
            return refused
        error = self._market.error(answer.body)
        if error is None:
            kind = NoPageError if answer.status == NO_PAGE else SourceError
            text = one_line(answer.body[:200].decode(errors="replace"))
            if is_web_page(answer.body):
                text = f"a web page{title(answer.body)}"
            return kind(f"{self._exchange}: {name}: HTTP {answer.status}: {text}")
        text = one_line(f"HTTP {answer.status}, {error.text}")
        if error.rejects == "clock":
            return clock_error(self._exchange, text, answer.headers.get("date"), time.time())
        if error.rejects == "key":
            return refused_key_error(self._exchange, text)
        if error.rejects == "symbol":
            return UnknownSymbolError(f"{self._exchange} does not know {self._symbol} ({text})")
        return SourceError(f"{self._exchange}: {name}: {text}")


async def fetch(
    url: str, headers: dict[str, str], body: bytes, dialer: Dialer, tls: ssl.SSLContext | None
) -> HttpAnswer:
    """GET a page, or POST a body, in a thread of its own, which ends when this is cancelled.

    Raises SourceError for a proxy that fails, TimeoutError, OSError, HTTPException, and ValueError
    for a body that is too large.
    """
    async with asyncio.timeout(WITHIN_S):
        parts = urlsplit(url)
        host = parts.hostname or ""
        connected = await dialer.connect(url, host, parts.port, PROXY_WITHIN_S)
        connected.settimeout(WITHIN_S)
        return await _fetched(connected, url, headers, body, tls)


async def _fetched(
    connected: socket.socket,
    url: str,
    headers: dict[str, str],
    body: bytes,
    tls: ssl.SSLContext | None,
) -> HttpAnswer:
    loop = asyncio.get_running_loop()
    done: asyncio.Future[HttpAnswer] = loop.create_future()
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc.rpartition("@")[2], timeout=WITHIN_S)
    connection.sock = connected

    def settle(answer: HttpAnswer | None, error: Exception | None) -> None:
        if done.done():
            return
        if error is not None:
            done.set_exception(error)
        elif answer is not None:
            done.set_result(answer)

    def work() -> None:
        answer: HttpAnswer | None = None
        failure: Exception | None = None
        try:
            if tls is not None and parts.scheme == "https":
                # The handshake is the socket's: `_cut` ends it too.
                connection.sock = tls.wrap_socket(
                    connected, server_hostname=parts.hostname, do_handshake_on_connect=False
                )
                connection.sock.do_handshake()
            answer = _answer(connection, f"{parts.path or '/'}?{parts.query}", headers, body)
        except Exception as error:  # noqa: BLE001  raised where the future is awaited
            failure = error
        finally:
            connection.close()
        with contextlib.suppress(RuntimeError):  # the loop is closed: nothing awaits the future
            loop.call_soon_threadsafe(settle, answer, failure)

    # The process would wait for a thread of the loop's own pool when it ends.
    threading.Thread(target=work, name="rest", daemon=True).start()
    try:
        return await done
    finally:
        if not done.done() or done.cancelled():
            _cut(connection)


def _cut(connection: http.client.HTTPConnection) -> None:
    """Let the thread's next read end at once."""
    with contextlib.suppress(OSError, AttributeError):
        connection.sock.shutdown(socket.SHUT_RDWR)


def _answer(
    connection: http.client.HTTPConnection, path: str, headers: dict[str, str], sent: bytes
) -> HttpAnswer:
    if sent:
        headers = {**headers, "Content-Type": "application/json"}
        connection.request("POST", path.rstrip("?"), body=sent, headers=headers)
    else:
        connection.request("GET", path.rstrip("?"), headers=headers)
    response = connection.getresponse()
    body = response.read(BODY_AT_MOST + 1)
    if len(body) > BODY_AT_MOST:
        raise ValueError(TOO_LARGE)
    if response.length:
        raise http.client.IncompleteRead(body, response.length)
    names = {name.lower(): value for name, value in response.getheaders()}
    if names.get("content-encoding") == "gzip":
        body = _decompressed(body)
    return HttpAnswer(response.status, names, body)


def _decompressed(body: bytes) -> bytes:
    """Decompress gzip; raise ValueError for a body that is cut off, damaged or too large."""
    unpack = zlib.decompressobj(zlib.MAX_WBITS | 16)
    try:
        unpacked = unpack.decompress(body, BODY_AT_MOST)
    except zlib.error as error:
        raise ValueError(str(error)) from None
    if not unpack.eof:
        raise ValueError(TOO_LARGE if unpack.unconsumed_tail else "the answer is cut off")
    return unpacked
