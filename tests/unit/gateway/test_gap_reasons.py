"""Classes of the reasons of gaps."""

import ast
from pathlib import Path

import pytest

from feedd.gateway.metrics import gap_reasons
from feedd.gateway.metrics.gap_reasons import OTHER, received_class, upstream_class

FEEDD = Path(__file__).parents[3] / "feedd"


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        ("reconnect after: the connection was closed (1006)", "reconnect"),
        ("reconnect after: a pong is late; the exchange has them no longer", "reconnect"),
        ("reconnect after: the book differs from two REST snapshots: bid 1 has 2", "reconnect"),
        ("a message could not be read: JSONDecodeError: line 1", "unreadable"),
        ("silent for more than 30 s, then resumed", "silence"),
        ("no sign of life for 20 s, then resumed", "silence"),
        ("listed as BREAK, not traded, then resumed", "silence"),
        ("the exchange's ids jump; the exchange has them no longer", "ids_jump"),
        ("the exchange's ids jump; not to be had within 5 s", "ids_jump"),
        ("the exchange's ids jump; the exchange asked for a pause (HTTP 429)", "ids_jump"),
        ("an update of the book is missing", "ids_jump"),
        ("the update's order falls from 7 to 3", "ids_jump"),
        ("the exchange's ids jump; not in the files", "not_in_files"),
        ("candles that are not in the files: 3", "not_in_files"),
        ("an update of the book is missing in the file", "not_in_files"),
        ("the book differs from the exchange's checksum", "checksum"),
        ("an update of the book has no checksum", "checksum"),
        ("the book's checksum does not arrive", "checksum"),
        ("the snapshot has no checksum", "checksum"),
        ("the ids restarted", "ids_restarted"),
        ("the ids restarted, or one was far too high", "ids_restarted"),
        ("the ids or times went back", "ids_restarted"),
        ("the ids of the book's updates restarted", "ids_restarted"),
        ("the ids of the book's updates fall", "ids_restarted"),
        ("the ids of the book's updates went back", "ids_restarted"),
        ("the ids of the books restarted", "ids_restarted"),
        ("the book is crossed", "crossed_book"),
        ("snapshot and updates make a crossed book", "crossed_book"),
        ("the snapshot is crossed", "crossed_book"),
        ("the snapshot's levels are out of order", "snapshot"),
        ("the snapshot (5) is older than the stream (7)", "snapshot"),
        ("the market moved past the last level of the snapshot", "snapshot"),
        ("no snapshot after subscribing again", "snapshot"),
        ("a second trade with an id that had passed", "id_twice"),
        ("one connection went ahead and another did not follow", "connections"),
        ("too many events were held back for another connection", "connections"),
        ("no connection delivered it", "connections"),
        ("a phrase of a later version", OTHER),
    ],
)
def test_a_reason_of_a_feed_has_its_class(reason: str, expected: str) -> None:
    assert upstream_class(reason) == expected
    assert expected in gap_reasons.UPSTREAM_CLASSES


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        ("the caller was 100,000 events behind", "behind"),
        ("the history service keeps nothing of the session", "not_in_history"),
        ("the history service keeps 5 to 900 of the session", "not_in_history"),
        ("no history service is configured", "no_history"),
        ("the history service rejected the request", "no_history"),
        ("not repaired within 1.0 s", "late"),
        ("more than 50,000 messages waited", "too_many"),
        ("more than 10,000 messages waited for it", "too_many"),
        ("more than 10,000 messages at once", "too_many"),
        ("it is more than 100,000 messages ago", "too_many"),
        ("a new session began before it was repaired", "new_session"),
        ("a phrase of a later version", OTHER),
    ],
)
def test_a_reason_of_the_stream_has_its_class(reason: str, expected: str) -> None:
    assert received_class(reason) == expected
    assert expected in gap_reasons.RECEIVED_CLASSES


def _texts(path: Path, functions: set[str]) -> list[str]:
    """Return the texts that a file passes to some functions."""
    found = []
    for node in ast.walk(ast.parse(path.read_text())):
        if not isinstance(node, ast.Call):
            continue
        name = getattr(node.func, "attr", getattr(node.func, "id", ""))
        if name not in functions:
            continue
        cause = "the exchange's ids jump; " if name == "finish" else ""  # it names what followed
        for argument in node.args:
            parts = argument.values if isinstance(argument, ast.JoinedStr) else [argument]
            texts = [str(p.value) if isinstance(p, ast.Constant) else "9" for p in parts]
            if " " in (text := "".join(texts)):
                found.append(cause + text)
    return found


def test_every_reason_that_the_code_writes_has_a_class() -> None:
    functions = {"_break", "_skip", "_begin_again", "BookGap", "_broken", "missing", "finish"}
    seen = 0
    for folder in ("books", "merge", "sources", "feed"):
        for path in sorted((FEEDD / folder).rglob("*.py")):
            for text in _texts(path, functions):
                reason = f"the exchange's ids jump; {text}" if "trade_keeper" in path.name else text
                assert upstream_class(reason) != OTHER, f"{path}: {text}"
                seen += 1
    assert seen > 10
    functions = {"give_up_first", "give_up_all", "give_up_overlapping", "refuse", "_refuse"}
    for path in sorted((FEEDD / "client").glob("*.py")):
        for text in _texts(path, functions):
            assert received_class(text) != OTHER, f"{path}: {text}"
