"""Metrics as a real Prometheus reads them, and the shipped rules and dashboard."""

from __future__ import annotations

import json
import os
import re
import signal
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import REPOSITORY, Project, eventually, free_ports
from prometheus_client.openmetrics import parser as openmetrics_parser
from prometheus_setup import CONFIG, Prometheus, promtool, running_prometheus, tool

from feedd.gateway.metrics.definitions import ALL

RULES = CONFIG / "feedd-rules.yml"
DASHBOARD = REPOSITORY / "config" / "grafana" / "feedd.json"
BTC, ETH = "BTC/USDT:USDT", "ETH/USDT:USDT"
FEED = f'exchange="binanceusdm",symbol="{BTC}"'
FILLED = {"$exchange": ".*", "$symbol": ".*", "$__rate_interval": "10s", "$__range": "1m"}
# Queries of the dashboard that show something only where something is wrong, or is rare.
MAY_BE_EMPTY = (
    "feedd_rejected_messages_total",
    "feedd_budget_damaged",
    "feedd_budget_paused_seconds",
    "changes(feedd_session_start_time_seconds",
)

pytestmark = pytest.mark.process


def rules() -> list[dict[str, Any]]:
    return [
        rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]
    ]


def dashboard_queries() -> Iterator[str]:
    """Yield every query of the dashboard, with its variables filled in."""
    dashboard = json.loads(DASHBOARD.read_text())
    expressions = [t["expr"] for panel in dashboard["panels"] for t in panel.get("targets", ())]
    expressions += [one["expr"] for one in dashboard["annotations"]["list"] if "expr" in one]
    for expression in expressions:
        filled = expression
        for variable, value in FILLED.items():
            filled = filled.replace(variable, value)
        assert "$" not in filled, expression
        yield filled


def test_promtool_accepts_the_configuration_and_the_rules() -> None:
    assert "SUCCESS" in promtool("check", "config", "prometheus.yml")
    assert "SUCCESS" in promtool("check", "rules", "feedd-rules.yml")


def test_each_alert_fires_and_does_not_fire_in_promtools_tests() -> None:
    assert "SUCCESS" in promtool("test", "rules", "feedd-rules-test.yml")
    tests = yaml.safe_load(Path(CONFIG, "feedd-rules-test.yml").read_text())["tests"]
    cases = [case for test in tests for case in test["alert_rule_test"]]
    for rule in rules():
        expected = [bool(c["exp_alerts"]) for c in cases if c["alertname"] == rule["alert"]]
        assert {True, False} == set(expected), rule["alert"]


def test_rules_and_dashboard_name_only_metrics_that_exist() -> None:
    defined = {one.full_name for one in ALL}
    defined |= {f"{one.name}_bucket" for one in ALL if one.type == "histogram"}
    for path in (RULES, DASHBOARD):
        named = set(re.findall(r"\bfeedd_\w+", path.read_text()))
        assert named <= defined, path.name


@pytest.fixture
def system(
    make_project: Callable[..., Project], tmp_path: Path
) -> Iterator[tuple[Project, int, Prometheus]]:
    """Start a project of two symbols with a recorder, and a Prometheus that scrapes its gateway."""
    tool("prometheus")
    port = free_ports(1)[0]
    project = make_project(
        symbols=[BTC, ETH], source="native", gateway={"port": port}, recorder={"dir": "recordings"}
    )
    started = project.feedd("start")
    assert started.returncode == 0, started.stderr
    with running_prometheus(tmp_path, port) as prometheus:
        yield project, port, prometheus


