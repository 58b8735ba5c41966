"""Settings of the webhook: what is accepted, and that its URL is in no error or log."""

from __future__ import annotations

from pathlib import Path

import pytest

from feedd.config.load import parse_config
from feedd.config.webhook import VARIABLE, WebhookSettings, webhook_url
from feedd.errors import ConfigError
from feedd.runtime import secrets

TOKEN = "T0SECRET/B0SECRET/xYzSECRETxYz"
URL = f"https://hooks.slack.com/services/{TOKEN}"
BOT = "https://api.telegram.org/bot12345:abcSECRETdef/sendMessage"


def webhook(text: str) -> WebhookSettings:
    config = parse_config(f"symbols: [A/USDT]\ngateway:\n  webhook: {text}\n", Path("f.yaml"))
    assert config.gateway_settings is not None
    assert config.gateway_settings.webhook is not None
    return config.gateway_settings.webhook


def test_the_default_is_json_on_everything_with_the_url_of_the_variable() -> None:
    settings = webhook("{}")
    assert (settings.format, settings.notify) == ("json", ("feed", "process", "restart", "gap"))
    assert webhook_url(settings, {VARIABLE: f" {URL} "}) == URL
    assert webhook_url(webhook(f"{{url: '{URL}'}}"), {VARIABLE: BOT}) == URL


@pytest.mark.parametrize(
    ("text", "line", "error"),
    [
        ("{formt: json}", 3, "gateway.webhook.formt: unknown key; is it format?"),
        ("{format: yaml}", 3, "gateway.webhook.format: 'yaml' is not one of json, slack, tele"),
        ("{settle_s: -1}", 3, "gateway.webhook.settle_s: must be at least 0; it is -1"),
        ("{per_minute: 0}", 3, "gateway.webhook.per_minute: must be at least 0.1; it is 0"),
        ("{format: telegram}", 3, "gateway.webhook.format: telegram needs chat_id: the number"),
        ("{chat_id: 5}", 3, "gateway.webhook.chat_id: is for format: telegram"),
        ("{notify: []}", 3, "gateway.webhook.notify: is empty; name at least one of feed, proc"),
        ("{notify: [feeds]}", 3, "gateway.webhook.notify[0]: 'feeds' is not one of feed, process"),
        ("{notify: [gap, gap]}", 3, "gateway.webhook.notify: a word appears twice"),
        ("{url: 5}", 3, "gateway.webhook.url: must be text; it is a whole number (5)"),
        ("{url: hooks.SECRET}", 3, "gateway.webhook.url: must look like https://example.com/hook"),
        ("{url: 'ftp://a/SECRET'}", 3, "gateway.webhook.url: must look like https://example.com"),
        ("{url: 'https://a:SECRET/'}", 3, "gateway.webhook.url: must look like https://example"),
        ("{url: 'https://a b/SECRET'}", 3, "gateway.webhook.url: must look like https://example"),
        (f"{{url: '{URL}', format: telegram, chat_id: 1}}", 3,
         "gateway.webhook.url: must look like https://api.telegram.org/bot<TOKEN>/sendMessage: t"),
        (f"{{url: '{URL}', format: alertmanager}}", 3,
         "gateway.webhook.url: must look like http://127.0.0.1:9093/api/v2/alerts: the path of"),
        ("https://a/SECRET", 3, "gateway.webhook: must be a map of keys; it is text"),
        ("\n    url:https://a/SECRET", 3, "gateway.webhook: must be a map of keys; it is text"),
        ("{url:https://a/SECRET, format: json}", 3,
         "gateway.webhook: a key and its value are one word; write a space after the colon"),
        (f"['{URL}']", 3, "gateway.webhook: must be a map of keys; it is a list"),
    ],
)  # fmt: skip
def test_a_wrong_setting_is_named_with_its_line_and_without_the_url(
    text: str, line: int, error: str
) -> None:
    with pytest.raises(ConfigError) as raised:
        webhook(text)
    assert str(raised.value).startswith(f"f.yaml:{line}: {error}")
    assert "SECRET" not in str(raised.value)


@pytest.mark.parametrize(
    ("environment", "error"),
    [
        ({}, "gateway.webhook: has no url; set it, or the variable FEEDD_WEBHOOK_URL"),
        ({VARIABLE: " "}, "gateway.webhook: has no url; set it, or the variable"),
        ({VARIABLE: "hooks/SECRET"}, "FEEDD_WEBHOOK_URL: must look like https://example.com/hook"),
    ],
)
def test_a_variable_without_a_usable_url_is_named_without_its_value(
    environment: dict[str, str], error: str
) -> None:
    with pytest.raises(ConfigError) as raised:
        webhook_url(webhook("{}"), environment)
    assert str(raised.value).startswith(error)
    assert "SECRET" not in str(raised.value)


@pytest.mark.parametrize("url", [URL, BOT, "https://user:pwSECRET@example.com/x?key=kkSECRETkkkk"])
def test_logs_redact_the_url_and_its_token(url: str) -> None:
    settings = webhook(f"{{url: '{url}'}}")
    webhook_url(settings, {})
    for text in (url, f"ConnectionError({url!r})", f"POST {url.partition('://')[2]} failed"):
        assert "SECRET" not in secrets.redact(text)
    assert "example.com" in secrets.redact("https://example.com is unreachable")
    assert "SECRET" not in repr(settings)


def test_logs_redact_the_token_of_the_variable_and_of_the_applied_copy() -> None:
    webhook_url(WebhookSettings(), {VARIABLE: "https://a.example/hooks/variableSECRET"})
    webhook_url(WebhookSettings(url="https://a.example/hooks/appliedSECRET"), {})
    text = secrets.redact("404: no hook /hooks/variableSECRET or /hooks/appliedSECRET")
    assert "SECRET" not in text
