"""Account of what a slow client did not get: an exact count, and the range of each topic. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field

MAX_LISTED = 10_000  # ranges in one report; `unlisted` counts the messages of the rest


@dataclass(slots=True)
class LostRange:
    """Messages of one session of a topic, or notices, that a client did not get."""

    session: int
    from_seq: int
    to_seq: int
    count: int = 1


@dataclass(slots=True)
class Missed:
    """What was dropped between two messages that a client gets."""

    count: int = 0  # of all, notices included
    topics: dict[str, LostRange] = field(default_factory=dict)
    notices: LostRange | None = None  # by their numbers in the journal
    unlisted: int = 0  # of `count`, whose ranges are not listed

    def add(self, topic: str, session: int, seq: int) -> bool:
        """Count a message; return False, and do not, if it needs a report of its own.

        That is so for a further session of a topic: a range is of one session.
        """
        lost = self.topics.get(topic)
        if lost is None:
            if len(self.topics) < MAX_LISTED:
                self.topics[topic] = LostRange(session, seq, seq)
            else:
                self.unlisted += 1
        elif lost.session != session:
            return False
        else:
            lost.to_seq = seq
            lost.count += 1
        self.count += 1
        return True

    def add_notice(self, number: int) -> None:
        """Count a notice, by its number in the journal."""
        if self.notices is None:
            self.notices = LostRange(0, number, number)
        else:
            self.notices.to_seq = number
            self.notices.count += 1
        self.count += 1


MAX_REPORTS = 16  # of one client that wait: one for each session of a topic


class MissedReports:
    """Reports that wait for a client, oldest first; `total` counts what was ever missed."""

    def __init__(self) -> None:
        self.total = 0
        self._reports: list[Missed] = []

    def __bool__(self) -> bool:
        return bool(self._reports)

    def add(self, topic: str, session: int, seq: int) -> None:
        """Count a message that the client will not get."""
        self.total += 1
        if not self._reports:
            self._reports.append(Missed())
        if self._reports[-1].add(topic, session, seq):
            return
        if len(self._reports) < MAX_REPORTS:
            self._reports.append(Missed())
            self._reports[-1].add(topic, session, seq)
        else:
            self._reports[-1].count += 1
            self._reports[-1].unlisted += 1

    def add_notice(self, number: int) -> None:
        """Count a notice that the client will not get."""
        self.total += 1
        if not self._reports:
            self._reports.append(Missed())
        self._reports[-1].add_notice(number)

    def take(self) -> list[Missed]:
        """Return the reports, and begin new ones."""
        reports, self._reports = self._reports, []
        return reports
