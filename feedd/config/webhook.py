"""Webhook of the gateway's notifications: its settings, and where its URL comes from.

The URL is a secret, as it contains a token: no error quotes it, and logs have `…` in its place.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Literal
from urllib.parse import urlsplit

from msgspec import Meta, Struct

from feedd.errors import ConfigError
from feedd.runtime import secrets

if TYPE_CHECKING:
    from collections.abc import Mapping

VARIABLE = "FEEDD_WEBHOOK_URL"
Format = Literal["json", "slack", "telegram", "alertmanager"]
Subject = Literal["feed", "process", "restart", "gap"]
FORMATS: tuple[Format, ...] = ("json", "slack", "telegram", "alertmanager")
SUBJECTS: tuple[Subject, ...] = ("feed", "process", "restart", "gap")
LONG_ENOUGH = 12  # characters of a part of the URL that is taken for a token
_ENDINGS: dict[str, tuple[str, str]] = {  # what the path of a format's URL ends with, and a form
    "telegram": ("/sendMessage", "https://api.telegram.org/bot<TOKEN>/sendMessage"),
    "alertmanager": ("/api/v2/alerts", "http://127.0.0.1:9093/api/v2/alerts"),
}


class WebhookSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """Webhook that receives notifications: docs/gateway.md#notifications."""

    url: str | None = None  # None: of the variable
    format: Format = "json"
    chat_id: str | int | None = None  # of Telegram
    notify: tuple[Subject, ...] = SUBJECTS
    settle_s: Annotated[float, Meta(ge=0, le=3600)] = 5.0  # a shorter change is merged with its end
    per_minute: Annotated[float, Meta(ge=0.1, le=600)] = 10.0  # messages, after a burst of 5

    def __repr__(self) -> str:
        url = None if self.url is None else secrets.REDACTED
        return f"WebhookSettings(url={url}, format={self.format})"


def webhook_url(settings: WebhookSettings, environment: Mapping[str, str]) -> str:
    """Return the URL of the settings, else of the variable; raise ConfigError without a usable one.

    From then on, logs and errors redact it.
    """
    url = settings.url
    given_by = "gateway.webhook.url"
    if url is None:
        url, given_by = environment.get(VARIABLE, "").strip(), VARIABLE
        if not url:
            raise ConfigError(
                f"gateway.webhook: has no url; set it, or the variable {VARIABLE}, e.g. in .env"
            )
    register(url)
    if (unfit := url_fault(url, settings.format)) is not None:
        raise ConfigError(f"{given_by}: {unfit}")
    return url


def register(url: str) -> None:
    """Let logs and errors redact a URL, and each part of it that may be a token."""
    parts = {url, url.partition("://")[2]}
    parts |= {part for part in re.split(r"[/?&=]", url) if len(part) >= LONG_ENOUGH}
    host = _host(url)
    for number, part in enumerate(sorted(parts - {"", host})):
        secrets.register({f"WEBHOOK_{number}_SECRET": part})


def url_fault(url: str, form: Format) -> str | None:
    """Return what is wrong with a URL, without quoting it; None if nothing is."""
    form_of_it = _ENDINGS.get(form, ("", "https://example.com/hook"))[1]
    like = f"must look like {form_of_it}"
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return f"{like}; its port is not a number from 1 to 65535"
    if re.search(r"[\x00-\x20\x7f]", url):
        return f"{like}; it contains a space or a control character"
    if parts.scheme not in {"http", "https"} or not host or port == 0:
        return like
    ending, _ = _ENDINGS.get(form, ("", ""))
    if not parts.path.endswith(ending):
        return f"{like}: the path of format {form} ends with {ending}"
    return None


def settings_fault(settings: WebhookSettings) -> tuple[str, str] | None:
    """Return a key and what is wrong with its value; None if nothing is."""
    if settings.url is not None and (unfit := url_fault(settings.url, settings.format)):
        return "url", unfit
    if settings.format == "telegram" and settings.chat_id in {None, ""}:
        return "format", "telegram needs chat_id: the number of a chat, or @channelname"
    if settings.format != "telegram" and settings.chat_id is not None:
        return "chat_id", "is for format: telegram"
    if not settings.notify:
        return "notify", f"is empty; name at least one of {', '.join(SUBJECTS)}"
    if len(set(settings.notify)) < len(settings.notify):
        return "notify", "a word appears twice"
    return None


def _host(url: str) -> str:
    try:
        return urlsplit(url).netloc.rpartition("@")[2]
    except ValueError:
        return ""
