"""The gateway's HTTP API over a running project, and what becomes of it."""

from __future__ import annotations

import json
import os
import signal
import socket
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

import jsonschema
import pytest
from conftest import PlainSubscriber, Project, eventually, free_ports

from feedd.gateway.openapi import OPERATIONS

BTC, ETH = "binanceusdm.BTC/USDT:USDT.", "binanceusdm.ETH/USDT:USDT."
WORKER = "feed-binanceusdm-BTC-USDT-USDT"
LONGEST_S = 60.0
QUERIES = {
    "/api/book": f"?feed={BTC}", "/api/candles": "?symbol=BTCUSDT",
    "/api/ticks": f"?topic=quote.{BTC}",
}  # fmt: skip


class Api:
    """Client of a gateway, without feedd's code."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"

    def get(self, path: str) -> tuple[int, Any]:
        """Return status and JSON; status 0 while nothing answers."""
        try:
            with urllib.request.urlopen(f"{self.url}{path}", timeout=10) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)
        except OSError:
            return 0, None

    def until(self, path: str, condition: Callable[[Any], Any]) -> Any:
        """Return the first answer of status 200 for which the condition holds."""

        def found() -> Any:
            code, content = self.get(path)
            return content if code == 200 and condition(content) else None

        return eventually(found, LONGEST_S, path)


def process(overview: dict[str, Any], name: str) -> dict[str, Any]:
    return next((one for one in overview["processes"] if one["name"] == name), {})


def check_paths(api: Api) -> None:
    """Check the answer of each path of the API against its description."""
    description = api.until("/api/openapi.json", bool)
    for operation in OPERATIONS:
        answer = description["paths"][operation.path]["get"]["responses"]["200"]
        schema = answer["content"].get("application/json", {}).get("schema")
        if schema is not None:
            path = operation.path + QUERIES.get(operation.path, "")
            content = api.until(path, bool)
            jsonschema.validate(content, {**schema, "components": description["components"]})


def check_pages(api: Api, project: Project) -> None:
    """Check that the history's messages are those of the wire, and that pages leave none out."""
    subscriber = project.subscribe(f"quote.{BTC}")
    topic, message = subscriber.until(lambda *_: True)[0]
    one = f"/api/ticks?topic={topic}&session={message['session']}&from={message['seq']}&limit=1"
    assert api.until(one, lambda page: page["ticks"])["ticks"] == [message]
    seqs: list[int] = []
    next_from = 1
    for _ in range(3):
        page = api.until(f"/api/ticks?topic={topic}&limit=7&from={next_from}", bool)
        seqs += [tick["seq"] for tick in page["ticks"]]
        next_from = page["next_from"]
        if next_from is None:
            break
    assert len(seqs) > 7
    assert seqs == list(range(1, len(seqs) + 1))


def check_same_as_status(api: Api, project: Project) -> None:
    """Check that the status is that of `feedd status --json`."""
    printed = json.loads(project.feedd("status", "--json").stdout)
    served = api.until("/api/status", bool)
    assert served.keys() == printed.keys()
    for mine, theirs in zip(served["processes"], printed["processes"], strict=True):
        assert mine.keys() == theirs.keys()
        for key in ("name", "process", "pid", "port", "exchange", "state"):
            assert mine[key] == theirs[key]
        assert (mine["status"] or {}).keys() == (theirs["status"] or {}).keys()


def received_without_a_gap(subscriber: PlainSubscriber, while_not: Callable[[], Any]) -> int:
    """Return how many messages arrived until a condition holds; fail for a missing one."""
    last: dict[tuple[str, int], int] = {}
    count = 0

    def done() -> Any:
        nonlocal count
        while (found := subscriber.receive(0.0)) is not None:
            topic, message = found
            key = topic, message["session"]
            assert message["seq"] == last.get(key, message["seq"] - 1) + 1, (key, last.get(key))
            last[key] = message["seq"]
            count += 1
        return while_not()

    eventually(done, LONGEST_S)
    assert len({topic for topic, _ in last}) == len(last), "a feed began a new session"
    return count


@pytest.mark.process
def test_the_api_describes_a_project_through_a_crash_an_added_symbol_and_its_own_crash(
    make_project: Callable[..., Project],
) -> None:
    [port] = free_ports(1)
    project = make_project(
        gateway={"port": port}, source="native", channels=["quote", "trade", "book"]
    )
    started = project.feedd("start")
    assert started.returncode == 0, started.stdout + started.stderr
    api = Api(port)
    api.until("/readyz", lambda content: content["feeds"] == 1)
    api.until("/api/trends", lambda content: BTC in content["feeds"])
    check_paths(api)
    check_pages(api, project)
    check_same_as_status(api, project)
    code, content = api.get("/api/book?symbol=DOGE")
    assert (code, content["remedy"]) == (404, f"the feeds are {BTC}")

    # A worker crashes.
    before = process(api.until("/api/overview", bool), WORKER)
    os.kill(before["pid"], signal.SIGKILL)

    def has_recovered(overview: Any) -> bool:
        now = process(overview, WORKER)
        return now["pid"] not in {None, before["pid"]} and now["healthy"] and now["restarts"] == 1

    api.until("/api/overview", has_recovered)
    entries = api.until(
        f"/api/timeline?feed={BTC}",
        lambda page: [one for one in page["entries"] if one["kind"] == "restart"],
    )["entries"]
    [restart] = [one for one in entries if one["kind"] == "restart"]
    latest = api.until(f"/api/book?feed={BTC}", lambda one: one["session"] == restart["session"])
    assert latest["seq"] >= 1

    # A symbol is added.
    added = project.feedd("add", "ETH/USDT:USDT")
    assert added.returncode == 0, added.stdout + added.stderr
    api.until("/api/overview", lambda one: ETH in {row["feed"] for row in one["processes"]})
    api.until("/api/book?symbol=ETHUSDT", lambda one: one["symbol"] == "ETH/USDT:USDT")
    api.until("/readyz", lambda content: content["feeds"] == 2)

    # The gateway crashes.
    pids = project.pids()
    subscriber = project.subscribe("")
    subscriber.until(lambda *_: True)
    os.kill(pids["gateway"], signal.SIGKILL)
    assert received_without_a_gap(subscriber, lambda: api.get("/readyz")[0] == 200) > 0
    now = project.pids()
    assert now.pop("gateway") != pids.pop("gateway")
    assert now == pids


@pytest.mark.process
def test_a_start_with_the_gateways_port_taken_names_who_has_it_and_starts_nothing(
    make_project: Callable[..., Project],
) -> None:
    [port] = free_ports(1)
    project = make_project(gateway={"port": port})
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", port))
        taken.listen()
        started = project.feedd("start")
    assert started.returncode != 0
    [line] = [line for line in started.stderr.splitlines() if line]
    assert str(port) in line
    assert f"pid {os.getpid()}" in line
    assert "gateway.port" in line
    assert project.daemon.pid is None
