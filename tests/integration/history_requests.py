"""Requests to the history service over its ROUTER socket."""

from __future__ import annotations

from typing import Any

import msgpack
import zmq


def received(asker: zmq.Socket[bytes], timeout_s: float = 45.0) -> dict[str, Any]:
    assert asker.poll(int(timeout_s * 1000)), "no answer"
    answer: dict[str, Any] = msgpack.unpackb(asker.recv_multipart()[-1])
    return answer


def asked(asker: zmq.Socket[bytes], **request: Any) -> dict[str, Any]:
    asker.send(msgpack.packb(request))
    return received(asker)


def replayed(
    asker: zmq.Socket[bytes], topic: str, first: int, last: int, session: int = 1
) -> dict[str, Any]:
    return asked(asker, op="replay", topic=topic, session=session, **{"from": first, "to": last})
