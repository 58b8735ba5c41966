"""Report of a survey, as JSON and as text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from feedd.client.events import Gap
from feedd.clock import NS_PER_DAY, NS_PER_S
from feedd.recordings.format.timestamps import iso
from feedd.recordings.inspection.survey import LocatedGap, as_dict
from feedd.recordings.stream.merging import range_text
from feedd.runtime.terminal import encodable, printable

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Sequence
    from pathlib import Path

    from feedd.recordings.format.damage import Damage
    from feedd.recordings.inspection.segment_summary import SegmentSummary
    from feedd.recordings.inspection.survey import (
        Findings,
        SessionStart,
        StatePeriod,
        StreamNotice,
        Survey,
        TopicSurvey,
    )

SHOWN = 20  # of each list of findings, and of segments
RED, GREEN, YELLOW, DIM = "31", "32", "33", "2"

SEGMENTS = ("SEGMENT", "BEGAN", "SPAN", "RECORDS", "MB", "RATIO", "ENDED")
TOPICS = ("TOPIC", "MESSAGES", "MSG/S", "PEAK/S", "FIRST SEQ", "LAST SEQ", "SESSIONS", "GAPS",
          "LOST")  # fmt: skip
LEFT = frozenset({"SEGMENT", "BEGAN", "ENDED", "TOPIC"})


def as_json(survey: Survey, segments: Sequence[SegmentSummary]) -> dict[str, Any]:
    """Return everything; times are ns since the epoch, UTC, by the recording's clock."""
    topics = _sorted(survey)
    return {
        "whole": not survey.damages.total,
        "being_written": sorted(encodable(path) for path in survey.being_written),
        "from_ns": survey.first_ns,
        "to_ns": survey.at_ns if survey.first_ns is not None else None,
        "messages": sum(topic.messages for topic in topics),
        "notices": dict(survey.notices),
        "segments": [_plain(segment) for segment in segments],
        "topics": {topic.name: _topic(topic, survey.span_s) for topic in topics},
        "gaps": as_dict(survey.gaps),
        "new_sessions": as_dict(survey.sessions),
        "not_live": as_dict(survey.periods),
        "remarks": as_dict(survey.remarks),
        "damages": as_dict(survey.damages),
    }


def table(survey: Survey, segments: Sequence[SegmentSummary], *, colours: bool = False) -> str:
    """Return the files, the topics and the findings as text."""
    parts = [
        _rows(
            SEGMENTS,
            [_segment_row(one, survey.being_written) for one in segments[:SHOWN]],
            colours=colours,
        ),
        _more(len(segments) - SHOWN, "segments"),
        "",
        _rows(TOPICS, [_topic_row(one, survey.span_s) for one in _sorted(survey)], colours=colours),
        *_findings("gaps", survey.gaps, map(_gap, survey.gaps.kept), YELLOW, colours=colours),
        *_findings("new sessions", survey.sessions, map(_session, survey.sessions.kept), YELLOW,
                   colours=colours),
        *_findings("not live", survey.periods, map(_period, survey.periods.kept), YELLOW,
                   colours=colours),
        *_findings("the recorder's stream", survey.remarks, map(_remark, survey.remarks.kept),
                   YELLOW, colours=colours),
        *_findings("damages", survey.damages, map(_damage, survey.damages.kept), RED,
                   colours=colours),
        "",
        _whole(survey, segments, colours=colours),
    ]  # fmt: skip
    return "\n".join(part for part in parts if part is not None)


# --- JSON -------------------------------------------------------------------------------------


def _topic(topic: TopicSurvey, span_s: float) -> dict[str, Any]:
    return {
        "messages": topic.messages,
        "mean_per_s": round(topic.messages / max(1.0, span_s), 3),
        "peak_per_s": topic.peak_per_s,
        "first_ns": topic.first_ns,
        "last_ns": topic.last_ns,
        "first_seq": topic.first_seq,
        "last_seq": topic.last_seq,
        "last_session": topic.session,
        "sessions": topic.sessions,
        "gaps": topic.gaps,
        "upstream_gaps": topic.upstream,
        "lost": topic.lost,
    }


def _plain(segment: SegmentSummary) -> dict[str, Any]:
    found = {name: getattr(segment, name) for name in segment.__struct_fields__}
    return {**found, "path": encodable(segment.path)}


# --- text -------------------------------------------------------------------------------------


def _sorted(survey: Survey) -> list[TopicSurvey]:
    """Return the topics by exchange, symbol and channel, statuses last."""
    by_name = sorted(survey.topics.items(), key=lambda one: (one[0][0] == "status", *one[0][1:]))
    return [topic for _, topic in by_name]


def _segment_row(segment: SegmentSummary, being_written: Container[Path]) -> tuple[str, ...]:
    unfinished = "still being written" if segment.path in being_written else "unfinished"
    return (
        printable(segment.path.name),
        iso(segment.begun_ns, 0) if segment.begun_ns else "unknown",
        _span((segment.last_ns - segment.begun_ns) / NS_PER_S),
        f"{segment.records:,}",
        f"{segment.size_bytes / 1e6:.2f}",
        f"{_ratio([segment]):.1f}",
        segment.ended or unfinished,
    )


