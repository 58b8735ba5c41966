"""Bodies of the webhook's requests, and the answers to them."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from feedd.config.webhook import Format, WebhookSettings
from feedd.gateway.notifications.bodies import Sender, body
from feedd.gateway.notifications.notification import Notification
from feedd.gateway.notifications.outbox import Message
from feedd.gateway.notifications.texts import LINE_CHARS, TEXT_CHARS
from feedd.gateway.notifications.webhook import retry_after_s

FEED = "binanceusdm.BTC/USDT:USDT."
AT_MS = 1_764_075_600_000  # 2025-11-25T13:00:00Z
NOW_MS = AT_MS + 5_000
FIRING = Notification(
    kind="feed", outcome="firing", name=FEED, since_ms=AT_MS, state="reconnecting",
    reason="closing code 1006",
)  # fmt: skip
RESOLVED = msgspec.structs.replace(FIRING, outcome="resolved", until_ms=AT_MS + 75_000)
GAP = Notification(
    kind="upstream_gap", outcome="past", name=FEED, since_ms=AT_MS, until_ms=AT_MS,
    channel="trade", reason="the ids jump", count=3, from_id=5, to_id=22,
)  # fmt: skip
PROXY = Notification(
    kind="process", outcome="firing", name="proxy", since_ms=AT_MS, state="FATAL",
    reason="exit code 1",
)  # fmt: skip


def sent(
    *notifications: Notification, form: Format = "json", more: Any = None, undelivered: int = 0
) -> Any:
    chat_id = -100123 if form == "telegram" else None
    settings = WebhookSettings(format=form, chat_id=chat_id)
    message = Message(notifications, more or {}, undelivered)
    return msgspec.to_builtins(body(settings, message, Sender("host1", "d3adb33f"), NOW_MS))


@pytest.mark.parametrize(
    ("notification", "text"),
    [
        (FIRING, ("NOT LIVE: binanceusdm BTC/USDT:USDT: reconnecting: closing code 1006 "
         "(since 13:00:00 UTC)")),
        (RESOLVED, ("live again: binanceusdm BTC/USDT:USDT, after 1 min 15 s (reconnecting: "
         "closing code 1006)")),
        (msgspec.structs.replace(FIRING, outcome="past", count=2, lasted_ms=3100),
         ("binanceusdm BTC/USDT:USDT was not live 2 times, together for 3.1 s (reconnecting: "
         "closing code 1006); it is live again")),
        (msgspec.structs.replace(RESOLVED, state="removed"),
         "binanceusdm BTC/USDT:USDT is removed from the configuration; it was not live"),
        (PROXY, "NOT WELL: proxy: FATAL: exit code 1 (since 13:00:00 UTC)"),
        (GAP, ("gap on the exchange's side: binanceusdm BTC/USDT:USDT trade: 3 times events are "
         "missing after 5 and before 22: the ids jump")),
        (Notification(kind="gap", outcome="past", name=FEED, since_ms=AT_MS, channel="quote",
                      session=77, from_seq=3, to_seq=4, reason="not in the history"),
         ("gap: binanceusdm BTC/USDT:USDT quote: the gateway did not get messages 3 to 4 of "
         "session 77: not in the history")),
        (Notification(kind="restart", outcome="past", name=FEED, since_ms=AT_MS, count=2),
         "restarted 2 times: binanceusdm BTC/USDT:USDT (at 13:00:00 UTC)"),
        (Notification(kind="stream", outcome="past", name="gateway", since_ms=AT_MS,
                      state="behind", reason="5 notices were dropped"),
         "the gateway lost notices: 5 notices were dropped"),
    ],
)  # fmt: skip
def test_each_notification_is_a_line(notification: Notification, text: str) -> None:
    assert sent(notification)["text"] == f"feedd on host1: {text}"


def test_the_json_body_has_its_version_a_text_and_every_notification() -> None:
    found = sent(RESOLVED, FIRING, more={"gap": 14}, undelivered=2)
    text, listed = found.pop("text"), found.pop("notifications")
    assert found == {
        "version": 1, "host": "host1", "deployment": "d3adb33f", "sent_ms": NOW_MS,
        "more": {"gap": 14}, "undelivered": 2,
    }  # fmt: skip
    assert text.splitlines()[0] == "feedd on host1:"
    assert text.splitlines()[1].startswith("NOT LIVE")
    assert text.splitlines()[3:] == [
        "and 14 more: 14 gaps", "2 earlier notifications could not be delivered",
    ]  # fmt: skip
    assert listed[0] == {
        "kind": "feed", "outcome": "firing", "name": FEED, "since_ms": AT_MS,
        "state": "reconnecting", "reason": "closing code 1006", "count": 1,
        "exchange": "binanceusdm", "symbol": "BTC/USDT:USDT", "severity": "critical",
        "text": "NOT LIVE: binanceusdm BTC/USDT:USDT: reconnecting: closing code 1006 (since "
        "13:00:00 UTC)",
    }  # fmt: skip
    assert (listed[1]["until_ms"], listed[1]["severity"]) == (AT_MS + 75_000, "info")


def test_many_notifications_are_summed_up_in_the_text_and_listed_in_json() -> None:
    found = sent(*[GAP] * 20, FIRING, *[RESOLVED] * 3)
    lines = found["text"].splitlines()
    assert lines[1].startswith("NOT LIVE")
    assert lines[-1] == "and 14 more: 3 changes of feeds, 11 gaps on an exchange's side"
    assert len(found["notifications"]) == 24


def test_a_long_reason_is_cut() -> None:
    long = msgspec.structs.replace(FIRING, reason="x\n" * 5000)
    text = sent(*[long] * 30)["text"]
    assert max(map(len, text.splitlines())) <= LINE_CHARS
    assert len(text) <= TEXT_CHARS


def test_slack_gets_a_text_in_which_no_reason_is_a_mention() -> None:
    foreign = msgspec.structs.replace(FIRING, reason="<!channel> & <https://x|y>")
    found = sent(foreign, form="slack")
    assert set(found) == {"text"}
    assert "&lt;!channel&gt; &amp; &lt;https://x|y&gt;" in found["text"]


def test_telegram_gets_a_plain_text_for_its_chat() -> None:
    found = sent(FIRING, form="telegram")
    assert (found["chat_id"], "parse_mode" in found) == (-100123, False)
    assert found["text"].startswith("feedd on host1: NOT LIVE")


def test_alertmanager_gets_alerts_with_the_same_labels_at_beginning_and_end() -> None:
    (begun,) = sent(FIRING, form="alertmanager")
    (ended,) = sent(RESOLVED, form="alertmanager")
    assert begun["labels"] == ended["labels"] == {
        "alertname": "FeeddFeedNotLive", "severity": "critical", "exchange": "binanceusdm",
        "symbol": "BTC/USDT:USDT", "host": "host1", "deployment": "d3adb33f",
    }  # fmt: skip
    assert begun["startsAt"] == ended["startsAt"] == "2025-11-25T13:00:00.000+00:00"
    assert begun["endsAt"] == "2025-11-25T13:05:05.000+00:00"
    assert ended["endsAt"] == "2025-11-25T13:01:15.000+00:00"
    assert begun["annotations"]["summary"].startswith("NOT LIVE")
    (gap,) = sent(GAP, form="alertmanager")
    assert gap["labels"]["channel"] == "trade"
    assert gap["endsAt"] > gap["startsAt"]
    (proxy,) = sent(PROXY, form="alertmanager")
    assert proxy["labels"]["process"] == "proxy"


def test_alertmanager_gets_an_alert_on_what_is_not_listed() -> None:
    *_, summed = sent(GAP, form="alertmanager", more={"gap": 14})
    assert summed["labels"]["alertname"] == "FeeddNotificationsSummedUp"
    assert summed["annotations"]["summary"] == "and 14 more: 14 gaps"


@pytest.mark.parametrize(
    ("header", "answer", "pause_s"),
    [
        ("30", b"", 30.0),
        ("Tue, 25 Nov 2025 13:00:30 GMT", b"", 25.0),
        ("Tue, 25 Nov 2025 12:00:00 GMT", b"", 0.0),
        ("soon", b"", None),
        ("-5", b"", None),
        (None, b'{"ok":false,"parameters":{"retry_after":7}}', 7.0),
        (None, b'{"parameters":{"retry_after":"x"}}', None),
        (None, b'{"parameters":[]}', None),
        (None, b"<html>", None),
        (None, b"", None),
    ],
)
def test_a_requested_pause_is_read_from_the_header_or_telegrams_answer(
    header: str | None, answer: bytes, pause_s: float | None
) -> None:
    assert retry_after_s(header, answer, NOW_MS / 1000) == pause_s
