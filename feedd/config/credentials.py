"""API keys from the environment: their variables, and what makes a value impossible.

A value that no exchange can have issued is an error of this machine and not a refusal by the
exchange, so it is found before the first request. Errors name the variable and the character, and
never quote the value.
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

from feedd.errors import CredentialsError
from feedd.venues.registry import KEY_PREFIXES

if TYPE_CHECKING:
    from collections.abc import Mapping

# ccxt also signs with RSA and Ed25519 keys, whose secret is a PEM block of several lines.
_PEM = re.compile(r"-----BEGIN [A-Z ]+-----\r?\n[\x20-\x7e\r\n]+-----END [A-Z ]+-----")
_OUTSIDE = re.compile(r"[^\x21-\x7e]")
_PLACEHOLDER = re.compile(
    r"change.?me|replace.?me|todo|none|null|undefined|your.*|my.?(api.?)?(key|secret)|"
    r"insert.*|<.*>|\$?\{.*\}|\$[A-Z_]+|(?P<one>.)(?P=one){3,}",
    re.IGNORECASE,
)
_QUOTES = "\"'`"
_PLAIN_NAMES = {
    "\n": "a line break", "\r": "a carriage return", "\t": "a tab", " ": "a space",
    "\0": "a NUL", "\ufeff": "a byte order mark",
}  # fmt: skip
_ESCAPED_BYTES = range(0xDC80, 0xDD00)  # how Python reads a byte that is not UTF-8


def credential_names(exchange: str) -> tuple[str, str]:
    """Return the variables of an exchange's API key and secret.

    Their prefix is the exchange's name in capitals; all markets of a venue share the venue's name.
    """
    prefix = next((venue for venue in KEY_PREFIXES if exchange.startswith(venue)), exchange).upper()
    return f"{prefix}_API_KEY", f"{prefix}_SECRET"


def credentials(exchange: str, environment: Mapping[str, str]) -> tuple[str, str] | None:
    """Return the API key and secret for an exchange, or None without them.

    They come from the variables of `credential_names`, without spaces around them. Raises
    CredentialsError if only one is set, or if a value can't be a key.
    """
    names = credential_names(exchange)
    key, secret = (environment.get(name, "").strip() for name in names)
    if bool(key) != bool(secret):
        present, absent = names if key else reversed(names)
        renamed = unread_variables(exchange, environment)
        hint = f" ({renamed[0]} is not read)" if renamed else ""
        raise CredentialsError(
            f"{present} is set and {absent} is not{hint}; set both, or neither: public data needs "
            "no key"
        )
    if not key:
        return None
    for name, value in zip(names, (key, secret), strict=True):
        if (fault := _fault(name, value)) is not None:
            raise CredentialsError(f"{name} {fault}; correct it, or unset it: "
                                   "public data needs no key")  # fmt: skip
    if key == secret:
        raise CredentialsError(f"{names[0]} and {names[1]} have the same value; correct one")
    return key, secret


def unread_variables(exchange: str, environment: Mapping[str, str]) -> list[str]:
    """Return the set variables with names like those of an exchange's key, which are not read."""
    names = credential_names(exchange)
    prefix = names[0].removesuffix("_API_KEY")
    like = re.compile(rf"{prefix}\w*_(API_?)?(KEY|SECRET)(_KEY)?", re.IGNORECASE)
    return [
        name
        for name, value in environment.items()
        if value.strip() and name not in names and like.fullmatch(name)
    ]


def with_blanks_around(exchange: str, environment: Mapping[str, str]) -> list[str]:
    """Return the variables of an exchange whose values `credentials` strips of spaces."""
    return [
        name
        for name in credential_names(exchange)
        if (value := environment.get(name, "")) != value.strip()
    ]


def _fault(name: str, value: str) -> str | None:
    """Return why a value can't be a key or a secret, or None."""
    if _PEM.fullmatch(value):
        return None
    if value[0] in _QUOTES or value[-1] in _QUOTES:
        return "begins or ends with a quotation mark"
    if value.upper().startswith(f"{name}="):
        return "contains its own name"
    if value == name or _PLACEHOLDER.fullmatch(value):
        return "has a placeholder as its value"
    if found := _OUTSIDE.search(value):
        return f"contains {character(found[0])}, which no key contains"
    return None


def character(char: str) -> str:
    """Return a character's name: `a line break (U+000A)`, `zero width space (U+200B)`."""
    number = ord(char)
    if number in _ESCAPED_BYTES:
        return f"a byte that is not UTF-8 (0x{number - 0xDC00:02X})"
    name = _PLAIN_NAMES.get(char) or unicodedata.name(char, "a control character").lower()
    return f"{name} (U+{number:04X})"
