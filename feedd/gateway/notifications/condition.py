"""Condition of one feed or process: well or not, and what of its changes to notify. Pure.

A change is notified when it has lasted for the settle time. What began and ended within it, or
changed back and forth, is one notification at its end. Each change for the worse is part of a
notification, or happened while one was firing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from msgspec.structs import replace

from feedd.gateway.notifications.notification import Notification

if TYPE_CHECKING:
    from feedd.gateway.notifications.notification import Kind

# A process takes this long to start, and a feed to be live for the first time.
STARTING_S = 30.0
STARTING = frozenset({"starting", "STARTING"})
UNSETTLED_PERIODS = 6  # settle times after which a condition that keeps changing is notified


class Fault(NamedTuple):
    """Why something is not well."""

    state: str
    reason: str | None


class Condition:
    """Condition of `name`; it is not well while any of its origins reports a fault.

    Times are of the monotonic clock in s, and since the epoch in ms.
    """

    def __init__(self, kind: Kind, name: str, settle_s: float) -> None:
        self._kind = kind
        self._name = name
        self._settle_s = settle_s
        self._faults: dict[str, Fault] = {}
        self._was_well = False  # ever; what has not started yet is no change for the worse
        self._notified: Notification | None = None  # while firing
        # Changes that are not notified so far:
        self._first_s: float | None = None
        self._last_s = 0.0
        self._begun_ms = 0  # of the first fault
        self._fault: Fault | None = None  # the last one
        self._fault_ms = 0
        self._ended_ms = 0
        self._count = 0
        self._lasted_ms = 0

    @property
    def well(self) -> bool:
        """Whether no origin reports a fault."""
        return not self._faults

    @property
    def firing(self) -> Notification | None:
        """The notified fault that lasts, with its present state and reason."""
        if self._notified is None or self.well:
            return self._notified
        return _with_fault(self._notified, self._worst())

    def set(self, origin: str, fault: Fault | None, now_s: float, now_ms: int) -> None:
        """Take a report of an origin; None: it sees no fault."""
        was_well = self.well
        if fault is None:
            self._faults.pop(origin, None)
        else:
            self._faults[origin] = fault
        if self._faults:
            worst = self._worst()
            if self._fault is None or was_well or worst.state not in STARTING:
                self._fault = worst  # a start follows the fault that is of interest
        if self.well == was_well:
            self._was_well = self._was_well or self.well
            return
        if self._first_s is None:
            self._first_s, self._begun_ms = now_s, now_ms
        self._last_s = now_s
        if self.well:
            self._ended_ms = now_ms
            self._lasted_ms += max(0, now_ms - self._fault_ms)
        else:
            self._fault_ms = now_ms
            self._count += 1

    def due(self, now_s: float) -> Notification | None:
        """Return the notification of the changes so far, once they have settled."""
        first_s = self._first_s
        if first_s is None or not self._settled(first_s, now_s):
            return None
        found = self._notification()
        self._was_well = self._was_well or self.well
        self._first_s = None
        self._count = self._lasted_ms = 0
        return found

    def removed(self, now_ms: int) -> Notification | None:
        """Return the end of a notified fault of something that is no longer there."""
        notified = self._notified
        if notified is None:
            return None
        return Notification(
            kind=self._kind, outcome="resolved", name=self._name, since_ms=notified.since_ms,
            until_ms=now_ms, state="removed", reason="it is no longer in the configuration",
        )  # fmt: skip

    def _settled(self, first_s: float, now_s: float) -> bool:
        settle_s = self._settle_s
        if self._faults and (self._worst().state in STARTING or not self._was_well):
            settle_s = max(settle_s, STARTING_S)
        quiet_s, unsettled_s = now_s - self._last_s, now_s - first_s
        return quiet_s >= settle_s or unsettled_s >= UNSETTLED_PERIODS * max(settle_s, 1.0)

    def _notification(self) -> Notification | None:
        notified = self._notified
        if not self.well:
            if notified is not None:  # well for a moment, and that was not notified
                return None
            self._notified = _with_fault(
                Notification(
                    kind=self._kind, outcome="firing", name=self._name, count=self._count,
                    since_ms=self._begun_ms,
                ),
                self._worst(),
            )  # fmt: skip
            return self._notified
        self._notified = None
        if notified is not None:
            fault, since_ms = self._fault, notified.since_ms
            made = Notification(
                kind=self._kind, outcome="resolved", name=self._name, since_ms=since_ms,
                until_ms=self._ended_ms,
            )  # fmt: skip
            return made if fault is None else _with_fault(made, fault)
        if not self._was_well or self._fault is None:
            return None
        return _with_fault(
            Notification(
                kind=self._kind, outcome="past", name=self._name, count=self._count,
                since_ms=self._begun_ms, until_ms=self._ended_ms, lasted_ms=self._lasted_ms,
            ),
            self._fault,
        )  # fmt: skip

    def _worst(self) -> Fault:
        return self._faults[min(self._faults)]


def _with_fault(notification: Notification, fault: Fault) -> Notification:
    return replace(notification, state=fault.state, reason=fault.reason)
