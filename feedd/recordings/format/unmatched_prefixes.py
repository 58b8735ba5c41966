"""Prefixes of topics that match nothing in a recording, as the indexes of its files show."""

from __future__ import annotations

from typing import TYPE_CHECKING

from feedd.topic_prefixes import nearest_topic

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from feedd.recordings.format.recording_reader import RecordingReader


def recorded_topics(recording: RecordingReader) -> set[str] | None:
    """Return the topics of a recording; None if a file has no index."""
    topics: set[str] = set()
    for series in recording.series:
        for segment in series.segments:
            index = segment.index()
            if index is None:
                return None
            topics.update(index.topics)
    return topics


def unmatched_lines(
    prefixes: Sequence[str], topics: Iterable[str], adjective: str = "recorded"
) -> list[str]:
    """Return a line for each prefix that none of the topics has, with the nearest topic."""
    known = sorted(topics)
    lines = []
    for prefix in prefixes:
        if not any(topic.startswith(prefix) for topic in known):
            nearest = nearest_topic(prefix, known)
            like = f"; the nearest is {nearest!r}" if nearest else ""
            lines.append(f"no {adjective} topic begins with {prefix!r}{like}")
    return lines
