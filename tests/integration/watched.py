"""What the watchdog must have heard before a test can ask anything of it."""

from __future__ import annotations

from collections import Counter

from conftest import Project, eventually

BEATS = 3


def watched(project: Project) -> None:
    """Wait until the watchdog has heard each feed: who was never heard is not yet mute to it.

    It subscribes before its first look, which leaves the file; what then comes waits for its next.
    """
    eventually((project.root / "run" / "watchdog.heartbeat").exists, what="the watchdog looks")
    beats: Counter[str] = Counter()

    def all_beat(topic: str, _payload: object) -> bool:
        beats[topic] += 1
        return len(beats) >= len(project.settings["symbols"]) and min(beats.values()) >= BEATS

    project.subscribe("status.").until(all_beat)
