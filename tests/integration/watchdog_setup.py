"""Wait until the watchdog receives every feed."""

from __future__ import annotations

from collections import Counter

from conftest import Project, eventually

BEATS = 3


def wait_until_watched(project: Project) -> None:
    """Wait until the watchdog has received each feed: a feed never received cannot be silent.

    It subscribes before its first look, which leaves the file; what then comes waits for its next.
    """
    eventually((project.root / "run" / "watchdog.heartbeat").exists, what="the watchdog looks")
    beats: Counter[str] = Counter()

    def all_beat(topic: str, _payload: object) -> bool:
        beats[topic] += 1
        return len(beats) >= len(project.settings["symbols"]) and min(beats.values()) >= BEATS

    project.subscribe("status.").until(all_beat)
