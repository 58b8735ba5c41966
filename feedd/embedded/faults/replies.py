"""Faults applied to answers to SUBSCRIBE, and unsolicited errors. Pure.

Binance's errors are nested (`{"error":{"code":2,"msg":…},"id":1}`), as clients of the live exchange
have received them, or flat (`{"code":2,"msg":…,"id":1}`), as its documents show them. Bybit's name
the request by `req_id`; the flat form omits it.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from feedd.config.faults import parameter

if TYPE_CHECKING:
    from feedd.embedded.faults.registry import ActiveFault, Faults


class Answer(NamedTuple):
    """Answer to a subscription: a refusal text, or an acknowledgement after a time.

    `after_s` None: it is never acknowledged.
    """

    fault: ActiveFault
    refusal: str | None
    after_s: float | None


def on_request(faults: Faults, exchange: str, text: str) -> Answer | None:
    """Return a fault's answer to a request; None if no fault meets it."""
    active_faults = faults.at("subscription")
    if not active_faults:
        return None
    asked = _subscription(text)
    if asked is None:
        return None
    streams, request_id = asked
    for active in active_faults:
        if not active.meets_any(exchange, streams):
            continue
        if active.name == "refuse":
            return Answer(active, error(active, exchange, request_id, streams[0]), None)
        after_s = parameter(active.fault, "delay_s") if active.name == "late_ack" else None
        return Answer(active, None, after_s)
    return None


def error(active: ActiveFault, exchange: str, request_id: Any = None, stream: str = "") -> str:
    """Return the error of a `refuse` or an `error`; without a request it names none."""
    fault = active.fault
    code, flat = parameter(fault, "code"), parameter(fault, "form") == "flat"
    if exchange == "bybit":
        body: dict[str, Any] = {
            "success": False,
            "ret_msg": fault.text or f"error:handler not found,topic:{stream}",
            "conn_id": "",
        }
        if not flat and request_id is not None:
            body["req_id"] = str(request_id)
        body["op"] = "subscribe"
    else:
        message = fault.text or ("Internal error" if code >= 500 else "Invalid request: refused")
        body = {"code": code, "msg": message} if flat else {"error": {"code": code, "msg": message}}
        if request_id is not None:
            body["id"] = request_id
    return json.dumps(body, separators=(",", ":"))


def shutdown(now_ms: int) -> str:
    """Return Binance's announcement that it will close the connection."""
    return f'{{"e":"serverShutdown","E":{now_ms}}}'


def is_pong(reply: str | bytes) -> bool:
    """Return whether a reply answers a ping that is a message: `pong`, or an object with it."""
    return isinstance(reply, str) and (reply == "pong" or '"pong"' in reply)


def _subscription(text: str) -> tuple[list[str], Any] | None:
    try:
        request = json.loads(text)
    except ValueError:
        return None
    if not isinstance(request, dict):
        return None
    if request.get("method") == "SUBSCRIBE":
        streams, request_id = request.get("params"), request.get("id")
    elif request.get("op") == "subscribe":
        streams, request_id = request.get("args"), request.get("req_id")
    else:
        return None
    if not isinstance(streams, list) or not streams:
        return None
    return [str(stream) for stream in streams], request_id
