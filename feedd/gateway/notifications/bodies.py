"""Bodies of the webhook's requests, in each format: docs/gateway.md#notifications. Pure."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from msgspec import Struct
from msgspec.structs import asdict

from feedd.gateway.notifications.texts import by_urgency, line, text_of, title

if TYPE_CHECKING:
    from feedd.config.webhook import WebhookSettings
    from feedd.gateway.notifications.notification import Notification
    from feedd.gateway.notifications.outbox import Message

VERSION = 1
PAST_FOR_S = 300  # an alert on what is over lasts so long, or Alertmanager would not send it
LASTS_FOR_S = 300  # an alert that is not repeated ends after this time
_NAMES = {
    "feed": "FeeddFeedNotLive", "process": "FeeddProcessDown", "restart": "FeeddRestart",
    "gap": "FeeddGap", "upstream_gap": "FeeddUpstreamGap", "stream": "FeeddGatewayStream",
}  # fmt: skip


class Sender(NamedTuple):
    """Who sends: the machine's name and the project's id."""

    host: str
    deployment: str | None

    @property
    def text(self) -> str:
        """Return the beginning of a text."""
        return f"feedd on {self.host}"


class JsonBody(Struct, frozen=True):
    """Body of the format json; `text` alone is a body that Slack accepts."""

    version: int
    text: str
    host: str
    deployment: str | None
    sent_ms: int
    notifications: list[dict[str, Any]]
    more: dict[str, int]
    undelivered: int


def body(settings: WebhookSettings, message: Message, sender: Sender, now_ms: int) -> Any:
    """Return the body of a request, for JSON."""
    text = text_of(message, sender.text)
    if settings.format == "slack":
        return {"text": _slack(text)}
    if settings.format == "telegram":
        return {
            "chat_id": settings.chat_id, "text": text,
            "link_preview_options": {"is_disabled": True},
        }  # fmt: skip
    if settings.format == "alertmanager":
        return [_alert(one, sender, now_ms) for one in message.notifications] + _summed_up(
            message, sender, text, now_ms
        )
    listed = [_listed(one) for one in by_urgency(message.notifications)]
    return JsonBody(
        VERSION, text, sender.host, sender.deployment, now_ms, listed,
        {str(kind): count for kind, count in message.more.items()}, message.undelivered,
    )  # fmt: skip


def _listed(one: Notification) -> dict[str, Any]:
    """Return a notification for JSON: keys that have no value are left out."""
    named = {"exchange": one.exchange, "symbol": one.symbol, "text": line(one)}
    whole = {**asdict(one), **named, "severity": _severity(one)}
    return {key: value for key, value in whole.items() if value is not None}


def _severity(one: Notification) -> str:
    if one.outcome == "resolved":
        return "info"
    return "critical" if one.outcome == "firing" else "warning"


def _slack(text: str) -> str:
    """Escape what Slack would take for a mention or a link: a reason is foreign text."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _alert(one: Notification, sender: Sender, now_ms: int) -> dict[str, Any]:
    """Return an alert; its labels are the same from its beginning to its end."""
    ends_ms = now_ms + 1000 * (LASTS_FOR_S if one.outcome == "firing" else PAST_FOR_S)
    if one.outcome == "resolved":
        ends_ms = one.until_ms or now_ms
    labels = {
        "alertname": _NAMES[one.kind],
        "severity": "critical" if one.kind in {"feed", "process", "stream"} else "warning",
        "exchange": one.exchange, "symbol": one.symbol, "channel": one.channel,
        "process": None if one.exchange else one.name, "host": sender.host,
        "deployment": sender.deployment,
    }  # fmt: skip
    return {
        "labels": {key: value for key, value in labels.items() if value},
        "annotations": {
            "summary": line(one),
            "description": f"{title(one)}: {one.state or one.kind}: {one.reason or 'no reason'}",
        },
        "startsAt": _rfc3339(one.since_ms),
        "endsAt": _rfc3339(ends_ms),
    }


def _summed_up(message: Message, sender: Sender, text: str, now_ms: int) -> list[dict[str, Any]]:
    """Return an alert on what the others do not list, if there is any."""
    if not message.more and not message.undelivered:
        return []
    labels = {"alertname": "FeeddNotificationsSummedUp", "severity": "warning",
              "host": sender.host, "deployment": sender.deployment}  # fmt: skip
    return [{
        "labels": {key: value for key, value in labels.items() if value},
        "annotations": {"summary": text.splitlines()[-1], "description": text},
        "startsAt": _rfc3339(now_ms), "endsAt": _rfc3339(now_ms + 1000 * PAST_FOR_S),
    }]  # fmt: skip


def _rfc3339(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds")
