"""Classes of the reasons of gaps: a label of bounded cardinality. Pure.

A reason is a sentence for people, often with numbers and an exchange's own words in it. Its class
is one of a fixed set, by the phrase that the code writes.
"""

from __future__ import annotations

import re

UNKNOWN = "unknown"  # the gateway did not run, or the report was lost
OTHER = "other"  # of a later version

# Reasons of the gaps that feeds report, the first that matches. A cause at the beginning counts
# before what was tried afterwards: "reconnect after: …; the exchange has them no longer".
_UPSTREAM = (
    ("reconnect", r"^reconnect after: "),
    ("unreadable", r"^a message could not be read: "),
    ("silence", r", then resumed$"),
    ("not_in_files", r"not in the files|is missing in the file$"),
    ("checksum", r"checksum"),
    ("ids_restarted", r"\bids (?:or times )?(?:of the .*)?(?:restarted|went back|fall)\b"),
    ("ids_jump", r"^the exchange's ids jump|an update of the book is missing|update's order falls"),
    ("crossed_book", r"crossed"),
    ("snapshot", r"snapshot"),
    ("id_twice", r"^a second trade with an id that had passed$"),
    ("connections", r"\bconnection\b"),
)  # fmt: skip

# Reasons of the gaps in what the gateway received.
_RECEIVED = (
    ("behind", r"^the caller was .* behind$"),
    ("not_in_history", r"^the history service keeps "),
    ("no_history", r"^no history service is configured$|^the history service rejected "),
    ("late", r"^not repaired within "),
    ("too_many", r"^more than .* (?:waited|at once)|^it is more than .* messages ago$"),
    ("new_session", r"^a new session began "),
)

_UPSTREAM_RULES = tuple((name, re.compile(pattern)) for name, pattern in _UPSTREAM)
_RECEIVED_RULES = tuple((name, re.compile(pattern)) for name, pattern in _RECEIVED)
UPSTREAM_CLASSES = (*(name for name, _ in _UPSTREAM), OTHER, UNKNOWN)
MEANINGS = {
    "reconnect": "a connection was lost and made again",
    "unreadable": "a message could not be read",
    "silence": "the channel was silent for too long, then resumed",
    "not_in_files": "a replayed recording lacks it",
    "checksum": "the book differed from the exchange's checksum, or that did not arrive",
    "ids_restarted": "the exchange's ids restarted or went back",
    "ids_jump": "the exchange's ids skip events that could not be requested",
    "crossed_book": "the book was crossed",
    "snapshot": "a snapshot did not fit its stream",
    "id_twice": "two trades had the same id",
    "connections": "of two connections, one had events that the other did not deliver",
    OTHER: "a reason of another version",
    UNKNOWN: "the gateway did not run, or the status that reported it was lost",
}
RECEIVED_CLASSES = (*(name for name, _ in _RECEIVED), OTHER)


def upstream_class(reason: str) -> str:
    """Return the class of the reason of a gap that a feed reports."""
    return _first(_UPSTREAM_RULES, reason)


def received_class(reason: str) -> str:
    """Return the class of the reason of a gap in what the gateway received."""
    return _first(_RECEIVED_RULES, reason)


def _first(rules: tuple[tuple[str, re.Pattern[str]], ...], reason: str) -> str:
    return next((name for name, pattern in rules if pattern.search(reason)), OTHER)
