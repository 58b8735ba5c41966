"""Faults applied to REST answers. Pure."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from feedd.config.faults import parameter

if TYPE_CHECKING:
    from feedd.embedded.faults.registry import ActiveFault

# Binance's messages by error code:
# https://developers.binance.com/docs/derivatives/usds-margined-futures/error-code
TEXTS = {
    -1000: "An unknown error occurred while processing the request.",
    -1001: "Internal error; unable to process your request. Please try again.",
    -1003: "Too many requests; current limit is 2400 requests per minute.",
    -1007: "Timeout waiting for response from backend server.",
    -1008: "Server is currently overloaded with other requests. Please try again in a few minutes.",
    -1021: "Timestamp for this request is outside of the recvWindow.",
    -1022: "Signature for this request is not valid.",
    -1121: "Invalid symbol.",
    -2014: "API-key format invalid.",
    -2015: "Invalid API-key, IP, or permissions for action, request ip: 127.0.0.1",
}
_OF_STATUS = {418: -1003, 429: -1003}
_HTML = "<html><head><title>{0}</title></head><body><center><h1>{0}</h1></center></body></html>"


class AlteredAnswer(NamedTuple):
    """An answer as it is sent."""

    status: int
    text: str
    headers: dict[str, str]
    content_type: str = "application/json"


def alter(active: ActiveFault, exchange: str, text: str, headers: dict[str, str]) -> AlteredAnswer:
    """Return a correct answer as a fault alters it; `text` is its body."""
    name, fault = active.name, active.fault
    if name == "truncated":
        return AlteredAnswer(200, text[: len(text) // 2], headers)
    if name == "empty":
        return AlteredAnswer(200, "", headers)
    if name == "html":
        return AlteredAnswer(200, _HTML.format("Under maintenance"), headers, "text/html")
    status, code = parameter(fault, "status"), fault.code or _OF_STATUS.get(fault.status or 0)
    if fault.retry_after_s is not None:
        headers = {**headers, "Retry-After": str(fault.retry_after_s)}
    if exchange == "bybit" and fault.code is not None:
        body: Any = {"retCode": code, "retMsg": fault.text or "refused", "result": {},
                     "retExtInfo": {}}  # fmt: skip
        return AlteredAnswer(status, json.dumps(body), headers)
    if code is not None and exchange != "bybit":
        message = fault.text or TEXTS.get(code, "refused")
        return AlteredAnswer(status, json.dumps({"code": code, "msg": message}), headers)
    if fault.text is not None:
        return AlteredAnswer(status, fault.text, headers)
    return AlteredAnswer(status, _HTML.format(status), headers, "text/html")


def older(snapshot: dict[str, Any], limit: int) -> dict[str, Any]:
    """Return an earlier snapshot, cut to `limit` levels, as the answer to a request."""
    return {**snapshot, "bids": snapshot["bids"][:limit], "asks": snapshot["asks"][:limit]}