def test_prometheus_scrapes_a_running_system_and_answers_every_query(
    system: tuple[Project, int, Prometheus],
) -> None:
    project, port, prometheus = system
    # Two scrapes before anything happens: increase() compares with them.
    for first in (
        f'count_over_time(feedd_channel_gaps_total{{{FEED},channel="quote"}}[1m]) >= 2',
        'count_over_time(feedd_restarts_total{process=~"feed-.*-ETH-.*"}[1m]) >= 2',
        "count_over_time(feedd_recorder_messages_total[1m]) >= 2",
        "count_over_time(feedd_proxy_messages_total[1m]) >= 2",
    ):
        eventually(lambda query=first: prometheus.query(query), what=first)

    reset_connections(project)
    os.kill(project.pids()["feed-binanceusdm-ETH-USDT-USDT"], signal.SIGKILL)

    def value(expression: str) -> float:
        return prometheus.value(expression) or 0.0

    gaps = f'feedd_gaps_total{{{FEED},channel="quote",reason="reconnect"}}'
    eventually(lambda: value(gaps) == 1, what=gaps)
    assert value(f'feedd_channel_gaps_total{{{FEED},channel="quote"}}') == 1
    assert value(f'feedd_reconnects_total{{{FEED},channel="quote"}}') >= 1
    restarts = 'feedd_restarts_total{process="feed-binanceusdm-ETH-USDT-USDT"}'
    eventually(lambda: value(restarts) == 1, what=restarts)
    live = 'sum(feedd_feed_state{state="live"})'
    eventually(lambda: value(live) == 2, what=live)
    assert value('feedd_messages_total{channel="quote",symbol="BTC/USDT:USDT"}') > 0

    empty = [query for query in dashboard_queries() if not prometheus.query(query)]
    surprising = [query for query in empty if not any(one in query for one in MAY_BE_EMPTY)]
    assert not surprising

    for rule in rules():
        prometheus.query(rule["expr"])

    def fired() -> bool:
        alerts = prometheus.get("/api/v1/alerts")["alerts"]
        firing = {one["labels"]["alertname"] for one in alerts if one["state"] == "firing"}
        return {"FeeddGap", "FeeddRestarts"} <= firing

    eventually(fired, what="the alerts on the gap and on the restart fire")
    loaded = [r for group in prometheus.get("/api/v1/rules")["groups"] for r in group["rules"]]
    assert len(loaded) == len(rules())
    assert [rule["lastError"] for rule in loaded if rule["health"] != "ok"] == []

    kill_the_gateway(project, prometheus)
    eventually(lambda: value(gaps) == 1 and value(live) == 2, what="the gaps after a restart")
    # No counter fell, although a worker and the gateway were killed.
    feeds = '{exchange="binanceusdm",channel="quote"}'
    for counter in ("feedd_messages_total", "feedd_gaps_total", "feedd_reconnects_total"):
        assert value(f"sum(resets({counter}{feeds}[10m]))") == 0, counter

    promtool("check", "metrics", given=metrics(port, "text/plain"))
    families = openmetrics_parser.text_string_to_metric_families(
        metrics(port, "application/openmetrics-text")
    )
    assert {one.name for one in families} >= {"feedd_messages", "feedd_latency_seconds"}


def metrics(port: int, accept: str) -> str:
    request = urllib.request.Request(f"http://127.0.0.1:{port}/metrics", headers={"Accept": accept})
    with urllib.request.urlopen(request, timeout=20) as answer:
        return str(answer.read().decode())


def kill_the_gateway(project: Project, prometheus: Prometheus) -> None:
    """Kill it when it has saved what happened, and wait for metrics of the next one."""
    start = "feedd_gateway_start_time_seconds"
    before = prometheus.value(start)
    path = Path(project.root, "run", "metrics.json")

    def saved() -> bool:
        feeds = json.loads(path.read_text())["feeds"]
        sessions_before, *_ = feeds[f"binanceusdm.{ETH}."]["before"]
        return bool(feeds[f"binanceusdm.{BTC}."]["gaps"] and sessions_before)

    eventually(saved, what="the counters are saved")
    os.kill(project.pids()["gateway"], signal.SIGKILL)
    eventually(lambda: prometheus.value(start) not in {None, before}, what="another gateway")


def reset_connections(project: Project) -> None:
    """Reset the connections of the feeds' quotes of BTC at the embedded exchange."""
    fault = {"fault": "reset", "exchange": "usdm", "streams": ["btcusdt@bookTicker"]}
    exchange = project.settings["embedded_exchange"]["port"]
    url = f"http://127.0.0.1:{exchange}/embedded/faults"
    with urllib.request.urlopen(url, json.dumps(fault).encode(), timeout=10) as answer:
        assert "id" in json.load(answer)
