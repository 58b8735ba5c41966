"""Truth logs and recordings, made by hand or at random, and their audit."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

from feedd.audit.audit import Audit
from feedd.audit.findings import Counts, Finding, Limits
from feedd.audit.truth import Truth

S = 1_000_000_000
T0 = 1_795_000_000 * S
FEED = "binanceusdm.BTC/USDT:USDT."
TRADE, QUOTE, STATUS = f"trade.{FEED}", f"quote.{FEED}", f"status.{FEED}"
BYBIT_FEED = "bybit.BTC/USDT:USDT."
NONE = {"p50": None, "p99": None, "max": None}

Line = dict[str, Any]


def at(s: float) -> int:
    return T0 + int(s * S)


# --- the exchange's side ----------------------------------------------------------------------


def sent(stream: str, data: Line, s: float, id_: Any = None, connection: int | None = 1) -> Line:
    return {"sent_ns": at(s), "connection": connection, "stream": stream, "id": id_, "data": data}


def trade_sent(id_: int, s: float, price: str = "100.10", connection: int | None = 1) -> Line:
    data = {"e": "trade", "E": 1, "T": 1, "s": "BTCUSDT", "t": id_, "p": price, "q": "0.5",
            "X": "MARKET", "m": id_ % 2 == 0}  # fmt: skip
    return sent("btcusdt@trade", data, s, id_, connection)


def quote_sent(id_: int, s: float, bid: str = "100.1") -> Line:
    data = {"e": "bookTicker", "u": id_, "s": "BTCUSDT", "b": bid, "B": "2", "a": "100.2",
            "A": "3", "T": 1, "E": 1}  # fmt: skip
    return sent("btcusdt@bookTicker", data, s, id_)


def mark(kind: str, s: float, streams: tuple[str, ...] = ("btcusdt@trade",), **more: Any) -> Line:
    return {"mark": kind, "ns": at(s), "connection": 1, "streams": list(streams), "fault": None,
            "by": None, **more}  # fmt: skip


# --- the subscriber's side --------------------------------------------------------------------


def seen(topic: str, seq: int, s: float, session: int = 1, **payload: Any) -> Line:
    return {
        "ns": at(s), "topic": topic,
        "payload": {"session": session, "seq": seq, "published_ns": at(s), "id": None, **payload},
    }  # fmt: skip


def trade_seen(id_: int, seq: int, s: float, session: int = 1, price: float = 100.1) -> Line:
    side = "sell" if id_ % 2 == 0 else "buy"
    return seen(TRADE, seq, s, session, id=id_, price=price, size=0.5, side=side, timestamp=1)


def quote_seen(id_: int, seq: int, s: float, session: int = 1, bid: float = 100.1) -> Line:
    return seen(
        QUOTE, seq, s, session, id=id_, bid=bid, bid_size=2.0, ask=100.2, ask_size=3.0, timestamp=1
    )


def status_seen(
    seq: int, s: float, state: str = "live", session: int = 1, *, gap: Line | None = None,
    next_seq: dict[str, int] | None = None, stale_after_s: float = 600.0,
    gaps: dict[str, int] | None = None,
) -> Line:  # fmt: skip
    channels = {
        name: {"state": state, "stale_after_s": stale_after_s, "gaps": (gaps or {}).get(name, 0)}
        for name in ("trade", "quote")
    }
    return seen(
        STATUS, seq, s, session, state=state, reason=None, gap=gap, next_seq=next_seq or {},
        channels=channels,
    )  # fmt: skip


def notice(kind: str, s: float, **fields: Any) -> Line:
    return {"ns": at(s), "notice": kind, **fields}


def client_gap(topic: str, first: int, last: int, s: float, session: int = 1) -> Line:
    return notice(
        "Gap", s, topic=topic, session=session, from_seq=first, to_seq=last, reason="lost"
    )


def client_state(state: str, s: float) -> Line:
    return notice("StateChange", s, feed=FEED, state=state, reason=None)


def as_lines(rows: list[Line]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


# --- the audit --------------------------------------------------------------------------------


def audited(
    truth: list[Line], recorded: list[Line], *, by_client: bool = True, **limits: float
) -> dict[str, Finding]:
    """Return what an audit finds, by topic."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "truth.jsonl"
        path.write_text(as_lines([line for line in truth if "mark" not in line]))
        marks = as_lines([line for line in truth if "mark" in line])
        path.with_name("truth.jsonl.marks").write_text(marks)
        log = Truth(path)
        audit = Audit(log, [""], Limits(**limits), by_client=by_client)
        for line in recorded:
            audit.take(line)
        findings = audit.finish()
        log.close()
    return {one.topic: one for one in findings}


def counts(found: dict[str, Finding], topic: str = TRADE) -> dict[str, int]:
    """Return the counts of a topic that are not 0, all but truth and seen."""
    names = [name for name in Counts.__dataclass_fields__ if name not in {"truth", "seen"}]
    counted = {name: getattr(found[topic].counts, name) for name in names}
    return {name: count for name, count in counted.items() if count}
