"""Refused subscriptions, in the forms that most exchanges share. Pure.

A message is looked at only if no channel took it. None of these forms is that of data, of an
acknowledgement or of a heartbeat::

    {"type":"error","message":"failure to subscribe","reason":"X is not a valid product"}
    {"jsonrpc":"2.0","id":1,"error":{"message":"Invalid params","code":-32602}}
    {"event":"bts:error","channel":"","data":{"code":4004,"message":"Bad subscription string."}}
    {"id":"1","code":20001,"message":"invalid argument"}
    {"id":"1","event":"subscribe","success":false,"errorMsg":"no such topic"}
"""

from __future__ import annotations

from typing import Any

_KINDS = (
    "event", "type", "channel", "T", "m", "e", "op", "status", "result", "ok", "topic", "action",
)  # fmt: skip
_REFUSED = {"error", "err", "fail", "failed", "failure", "rejected", "reject", "alert"}
_ERRORS = (
    "error", "errors", "err", "errorCode", "errorMsg", "errorMessage", "errMsg", "err-code",
    "err-msg", "error_code",
)  # fmt: skip
_CODES = ("code", "retCode", "ret_code", "rc")
_DONE = {"0", "00000", "000000", "200", "200000", "20000", "1000", "10000"}  # codes of success
_TEXTS = (
    "msg", "message", "reason", "errorMsg", "errorMessage", "errMsg", "err-msg", "ret_msg", "text",
    "error", "err", "data", "errors", "info", "desc",
)  # fmt: skip
_FINE = {"", "ok", "success", "succeeded", "subscribed", "pong"}


def refusal_of(message: Any) -> str | None:
    """Return why a message refuses what was requested, or None where it does not."""
    if isinstance(message, list):
        message = message[0] if len(message) == 1 else None
    if not isinstance(message, dict):
        return None
    if not (_names_error(message) or _is_unsuccessful(message) or _has_bad_code(message)):
        return None
    return _text(message) or "refused"


def _names_error(message: dict[str, Any]) -> bool:
    for key in _KINDS:
        kind = message.get(key)
        if isinstance(kind, str):
            kind = kind.lower()
            if kind in _REFUSED or kind.rpartition(":")[2] == "error" or kind.endswith("_error"):
                return True
    for key in _ERRORS:
        error = message.get(key)
        if error and str(error) not in _DONE:
            return True
    data = message.get("data")
    return isinstance(data, dict) and bool(data.get("error"))


def _is_unsuccessful(message: dict[str, Any]) -> bool:
    success = str(message.get("success")).lower()  # some exchanges name a list of topics there
    if success in {"false", "0"} or message.get("subscribed") is False:
        return True
    text = _text(message)
    return text is not None and text.lower().startswith("not subscribed")


def _has_bad_code(message: dict[str, Any]) -> bool:
    if isinstance(message.get("data"), dict | list) and message["data"]:
        return False
    for key in _CODES:
        code = message.get(key)
        if isinstance(code, bool) or not str(code).lstrip("-").isdecimal():
            continue
        if str(code) not in _DONE:
            text = _text(message)
            return text is not None and text.lower() not in _FINE
    return False


def _text(message: dict[str, Any]) -> str | None:
    found = []
    for key in _TEXTS:
        value = message.get(key)
        if isinstance(value, dict):
            value = _text(value)
        if isinstance(value, str) and value and value.lower() not in _REFUSED:
            found.append(value)
    return ": ".join(dict.fromkeys(found[:2])) or None
