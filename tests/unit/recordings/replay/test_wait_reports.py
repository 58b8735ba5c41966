"""A replay's waits, and its reports of them."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
import samples
from structlog.testing import capture_logs

from feedd.cli.main import parse
from feedd.config.settings import ProxySettings
from feedd.errors import ConfigError
from feedd.recordings.replay import wait_reports
from feedd.recordings.replay.wait_reports import connect_to_proxies, reporting_wait
from feedd.transport.proxy import Proxy
from feedd.transport.replay_publisher import ReplayPublisher


@pytest.mark.parametrize("lossless", [True, False])
def test_only_a_lossless_publisher_waits_for_a_late_proxy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, lossless: bool
) -> None:
    monkeypatch.setattr(wait_reports, "PROXY_WAIT_S", 0.05)
    ends = [f"ipc://{tmp_path}/{name}" for name in ("workers", "subscribers", "history")]
    settings = ProxySettings(workers=ends[0], subscribers=ends[1], history=ends[2])

    async def connected() -> int:
        connecting = asyncio.ensure_future(
            connect_to_proxies(publisher, [settings.workers], lossless=lossless)
        )
        while not logs:
            await asyncio.sleep(0.01)
        if lossless:
            await proxy.bind(settings)
            proxy.start()
        await asyncio.wait_for(connecting, 45)
        return publisher.proxies_connected

    proxy, publisher = Proxy(lossless=True), ReplayPublisher(lossless=lossless)
    try:
        with capture_logs() as logs:
            assert asyncio.run(connected()) == lossless
    finally:
        publisher.close()
        proxy.stop()
    then = "waiting for it" if lossless else "continuing without it"
    assert [one["event"] for one in logs] == [f"a proxy is not connected; {then}"]


def test_a_long_wait_is_reported_once(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[bool] = []
    over = reporting_wait(lambda _: False, lambda: told.append(True))
    assert not over(0.1)
    assert told == []
    monkeypatch.setattr(wait_reports, "REPORT_AFTER_S", 0.0)
    assert not over(0.1)
    assert not over(0.1)
    assert told == [True]


@pytest.mark.parametrize("port", ["0", "65535", "70000"])
def test_an_endpoint_without_a_port_for_its_history_is_refused(tmp_path: Path, port: str) -> None:
    path = samples.write(tmp_path / "a.feedd", [samples.quote(1, 0)])
    given = parse(["replay", str(path), "--endpoint", f"tcp://127.0.0.1:{port}"])
    with pytest.raises(ConfigError, match="is not an endpoint like"):
        given.command.run(given)
