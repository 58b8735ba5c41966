"""Check that recordings contain the feeds and the time that a configuration replays."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from feedd.errors import ConfigError
from feedd.recordings.format.block_records import NOTICE
from feedd.recordings.format.damage import Damage
from feedd.recordings.format.recording_reader import RecordingReader
from feedd.recordings.replay.schedule import Schedule, span_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from feedd.config.settings import Config, Feed
    from feedd.recordings.format.segment_reader import SegmentReader


_MISSING = "`replay:` is missing: it names the recordings of `source: replay`"


def feed_of(topic: bytes) -> bytes:
    """Return a topic's feed, `<exchange>.<symbol>.`."""
    return topic.partition(b".")[2]


def topics_of(feed: Feed) -> bytes:
    """Return the feed that the topics of a configured feed have."""
    return f"{feed.exchange}.{feed.symbol}.".encode()


def open_recordings(settings: Config) -> RecordingReader:
    """Return the recordings that a configuration replays; raise ConfigError."""
    replay = settings.replay
    if replay is None:
        raise ConfigError(_MISSING)
    for path in replay.recordings:
        if not Path(path).exists():
            raise ConfigError(f"replay.recordings: {path}: no such file or folder")
    return RecordingReader([Path(path) for path in replay.recordings])


def schedule_of(settings: Config, recording: RecordingReader) -> Schedule:
    """Return the schedule of the replay; raise ConfigError if it contains nothing."""
    replay = settings.replay
    if replay is None:
        raise ConfigError(_MISSING)
    try:
        return Schedule(span_of(recording, replay.from_, replay.to), replay.pace)
    except ConfigError as error:
        raise ConfigError(f"replay.from, replay.to: {error}") from None


def check_available(settings: Config, feeds: Iterable[Feed]) -> None:
    """Raise ConfigError if a replayed feed is in no recording, or none has that time."""
    missing = {topics_of(feed): feed for feed in feeds if feed.source == "replay"}
    if not missing:
        return
    recording = open_recordings(settings)
    schedule_of(settings, recording)
    known: set[bytes] = set()
    for series in recording.series:
        for segment in series.segments:
            known |= _feeds(segment, missing.keys() - known)
            if missing.keys() <= known:
                return
    symbols = ", ".join(feed.symbol for key, feed in missing.items() if key not in known)
    has = ", ".join(sorted(feed.decode(errors="replace").rstrip(".") for feed in known))
    raise ConfigError(f"replay.recordings: no recording has {symbols}; they have {has}")


def _feeds(segment: SegmentReader, wanted: set[bytes]) -> set[bytes]:
    """Return the feeds of a segment; without an index, read until all wanted ones are found."""
    index = segment.index()
    if index is not None:
        return {feed_of(topic.encode()) for topic, frames in index.topics.items() if frames}
    found: set[bytes] = set()
    for block in segment.blocks():
        if not isinstance(block, Damage):
            found |= {feed_of(record.topic) for record in block if record.kind != NOTICE}
        if wanted <= found:
            break
    return found
