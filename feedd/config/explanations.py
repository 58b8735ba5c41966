"""Validation errors of msgspec in plain words: what a value must be, and what it is."""

from __future__ import annotations

import difflib
import re
from typing import Any

import msgspec

from feedd.channels import CHANNEL_NAMES
from feedd.config import faults as fault_table
from feedd.config import replay as replay_settings
from feedd.config.faults import Fault
from feedd.config.replay import Replay
from feedd.config.settings import (
    Config,
    EmbeddedExchange,
    GatewaySettings,
    ProxySettings,
    RecorderSettings,
    SymbolEntry,
)
from feedd.config.webhook import FORMATS, SUBJECTS, WebhookSettings

CHOICES: dict[str | int, tuple[str, ...]] = {
    **fault_table.CHOICES,
    "channels": CHANNEL_NAMES,
    "source": ("ccxt", "native", "replay"),
    "timestamps": ("recorded", "now"),
    "format": FORMATS,
    "notify": SUBJECTS,
    "bid_ask": ("book", "quote", "ticker", "estimate", "none"),
}
_SECTIONS: dict[str, type[msgspec.Struct]] = {
    "": Config,
    "symbols": SymbolEntry,
    "proxy": ProxySettings,
    "proxy_2": ProxySettings,
    "embedded_exchange": EmbeddedExchange,
    "faults": Fault,
    "recorder": RecorderSettings,
    "gateway": GatewaySettings,
    "webhook": WebhookSettings,
    "replay": Replay,
}
_TYPES = {
    "array": "a list", "object": "a map of keys", "str": "text", "int": "a whole number",
    "float": "a number", "bool": "true or false", "null": "empty",
}  # fmt: skip
_IS = {**_TYPES, "bool": "yes or no", "date": "a date", "datetime": "a time"}
_BOUNDS = {">=": "at least", "<=": "at most", ">": "above", "<": "below"}
_PLAIN = frozenset({"int", "float", "bool"})
FAULT_CUTOFF = 0.7  # of similarity: a fault's keys are few, and listed otherwise
SHOWN_CHARS = 40  # of a value in an error
_TIMEFRAME = "must be a number and one of s, m, h, d, w, M, as in 1m or 4h"
_SYMBOL = "must be a symbol like BTC/USDT:USDT, or a map like {symbol: BTC/USDT:USDT, port: 5556}"


def split_path(message: str) -> tuple[str, list[str | int]]:
    """Split msgspec's `… - at `$.symbols[1].port`` into the text and the path."""
    what, _, where = message.partition(" - at ")
    if where.startswith("`key`"):
        return "Expected `str` key", []
    return what, [
        int(index) if index else key
        for key, index in re.findall(r"([A-Za-z_]\w*)|\[(\d+)\]", where)
    ]


def explain(what: str, path: list[str | int], value: Any) -> tuple[list[str | int], str]:
    """Return the path of an error, which may have a further key, and what is wrong there.

    `value` is the one at the path.
    """
    if what == "Expected `str` key":
        return path, "a key is not text; quote it"
    if unknown := re.match(r"Object contains unknown field `(.*)`", what, re.DOTALL):
        if _may_be_secret(path, unknown[1]):
            return path, "a key and its value are one word; write a space after the colon"
        return [*path, unknown[1]], _unknown_key(unknown[1], path)
    if missing := re.match(r"Object missing required field `(.*)`", what):
        return path, f"lacks the key {missing[1]}:" if path else f"has no `{missing[1]}:`"
    if re.match(r"Invalid enum value", what):
        choices = next((CHOICES[key] for key in reversed(path) if key in CHOICES), ())
        similar = similar_hint(str(value), choices)
        return path, f"{value!r} is not one of {', '.join(choices)}{similar}"
    if "matching regex" in what:
        return path, replay_settings.NO_TIME if path[:1] == ["replay"] else (
            f"{_TIMEFRAME}; it is {value!r}"
        )
    if bound := re.match(r"Expected `\w+` (>=|<=|>|<) ([-\d.e+]+)", what):
        return path, f"must be {_BOUNDS[bound[1]]} {float(bound[2]):,g}; it is {value}"
    if wrong := re.match(r"Expected `(.*?)`, got `(.*?)`", what):
        return path, _wrong_type(wrong[1].split(" | "), wrong[2], path, value)
    return path, what


def _wrong_type(wanted: list[str], got: str, path: list[str | int], value: Any) -> str:
    if path[:1] == ["symbols"] and len(path) == 2:
        return f"{_SYMBOL}; it is {_IS.get(got, got)}"
    kinds = " or ".join(_TYPES.get(kind, kind) for kind in wanted if kind != "null")
    must = f"must be {kinds}"
    if got == "null":
        return f"is empty; it {must}"
    example = ""
    if wanted[0] == "array" and got == "str":
        example = f", e.g. [{value}]"
    elif got == "str" and {"int", "float"} & set(wanted) and _is_number(value):
        example = "; remove the quotation marks"
    elif wanted[0] == "str" and got in _PLAIN:
        example = "; quote it"
    elif wanted[0] == "object" and value is True:
        example = "; {} takes the defaults"
    plain = isinstance(value, str | int | float) and not isinstance(value, bool)
    plain = plain and not _may_be_secret(path, str(value))
    shown = f" ({value!r})" if plain and len(str(value)) < SHOWN_CHARS else ""
    return f"{must}; it is {_IS.get(got, got)}{shown}{example}"


def _may_be_secret(path: list[str | int], text: str) -> bool:
    """Whether a text may be the webhook's URL, which contains a token."""
    return path[:1] == ["gateway"] and "://" in text


def _is_number(text: str) -> bool:
    return re.fullmatch(r"\s*[-+]?\d+(\.\d+)?\s*", text) is not None


def _unknown_key(key: str, path: list[str | int]) -> str:
    """Return the text for an unknown key: where it belongs, or which it is like."""
    if "/" in key:
        return "is read as a key, because of the space after its colon; remove the space"
    names = [step for step in path if isinstance(step, str)]
    here = names[-1] if names and names[-1] in _SECTIONS else ""
    own = _keys(_SECTIONS[here])
    if here == "faults" and not difflib.get_close_matches(key, own, cutoff=FAULT_CUTOFF):
        return f"unknown key; a fault has {', '.join(own)}"
    if similar := similar_hint(key, own):
        return f"unknown key{similar}"
    elsewhere = [name for name, struct in _SECTIONS.items() if key in _keys(struct)]
    if elsewhere:
        place = {"": "the top level", "symbols": "a symbol's map"}.get(elsewhere[0], elsewhere[0])
        return f"unknown key; it belongs in {place}"
    return f"unknown key{similar_hint(key, [k for s in _SECTIONS.values() for k in _keys(s)])}"


def _keys(struct: type[msgspec.Struct]) -> list[str]:
    return [field.encode_name for field in msgspec.structs.fields(struct)]


def similar_hint(word: str, known: Any) -> str:
    """Return `; is it …?` with the most similar known word, or nothing."""
    close = difflib.get_close_matches(word, sorted(set(known)), n=1)
    return f"; is it {close[0]}?" if close else ""
