"""Two projects on the same ports: neither takes the other's processes for its own."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from conftest import PYTHON, Project, eventually

from feedd import DeploymentError, Quote, StateChange, subscribe
from feedd.runtime.deployment import deployment_id

Make = Callable[..., Project]
BTC = "feed-binanceusdm-BTC-USDT-USDT"


@pytest.fixture
def clones(make_project: Make) -> tuple[Project, Project]:
    """Return a project that runs, and another on the same ports that does not."""
    first = make_project()
    history = first.settings["base_port"] + 5
    proxy = {**first.settings["proxy"], "history": f"tcp://127.0.0.1:{history}"}
    first.configure(proxy=proxy)
    second = make_project()
    second.configure(**first.settings)
    started = first.feedd("start")
    assert started.returncode == 0, started.stdout + started.stderr
    return first, second


def report(project: Project) -> dict[str, Any]:
    """Return the report of `feedd status --json`, which is not healthy."""
    done = project.feedd("status", "--json")
    found: dict[str, Any] = json.loads(done.stdout)
    assert done.returncode == {"healthy": 0, "degraded": 1, "down": 2}[found["health"]]
    return found


def test_the_second_start_names_pid_and_folder_and_starts_nothing(
    clones: tuple[Project, Project],
) -> None:
    first, second = clones
    before = first.pids()
    refused = second.feedd("start")
    assert refused.returncode == 1
    assert "nothing was started" in refused.stderr
    for name in ("proxy", "exchange", BTC):
        assert f"held by pid {before[name]} (" in refused.stderr
    assert f"in {first.root})" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert second.daemon.pid is None
    assert report(second)["health"] == "down"
    assert first.pids() == before
    assert report(first)["health"] == "healthy"


def test_a_second_one_that_runs_all_the_same_is_never_healthy_on_the_firsts_data(
    clones: tuple[Project, Project],
) -> None:
    first, second = clones
    before = first.pids()
    assert second.feedd("render").returncode == 0
    second.daemon.spawn()

    def blocked() -> dict[str, Any] | None:
        found = report(second)
        assert found["health"] != "healthy"
        rows = {row["name"]: row for row in found["processes"]}
        states = {rows[name]["state"] for name in ("proxy", "exchange", BTC)}
        return found if states == {"blocked"} else None

    found = eventually(blocked)
    assert any(report(first)["deployment"] in notice for notice in found["notices"])
    assert found["deployment"] != report(first)["deployment"]
    for name in ("proxy", "exchange", BTC):
        ended = eventually(lambda n=name: second.daemon.processes()[n]["exitstatus"] == 69)
        assert ended
    found = report(second)
    assert found["health"] == "down"
    for row in found["processes"]:
        if row["name"] != "watchdog":
            assert f"held by pid {before[row['name']]} (" in row["reason"]
    assert first.pids() == before
    assert report(first)["health"] == "healthy"


def test_subscribers_of_the_second_get_nothing_of_the_first_and_are_informed(
    clones: tuple[Project, Project],
) -> None:
    first, second = clones
    ours = report(first)["deployment"]
    tails = (["tail"], ["tail", "--json"], ["tail", "--plain"])
    commands = (*tails, ["record", "--dir", str(second.root / "kept")])

    def ended_after_5_s(command: list[str]) -> Any:
        return second.run("timeout", "-s", "INT", "5", PYTHON, "-m", "feedd", *command)

    with ThreadPoolExecutor() as at_once:
        all_done = list(at_once.map(ended_after_5_s, commands))
    for done in all_done:
        assert f"deployment {ours}" in done.stdout + done.stderr
        assert '"topic":"ticker' not in done.stdout
        assert "ticker.binanceusdm" not in done.stdout
        assert "Traceback" not in done.stderr
    assert not list((second.root / "kept").rglob("*.feedd"))
    settings = first.settings["proxy"]
    with subscribe(
        first.endpoint, "quote.", history=settings["history"], deployment=ours
    ) as stream:
        assert eventually(lambda: isinstance(stream.receive(1), Quote))
    theirs = deployment_id(second.root / "run")
    with subscribe(
        first.endpoint, "quote.", history=settings["history"], deployment=theirs
    ) as stream:
        event = stream.receive(10)
        assert isinstance(event, StateChange)
        assert event.state == "foreign"
        assert stream.receive(2) is None
    with (
        subscribe(first.endpoint, "quote.", only_ticks=True, deployment=theirs) as stream,
        pytest.raises(DeploymentError, match=f"is of deployment {ours}"),
    ):
        stream.receive(30)


def test_a_worker_whose_exchange_port_is_anothers_publishes_none_of_its_data(
    make_project: Make,
) -> None:
    """The first one's exchange answers; proxy and workers of the second have their own ports."""
    first, second = make_project(), make_project()
    second.configure(embedded_exchange={"port": first.settings["embedded_exchange"]["port"]})
    assert first.feedd("start").returncode == 0
    refused = second.feedd("start")
    assert refused.returncode == 1
    assert f"held by pid {first.pids()['exchange']} (" in refused.stderr
    assert second.feedd("render").returncode == 0
    second.daemon.spawn()

    def reason() -> str:
        rows = {row["name"]: row for row in report(second)["processes"]}
        return str(rows[BTC]["reason"])

    eventually(lambda: "is another project's: of deployment" in reason())
    plain = second.subscribe("ticker.")
    assert plain.receive(3) is None
    assert report(second)["health"] == "down"
    assert report(first)["health"] == "healthy"