def _topic_row(topic: TopicSurvey, span_s: float) -> tuple[str, ...]:
    return (
        topic.name,
        f"{topic.messages:,}",
        f"{topic.messages / max(1.0, span_s):,.1f}",
        f"{topic.peak_per_s:,}",
        _numbered(topic.first_seq, 1, topic.sessions),
        _numbered(topic.last_seq, topic.sessions, topic.sessions),
        str(topic.sessions),
        str(topic.gaps),
        f"{topic.lost:,}",
    )


def _numbered(seq: int, session: int, sessions: int) -> str:
    """Return a seq, with the number of its session where there are several."""
    return f"{seq:,}" if sessions < 2 else f"#{session}: {seq:,}"


def _gap(one: LocatedGap) -> str:
    gap = one.gap
    if isinstance(gap, Gap):
        lost = f"{gap.topic} {gap.from_seq:,} to {gap.to_seq:,}"
    else:
        ids = "" if gap.from_id is None else f" after {gap.from_id} and before {gap.to_id}"
        lost = f"{gap.channel}.{gap.feed} upstream{ids}"
    return f"{_range(one.from_ns, one.to_ns)}  {lost}: {gap.reason}"


def _session(one: SessionStart) -> str:
    return f"{iso(one.at_ns)}  {one.session.feed} {one.session.old} to {one.session.new}"


def _period(one: StatePeriod) -> str:
    why = "" if one.reason is None else f": {one.reason}"
    return f"{_range(one.from_ns, one.to_ns)}  {one.feed} {one.state}{why}"


def _remark(one: StreamNotice) -> str:
    return f"{iso(one.at_ns)}  {one.state}: {one.reason}"


def _damage(one: Damage) -> str:
    lost = "an unknown number of" if one.records is None else f"{one.records:,}"
    when = range_text(one.from_ns, one.to_ns).removeprefix("from ")
    return f"{when}  {printable(one.path.name)}: {lost} records: {one.why}"


def _findings(
    title: str, findings: Findings[Any], lines: Iterable[str], colour: str, *, colours: bool
) -> list[str]:
    if not findings.total:
        return []
    shown = [f"  {line}" for line, _ in zip(lines, range(SHOWN), strict=False)]
    more = _more(findings.total - SHOWN, title)
    head = _paint(f"{title.upper()}: {findings.total:,}", colour, colours)
    return ["", head, *shown, *([] if more is None else [more])]


def _whole(survey: Survey, segments: Sequence[SegmentSummary], *, colours: bool) -> str:
    messages = sum(topic.messages for topic in survey.topics.values())
    size = sum(one.size_bytes for one in segments)
    span = "nothing in it"
    if survey.first_ns is not None:
        span = f"{_span(survey.span_s)} from {iso(survey.first_ns)} to {iso(survey.at_ns)}"
    state = "damaged" if survey.damages.total else "whole"
    if survey.being_written:
        state += ", still being written"
    text = (
        f"{state}: {span}, {messages:,} messages, {len(survey.topics):,} topics, "
        f"{survey.notices.total():,} notices, {survey.gaps.total:,} gaps, {size / 1e6:,.2f} MB, "
        f"{_ratio(segments):.1f} times smaller than raw"
    )
    return _paint(text, RED if survey.damages.total else GREEN, colours)


def _more(count: int, what: str) -> str | None:
    return f"  … and {count:,} more {what}; --json has them" if count > 0 else None


def _rows(head: Sequence[str], rows: list[tuple[str, ...]], *, colours: bool) -> str:
    widths = [max(len(row[at]) for row in (head, *rows)) for at in range(len(head))]

    def line(cells: Sequence[str]) -> str:
        padded = [
            cell.ljust(width) if name in LEFT else cell.rjust(width)
            for name, cell, width in zip(head, cells, widths, strict=True)
        ]
        return "  ".join(padded).rstrip()

    return "\n".join([_paint(line(head), DIM, colours), *map(line, rows)])


def _paint(text: str, colour: str, wanted: bool) -> str:
    return f"\x1b[{colour}m{text}\x1b[0m" if wanted else text


def _ratio(segments: Sequence[SegmentSummary]) -> float:
    return sum(one.raw_bytes for one in segments) / max(1, sum(one.size_bytes for one in segments))


def _range(from_ns: int, to_ns: int) -> str:
    same_day = from_ns // NS_PER_DAY == to_ns // NS_PER_DAY
    end = iso(to_ns)
    return f"{iso(from_ns)} to {end[end.index('T') + 1 :] if same_day else end}"


def _span(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, left = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    return f"{days}d {hours:02d}:{minutes:02d}" if days else f"{hours}:{minutes:02d}:{left:02d}"
