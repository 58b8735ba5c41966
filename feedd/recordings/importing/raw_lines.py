r"""One line of a raw recording: its time of receipt and its message.

The time precedes the JSON, or the JSON is an object with both. Forms that are understood::

    1723161255088176367 {"stream":"btcusdt@trade","data":{"e":"trade",…}}     ns, µs, ms or s
    2020-04-01T00:00:00.0031000Z {"stream":"btcusdt@trade","data":{…}}        Tardis
    1626992741.06217: {"stream":"sushiusdt@bookTicker","data":{…}}            cryptofeed
    {"t":"recv","conn":"….ws.1","ts":1626916403.84697,"data":"{\"stream\":…}"}  its format 2
    {"e":"trade","E":1723161255088,"s":"BTCUSDT",…}                           one stream, no wrapper

and cryptofeed's lines about connections, requests and the configuration, which have no event.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal, NamedTuple

import msgspec
from msgspec import Raw, Struct, field

from feedd.recordings.importing.files import shortened
from feedd.recordings.importing.times import Times
from feedd.venues.raw_recordings import RawMessage
from feedd.venues.registry import venue_modules

if TYPE_CHECKING:
    from feedd.venues.raw_recordings import RawRecording

_TIMED = re.compile(
    r"(\d{9,20}(?:\.\d*)?|\d{4}-\d\d-\d\d[T ][0-9:.]+(?:Z|[+-][0-9:]+)?)[:,]?\s*(\{.*)"
)
_REQUEST = re.compile(r"(https?://\S+) -> ([\d.]+): (.*)")
_CONNECTION = re.compile(r"(wss?|https?)://\S+ (<->|<-) [\d.]+(: .*)?|configuration: .*")
_RAW_LINE = re.compile(
    rf"{_TIMED.pattern}|(wss?|https?)://\S+ (<->|<-|->) |configuration: "
    r'|\{"t": ?"(header|recv|send|http|connect)"|\{.*"stream" ?:'
)

REMEDY = "fix or remove the line (in a truncated file, it is the last)"


class RawLine(NamedTuple):
    """A message with its time of receipt; None where the file has none."""

    ns: int | None
    message: RawMessage


class LeftOut(NamedTuple):
    """Description of a line without an event."""

    what: str


class _Record(Struct):
    """Line of a recorder that writes its own JSON around the text of each message."""

    t: Literal["header", "recv", "send", "http", "connect", "disconnect", "close", "error"]
    ts: Raw = field(default_factory=Raw)
    data: str | None = None
    url: str = ""
    exchange: str = ""


_read_record = msgspec.json.Decoder(_Record).decode


def is_raw(text: str) -> bool:
    """Whether the first line of a file is one of a raw recording."""
    if _RAW_LINE.match(text):
        return True
    try:
        return text.startswith("{") and any(
            module.read_message(text) is not None for module in venue_modules("raw_recording")
        )
    except (msgspec.DecodeError, RecursionError):
        return False


class RawLines:
    """Reader of a file's lines; the unit of its times is that of the first."""

    def __init__(self, messages: RawRecording) -> None:
        self._messages = messages
        self._times = Times()
        self._answer_times = Times()
        self.recorded_exchange = ""  # the recorder's name of the exchange

    @property
    def unit(self) -> str:
        """The unit of the times, for people."""
        return self._times.name

    def read(self, row: str) -> RawLine | LeftOut | None:
        """Return a line's message, or what it is; None for a blank one.

        Raises ValueError, with the reason, for a line that is not understood.
        """
        row = row.strip()
        if row.startswith("{"):
            return self._json(row, None)
        timed = _TIMED.fullmatch(row)
        if timed is not None:
            return self._json(timed[2], self._times.of_text(timed[1]))
        if not row:
            return None
        request = _REQUEST.fullmatch(row)
        if request is not None:
            return self._response(request[1], request[3], request[2])
        if _CONNECTION.fullmatch(row):
            return LeftOut("")
        raise ValueError(
            f"{shortened(row)} is not `<time> <JSON of a message>`, with a time in s, ms, µs or ns "
            f"or ISO 8601; {REMEDY}"
        )

    def _json(self, text: str, ns: int | None) -> RawLine | LeftOut:
        try:
            if ns is None and text.startswith(('{"t":', '{"t": ')):
                try:
                    return self._record(_read_record(text))
                except msgspec.ValidationError:
                    pass  # a message whose first key is t
            message = self._messages.read_message(text)
        except (msgspec.DecodeError, RecursionError) as error:
            raise ValueError(f"{shortened(text)} can't be parsed: {error}; {REMEDY}") from None
        if message is None:
            keys = ", ".join(list(msgspec.json.decode(text))[:8])
            raise ValueError(
                f"the JSON is not a message of the exchange: it has the keys {keys}; a message has "
                f"`stream` and `data`, or `e`; {REMEDY}"
            )
        if message.is_answer:
            return LeftOut("answer to a request")
        return RawLine(ns, message)

    def _record(self, record: _Record) -> RawLine | LeftOut:
        if record.t == "header":
            self.recorded_exchange = record.exchange
            return LeftOut("")
        if record.data is None or record.t not in {"recv", "http"}:
            return LeftOut("")
        stamp = bytes(record.ts).decode().strip('"')
        if record.t == "http":
            return self._response(record.url, record.data, stamp)
        return self._json(record.data, self._times.of_text(stamp))

    def _response(self, url: str, text: str, stamp: str) -> RawLine | LeftOut:
        symbol = self._messages.snapshot_symbol(url)
        if symbol is None:
            return LeftOut(f"GET {url.partition('://')[2].partition('?')[0]}")
        return RawLine(self._answer_times.of_text(stamp), RawMessage("", text, symbol))
