"""Many workers of one machine under the real supervisord, within the limits of one address."""

from __future__ import annotations

import json
import os
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest
from conftest import Project, eventually

from feedd.embedded.instruments import listed

pytestmark = pytest.mark.process

WORKERS = int(os.environ.get("FEEDD_TEST_WORKERS", "12"))  # 54 symbols are listed
STARTED_WITHIN_S = 60.0 + 6.0 * WORKERS  # where the machine is busy with other things


def account(project: Project) -> dict[str, Any]:
    port = project.settings["embedded_exchange"]["port"]
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/embedded/account", timeout=10) as told:
        (by_exchange,) = json.load(told).values()
    return by_exchange["usdm"]  # type: ignore[no-any-return]


@pytest.mark.timeout(240 + 24 * WORKERS)
def test_workers_that_are_all_restarted_at_once_stay_within_the_limits(
    make_project: Callable[..., Project],
) -> None:
    symbols = [f"{symbol.removesuffix('USDT')}/USDT" for symbol in list(listed())[:WORKERS]]
    project = make_project(
        symbols=symbols, channels=["quote", "trade", "book"], embedded_exchange={"rate": 2}
    )

    def healthy() -> bool:
        return bool(project.feedd("status").returncode == 0)

    project.feedd("start", timeout_s=STARTED_WITHIN_S + 60)
    eventually(healthy, STARTED_WITHIN_S, "all healthy")
    first = account(project)
    feeds = [name for name in project.pids() if name.startswith("feed-")]
    assert len(feeds) == WORKERS
    pids = project.pids()
    project.daemon.stop(feeds)
    project.daemon.start(feeds)
    eventually(healthy, STARTED_WITHIN_S, "all healthy again")
    again = account(project)
    assert not {pids[name] for name in feeds} & {project.pids()[name] for name in feeds}

    assert first["requests"]["exchangeInfo"] == again["requests"]["exchangeInfo"] == 1
    assert first["requests"]["depth"] >= WORKERS  # the books' snapshots
    assert again["requests"]["depth"] >= 2 * WORKERS
    assert again["refusals"] == {}
    assert first["connects"] >= WORKERS  # more where a slow machine lost one
    assert again["connects"] >= 2 * WORKERS
    assert again["most_connects_in_5_min"] <= 300
    assert again["most_weight_in_a_minute"] <= 2400
    print(json.dumps(again))  # noqa: T201  the figures of a run by hand
