"""Reasons of certificates that are not accepted."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta

import pytest

from feedd.sources.network.tls import Certificate, certificate_text

NOW = datetime(2026, 11, 30, 16, 0, tzinfo=UTC)
DAY = timedelta(days=1)


def text(code: int, from_day: int, to_day: int, *, known: bool = True) -> str:
    error = ssl.SSLCertVerificationError()
    error.verify_code, error.verify_message = code, "why"
    certificate = Certificate("Corp CA", NOW + from_day * DAY, NOW + to_day * DAY)
    return certificate_text("host", error, certificate if known else None, NOW)


@pytest.mark.parametrize(
    ("code", "days", "said"),
    [
        (
            9,
            (1, 9),
            "issued by Corp CA, is not valid before 2026-12-01 16:00 UTC, and it is 2026-11",
        ),
        (10, (-9, -1), "issued by Corp CA, expired on 2026-11-29 16:00 UTC, and it is 2026-11-30"),
        (10, (-9, 9), "issued by Corp CA, is not trusted (why)"),  # the CA's own has expired
        (9, (-9, 9), "issued by Corp CA, is not trusted (why)"),
        (62, (-9, 9), "issued by Corp CA, is for another host (why)"),
        (18, (-9, 9), "issued by Corp CA, is not trusted (why); if a proxy or firewall"),
    ],
)
def test_a_reason_names_issuer_and_remedy(code: int, days: tuple[int, int], said: str) -> None:
    assert f"the certificate of host, {said}" in text(code, *days)


@pytest.mark.parametrize(
    ("code", "said"),
    [(9, "is not valid, and it is 2026-11-30 16:00 UTC"), (10, "expired, and it"), (20, "is not")],
)
def test_a_reason_without_an_issuer_is_complete(code: int, said: str) -> None:
    assert text(code, 1, 2, known=False).startswith(f"the certificate of host {said}")
