"""supervisord's event listener protocol, with its own example of an event."""

from __future__ import annotations

import asyncio

import pytest

from feedd.supervision.listener import DONE, READY, ListenerEvent, ProtocolError, events


async def received(data: bytes) -> tuple[list[ListenerEvent], list[bytes]]:
    """Return the events in what supervisord sends, and what is written to it."""
    reader = asyncio.StreamReader()
    reader.feed_data(data)
    reader.feed_eof()
    written: list[bytes] = []
    return [event async for event in events(reader, written.append)], written


def sent(name: str, serial: int, body: str) -> bytes:
    return (
        f"ver:3.0 server:supervisor serial:{serial} pool:watchdog poolserial:1 "
        f"eventname:{name} len:{len(body)}\n{body}"
    ).encode()


def test_an_event_has_its_name_its_serial_and_the_values_of_its_body() -> None:
    body = "processname:feed-a groupname:feed-a from_state:EXITED tries:0"
    found, written = asyncio.run(received(sent("PROCESS_STATE_STARTING", 21, body)))
    values = {"processname": "feed-a", "groupname": "feed-a", "from_state": "EXITED", "tries": "0"}
    assert found == [ListenerEvent("PROCESS_STATE_STARTING", 21, values)]
    assert written == [READY, DONE, READY]


def test_an_event_of_a_name_of_other_letters_is_read_whole_and_no_further() -> None:
    """Supervisord's `len` counts characters."""
    body = "processname:feed-binance-币安人生-USDT from_state:EXITED tries:0"
    two = sent("PROCESS_STATE_STARTING", 1, body) + sent("TICK_5", 2, "when:7")
    found, _ = asyncio.run(received(two))
    assert [(event.name, event.values.get("from_state")) for event in found] == [
        ("PROCESS_STATE_STARTING", "EXITED"), ("TICK_5", None),
    ]  # fmt: skip
    assert found[0].values["processname"] == "feed-binance-币安人生-USDT"


def test_an_event_without_a_body_has_no_values() -> None:
    found, _ = asyncio.run(received(sent("SUPERVISOR_STATE_CHANGE_STOPPING", 3, "")))
    assert found == [ListenerEvent("SUPERVISOR_STATE_CHANGE_STOPPING", 3, {})]


@pytest.mark.parametrize("line", [b"ver:3.0 len:0\n", b"eventname:TICK_5 len:x serial:1\n"])
def test_anything_else_is_refused_with_the_line(line: bytes) -> None:
    with pytest.raises(ProtocolError, match="instead of an event"):
        asyncio.run(received(line))
