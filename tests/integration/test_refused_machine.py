"""Both sources name an exchange's refusal of this machine, and end where a retry is useless."""

from __future__ import annotations

import asyncio
import re
import time
from types import SimpleNamespace
from typing import Any

import pytest
from source_setup import source_setup

from feedd.config.faults import Fault
from feedd.embedded.rest_page import API_KEY, API_SECRET
from feedd.errors import ConfigError, CredentialsError, FeeddError, RestrictedError, SourceError
from feedd.sources.ccxt import market_loading
from feedd.sources.native import rest_client

KEY = (API_KEY, API_SECRET)


async def failure(kind: str, fault: Fault, **options: Any) -> FeeddError:
    """Return what a source raises while the exchange has a fault."""
    async with source_setup(kind) as setup:
        setup.server._director.add(fault)
        source = setup.source(("quote",), **options)
        with pytest.raises(FeeddError) as caught:
            await source.prepare()
        await source.close()
        return caught.value


@pytest.mark.parametrize("kind", ["ccxt", "native"])
def test_a_refused_location_is_final(kind: str) -> None:
    fault = Fault("http", page="exchangeInfo", status=451)
    assert isinstance(asyncio.run(failure(kind, fault)), RestrictedError)


@pytest.mark.parametrize("kind", ["ccxt", "native"])
@pytest.mark.parametrize("status", [403, 503])
def test_another_refusal_is_tried_again(kind: str, status: int) -> None:
    fault = Fault("http", page="exchangeInfo", status=status)
    assert isinstance(asyncio.run(failure(kind, fault)), SourceError)


@pytest.mark.parametrize("ahead_s", [3600, -3600])
@pytest.mark.parametrize("kind", ["ccxt", "native"])
def test_a_clock_that_is_far_off_is_final_and_named(
    kind: str, ahead_s: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = SimpleNamespace(time=lambda: time.time() + ahead_s, time_ns=time.time_ns)
    monkeypatch.setattr(rest_client, "time", wrong)
    monkeypatch.setattr(market_loading, "time", wrong)
    fault = Fault("http", page="account", status=400, code=-1021)
    error = asyncio.run(failure(kind, fault, credentials=KEY))
    assert isinstance(error, ConfigError)
    which = "ahead of" if ahead_s > 0 else "behind"
    assert re.search(rf"clock is 3,(600|601|599) s {which} binanceusdm.s", str(error))


@pytest.mark.parametrize("kind", ["ccxt", "native"])
def test_a_signed_request_that_took_too_long_is_tried_again(kind: str) -> None:
    fault = Fault("http", page="account", status=400, code=-1021)
    assert isinstance(asyncio.run(failure(kind, fault, credentials=KEY)), SourceError)


@pytest.mark.parametrize("kind", ["ccxt", "native"])
def test_a_key_without_permission_is_final(kind: str) -> None:
    fault = Fault("http", page="account", status=401, code=-2015)
    assert isinstance(asyncio.run(failure(kind, fault, credentials=KEY)), CredentialsError)


@pytest.mark.parametrize("status", [401, 407, 511])
def test_without_a_key_no_answer_is_about_the_key(status: int) -> None:
    fault = Fault("http", page="exchangeInfo", status=status)
    assert isinstance(asyncio.run(failure("ccxt", fault)), SourceError)
