"""The dashboard for Grafana is well formed; an integration test asks Prometheus its queries."""

import json
from itertools import combinations
from pathlib import Path
from typing import Any

DASHBOARD = json.loads(
    Path(Path(__file__).parents[3], "config", "grafana", "feedd.json").read_text()
)
PANELS: list[dict[str, Any]] = DASHBOARD["panels"]


def overlap(one: dict[str, int], other: dict[str, int]) -> bool:
    beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
    above = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
    return not (beside or above)


def test_no_two_panels_have_one_id_or_one_place() -> None:
    assert len({panel["id"] for panel in PANELS}) == len(PANELS)
    for one, other in combinations(PANELS, 2):
        assert not overlap(one["gridPos"], other["gridPos"]), (one["title"], other["title"])
    assert all(panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24 for panel in PANELS)


def test_every_panel_asks_the_chosen_data_source() -> None:
    for panel in PANELS:
        targets = panel.get("targets", [])
        assert panel["type"] == "row" or targets, panel["title"]
        assert len({target["refId"] for target in targets}) == len(targets), panel["title"]
        for target in targets:
            assert target["datasource"]["uid"] == "${datasource}", panel["title"]


def test_the_variables_choose_exchange_and_symbol() -> None:
    variables = {one["name"]: one for one in DASHBOARD["templating"]["list"]}
    assert set(variables) == {"datasource", "exchange", "symbol"}
    assert variables["symbol"]["definition"].startswith("label_values(feedd_feed_state{")
    of_feeds = [
        target["expr"]
        for panel in PANELS
        for target in panel.get("targets", [])
        if "feedd_messages_total" in target["expr"] or "feedd_feed_state" in target["expr"]
    ]
    assert all('exchange=~"$exchange",symbol=~"$symbol"' in one for one in of_feeds)
