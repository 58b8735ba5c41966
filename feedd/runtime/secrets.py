"""Redaction of secrets in everything that a process writes or publishes.

`register` receives the environment and `.env` as soon as they are read, so that no value is used
before it is known here. A value that a library truncates or encodes is not recognised.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, quote_plus, unquote

import orjson

if TYPE_CHECKING:
    from collections.abc import Mapping

PROXY_ENDING = "_PROXY"  # of variables whose URL may contain a password
ENDINGS = ("_API_KEY", "_SECRET", "_PASSWORD", "_TOKEN", "_PASSPHRASE", "_WEBHOOK_URL")
SHORTEST = 4  # a shorter value would match ordinary words
REDACTED = "…"
FRAME = ("timestamp", "level")  # keys of a log line that never hold a secret

_NAME = r"(?:api[_-]?key|secret|password|token|passphrase|signature)"
_NAMED = re.compile(_NAME + r"\Z", re.IGNORECASE)
# A name, the separator, and the value as JSON, Python or a URL writes it.
_ASSIGNED = re.compile(
    rf"""
    ( {_NAME} (?: \\*["'] )? \s* [:=] \s* )
    (?: (?P<json> " (?: [^"\\] | \\. )* ")
      | (?P<nested> (?P<mark> \\+" ) .*? (?P=mark) )
      | (?P<python> ' (?: [^'\\] | \\. )* ')
      | (?! (?: null | true | false | None ) \b ) [^\s"'\\,;&)}}\]]+ )
    """,
    re.IGNORECASE | re.VERBOSE,
)
# What is before the @ in a URL: a user, and often a password.
_USER_OF_URL = re.compile(r"(://)[^\s/@\"'<>]+@")


class Redactor:
    """Known secret values, and the replacement of them in texts."""

    def __init__(self) -> None:
        self._values: set[str] = set()
        self._known: re.Pattern[str] | None = None

    def register(self, environment: Mapping[str, str]) -> None:
        """Add the values of variables with a secret's name."""
        new = {
            value
            for name, whole in environment.items()
            for value in _secret_values(name.upper(), whole)
            if len(value) >= SHORTEST
        }
        if new <= self._values:
            return
        self._values |= new
        spellings = {spelling for value in self._values for spelling in _spellings(value)}
        longest_first = sorted(spellings, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, longest_first)))

    def redact(self, text: str) -> str:
        """Return a text with `…` for each known value, and for each value named like a secret."""
        if self._known is not None:
            text = self._known.sub(REDACTED, text)
        return _ASSIGNED.sub(_blank_assigned, _USER_OF_URL.sub(rf"\1{REDACTED}@", text))

    def redact_line(self, line: bytes) -> bytes:
        """Return a JSON object line, redacted, with the same keys.

        A secret may be a number, or a word that also occurs in the keys.
        """
        text = line.decode()
        blanked = self.redact(text)
        if blanked == text:
            return line
        whole = orjson.loads(line)
        if _same_frame(whole, blanked):
            return blanked.encode()
        return orjson.dumps(
            {k: v if k in FRAME else self._blank_value(k, v) for k, v in whole.items()}
        )

    def _blank_value(self, key: str, value: Any) -> Any:
        if value is None or isinstance(value, bool):
            return value
        if _NAMED.search(key):
            return REDACTED
        if isinstance(value, dict):
            return {self.redact(k): self._blank_value(k, v) for k, v in value.items()}
        if isinstance(value, list):
            return [self._blank_value("", item) for item in value]
        text = str(value)
        blanked = self.redact(text)
        return value if blanked == text else blanked


def _secret_values(name: str, value: str) -> list[str]:
    """Return the secrets in a variable's value; `name` is in capitals."""
    if name.endswith(ENDINGS):
        return [value]
    if name.endswith(PROXY_ENDING):
        password = value.rpartition("@")[0].rpartition("://")[2].partition(":")[2]
        return [password, unquote(password)]
    return []


def _same_frame(whole: dict[str, Any], blanked: str) -> bool:
    """Whether a redacted line keeps its keys, its time and its level."""
    try:
        left = orjson.loads(blanked)
    except orjson.JSONDecodeError:
        return False
    return left.keys() == whole.keys() and all(left.get(key) == whole.get(key) for key in FRAME)


def _spellings(value: str) -> set[str]:
    """Return a value's spellings in a text: plain, in a URL, in Python and in JSON."""
    # The environment may hold bytes that are not UTF-8.
    plain = {value, " ".join(value.split()), quote(value, safe="", errors="surrogateescape"),
             quote_plus(value, errors="surrogateescape"), repr(value)[1:-1]}  # fmt: skip
    once = plain | {_in_json(text, ascii_only=only) for text in plain for only in (True, False)}
    twice = once | {_in_json(text, ascii_only=False) for text in once}
    return {text for text in twice if len(text) >= SHORTEST}


def _in_json(text: str, *, ascii_only: bool) -> str:
    return json.dumps(text, ensure_ascii=ascii_only)[1:-1]


def _blank_assigned(found: re.Match[str]) -> str:
    if found["json"] is not None:
        return f'{found[1]}"{REDACTED}"'
    if found["nested"] is not None:
        return f"{found[1]}{found['mark']}{REDACTED}{found['mark']}"
    if found["python"] is not None:
        return f"{found[1]}'{REDACTED}'"
    return f"{found[1]}{REDACTED}"


_of_this_process = Redactor()
register = _of_this_process.register
redact = _of_this_process.redact
redact_line = _of_this_process.redact_line
