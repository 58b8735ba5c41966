"""Binance's REST pages: a few in a worker's life, each on a connection of its own.

They are asked for with the standard library, in a thread: no package that does it on the event loop
is as small, and none of this is in a hurry.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
import http.client
import socket
import threading
import time
import zlib
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlencode, urlsplit

import msgspec

from feedd.clock import NS_PER_MS
from feedd.errors import FeeddError, SourceError, UnknownSymbolError
from feedd.sources.refusals import one_line, refused_key

if TYPE_CHECKING:
    import ssl

    from feedd.sources.limits.shared_budget import Budget
    from feedd.sources.native.markets import Venue

WITHIN_S = 10.0
BODY_AT_MOST = 64 * 1024 * 1024  # bytes; spot's exchangeInfo has 15 MB
TOO_LARGE = f"an answer of more than {BODY_AT_MOST} bytes"
REFUSED_KEYS = frozenset({-2014, -2015, -1022})
INVALID_SYMBOL = -1121
RECV_WINDOW_MS = 10_000


class Answer(NamedTuple):
    """What came back; header names are in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes


class _Error(msgspec.Struct):
    code: int
    msg: str


class Rest:
    """Asks within the budget, and says what a refusal means. All of it raises FeeddError."""

    def __init__(
        self,
        exchange: str,
        symbol: str,
        venue: Venue,
        endpoint: str | None,
        credentials: tuple[str, str] | None,
        budget: Budget | None,
        tls: ssl.SSLContext | None,
    ) -> None:
        self._exchange = exchange
        self._symbol = symbol
        self._venue = venue
        self._url = venue.rest_url(endpoint)
        self._origin = self._url.removesuffix(venue.pages)
        self._credentials = credentials
        self._budget = budget
        self._tls = tls

    async def page(self, name: str, query: str = "", *, keyed: bool = False) -> bytes:
        """Return the body of a public page; `keyed` sends the key, without a signature."""
        return await self._ask(name, self._url + name + query, keyed=keyed)

    async def check_key(self) -> None:
        """Ask for the account, which only a right key and secret may see."""
        if self._credentials is None:
            return
        stamp = {"timestamp": time.time_ns() // NS_PER_MS, "recvWindow": RECV_WINDOW_MS}
        query = urlencode(stamp)
        secret = self._credentials[1].encode()
        signature = hmac.new(secret, query.encode(), hashlib.sha256).hexdigest()
        url = f"{self._origin}{self._venue.account}?{query}&signature={signature}"
        await self._ask("account", url, keyed=True)

    async def _ask(self, name: str, url: str, *, keyed: bool) -> bytes:
        headers = {"Accept-Encoding": "gzip", "Connection": "close", "User-Agent": "feedd"}
        if keyed and self._credentials is not None:
            headers["X-MBX-APIKEY"] = self._credentials[0]
        if self._budget is not None:
            await self._budget.spend(self._venue.weights[name])
        try:
            answer = await fetch(url, headers, self._tls)
        except TimeoutError:
            raise SourceError(f"{self._exchange}: no answer of {name} in {WITHIN_S:g} s") from None
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise SourceError(
                f"{self._exchange}: {name} can't be asked for: {type(error).__name__}: "
                f"{one_line(error)}"
            ) from None
        if self._budget is not None:
            text = "" if answer.status == 200 else answer.body[:2000].decode(errors="replace")
            self._budget.answered(answer.status, url, answer.headers, text)
            with contextlib.suppress(FeeddError):  # the next request tries it again
                await self._budget.settle()
        if answer.status != 200:
            raise self._refusal(name, answer)
        return answer.body

    def _refusal(self, name: str, answer: Answer) -> FeeddError:
        try:
            error = msgspec.json.decode(answer.body, type=_Error)
        except ValueError:
            text = one_line(answer.body[:200].decode(errors="replace"))
            return SourceError(f"{self._exchange}: {name}: HTTP {answer.status}: {text}")
        text = one_line(f"HTTP {answer.status}, code {error.code}: {error.msg}")
        if error.code in REFUSED_KEYS:
            return refused_key(self._exchange, text)
        if error.code == INVALID_SYMBOL:
            return UnknownSymbolError(f"{self._exchange} does not know {self._symbol} ({text})")
        return SourceError(f"{self._exchange}: {name}: {text}")


async def fetch(url: str, headers: dict[str, str], tls: ssl.SSLContext | None) -> Answer:
    """GET a page in a thread of its own, which ends when this is cancelled.

    Raises TimeoutError, OSError, HTTPException, and ValueError for a body that is too large.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[Answer] = loop.create_future()
    parts = urlsplit(url)
    host = parts.netloc
    connection = (
        http.client.HTTPSConnection(host, timeout=WITHIN_S, context=tls)
        if parts.scheme == "https"
        else http.client.HTTPConnection(host, timeout=WITHIN_S)
    )

    def settle(answer: Answer | None, error: Exception | None) -> None:
        if done.done():
            return
        if error is not None:
            done.set_exception(error)
        elif answer is not None:
            done.set_result(answer)

    def work() -> None:
        answer: Answer | None = None
        failure: Exception | None = None
        try:
            answer = _get(connection, f"{parts.path}?{parts.query}", headers)
        except Exception as error:  # noqa: BLE001  handed on to who waits
            failure = error
        finally:
            connection.close()
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(settle, answer, failure)

    # A thread of the loop's own pool would be waited for at the end of the process.
    threading.Thread(target=work, name="rest", daemon=True).start()
    try:
        async with asyncio.timeout(WITHIN_S):
            return await done
    finally:
        if not done.done() or done.cancelled():
            _cut(connection)


def _cut(connection: http.client.HTTPConnection) -> None:
    """Let the thread's next read end at once."""
    with contextlib.suppress(OSError, AttributeError):
        connection.sock.shutdown(socket.SHUT_RDWR)


def _get(connection: http.client.HTTPConnection, path: str, headers: dict[str, str]) -> Answer:
    connection.request("GET", path.rstrip("?"), headers=headers)
    response = connection.getresponse()
    body = response.read(BODY_AT_MOST + 1)
    if len(body) > BODY_AT_MOST:
        raise ValueError(TOO_LARGE)
    if response.length:
        raise http.client.IncompleteRead(body, response.length)
    names = {name.lower(): value for name, value in response.getheaders()}
    if names.get("content-encoding") == "gzip":
        body = _unpacked(body)
    return Answer(response.status, names, body)


def _unpacked(body: bytes) -> bytes:
    """Return what was sent as gzip; raise ValueError where it is cut off, damaged or too large."""
    unpack = zlib.decompressobj(zlib.MAX_WBITS | 16)
    try:
        unpacked = unpack.decompress(body, BODY_AT_MOST)
    except zlib.error as error:
        raise ValueError(str(error)) from None
    if not unpack.eof:
        raise ValueError(TOO_LARGE if unpack.unconsumed_tail else "an answer is cut off")
    return unpacked


def objects(body: bytes) -> Any:
    """Return what a page says; raise SourceError where that is no JSON."""
    try:
        return msgspec.json.decode(body)
    except ValueError as error:
        raise SourceError(f"an answer can't be read: {error}") from None
