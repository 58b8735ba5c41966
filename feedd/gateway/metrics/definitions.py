"""All metrics: name, type, unit, labels and meaning. docs/metrics.md has the same table."""

from __future__ import annotations

from feedd.gateway.metrics.families import Definition

CHANNEL = ("exchange", "symbol", "channel")
FEED = ("exchange", "symbol")
PROCESS = ("process", "exchange", "symbol")
PROXY = ("proxy",)
BUDGET = ("exchange", "kind", "address")

# States of a feed: its own in the wire's order, and those that its statuses can't report.
OWN_STATES = ("live", "starting", "stale", "resync", "reconnecting", "stopped")
FOUND_STATES = ("silent", "blocked", "down", "unknown")
FEED_STATES = (*OWN_STATES, *FOUND_STATES)
REPLAY_STATES = ("replay", "ended", *FOUND_STATES)  # of a feed that plays a recording
HEALTH_STATES = ("healthy", "degraded", "down", "unknown")

_all: list[Definition] = []


def _define(
    name: str, kind: str, labels: tuple[str, ...], meaning: str, *, unit: str = ""
) -> Definition:
    one = Definition(f"feedd_{name}", kind, unit, labels, meaning)
    _all.append(one)
    return one


# Channels of feeds.
MESSAGES = _define(
    "messages", "counter", CHANNEL,
    "Messages published, by their numbers in the statuses; the statuses themselves are a channel.",
)  # fmt: skip
LATENCY = _define(
    "latency_seconds", "histogram", CHANNEL,
    "Time from the receipt of a message to its publication, of all published messages.",
    unit="seconds",
)  # fmt: skip
GAPS = _define(
    "gaps", "counter", (*CHANNEL, "reason"),
    "Gaps that the feed reported, by the class of their reason; one series for each that happened.",
)  # fmt: skip
CHANNEL_GAPS = _define(
    "channel_gaps", "counter", CHANNEL,
    "Gaps that the feed reported, of all reasons; 0 before the first, so that increase() sees it.",
)  # fmt: skip
CHANNEL_LIVE = _define(
    "channel_live", "gauge", CHANNEL, "1 if the channel is live, else 0."
)  # fmt: skip
EVENT_AGE = _define(
    "last_event_age_seconds", "gauge", CHANNEL,
    "Time since the last event of the exchange; it also grows while the worker does not run.",
    unit="seconds",
)  # fmt: skip
STALE_AFTER = _define(
    "stale_after_seconds", "gauge", CHANNEL,
    "Silence after which the channel is stale; it adapts to the channel.", unit="seconds",
)  # fmt: skip
RECONNECTS = _define(
    "reconnects", "counter", CHANNEL,
    "Reconnects; two channels that share a connection are two.",
)  # fmt: skip
CONNECTED = _define(
    "connected_ratio", "gauge", CHANNEL,
    "Share of the last hour, or since the first connection of the session, with a connection.",
    unit="ratio",
)  # fmt: skip

# Feeds.
FEED_STATE = _define(
    "feed_state", "gauge", (*FEED, "state"),
    "1 for the state of the feed, 0 for the others; that of the worst channel, as in feedd status.",
)  # fmt: skip
EXCHANGE_LATENCY = _define(
    "exchange_latency_seconds", "histogram", FEED,
    "Time from the exchange's timestamp to the receipt, of two clocks; below zero counts in the "
    "first bucket, and does not reduce the sum.", unit="seconds",
)  # fmt: skip
REJECTED = _define(
    "rejected_messages", "counter", FEED, "Messages of the exchange that could not be read."
)  # fmt: skip
STATUS_AGE = _define(
    "last_status_age_seconds", "gauge", FEED,
    "Time since the last status, which each feed publishes once a second.", unit="seconds",
)  # fmt: skip
SESSION_START = _define(
    "session_start_time_seconds", "gauge", FEED,
    "Start of the worker's session, since the epoch.", unit="seconds",
)  # fmt: skip
TRADED = _define(
    "feed_traded", "gauge", FEED,
    "0 if the exchange lists the symbol as not traded, or no longer lists it; else 1.",
)  # fmt: skip
CLOCK_BEHIND = _define(
    "clock_behind_seconds", "gauge", ("exchange",),
    "The most by which the local clock is behind an exchange's now; 0 if it is not.",
    unit="seconds",
)  # fmt: skip

# Processes.
PROCESS_UP = _define("process_up", "gauge", PROCESS, "1 if the process runs, else 0.")
PROCESS_STATE = _define(
    "process_state", "gauge", ("process", "state"),
    "1 for supervisord's state of the process; a series exists only for the present state.",
)  # fmt: skip
PROCESS_HEALTHY = _define(
    "process_healthy", "gauge", ("process",),
    "1 if the process runs and does its work, as feedd status judges, else 0; of a feed its state "
    "shows that.",
)  # fmt: skip
PROCESS_MEMORY = _define(
    "process_resident_memory_bytes", "gauge", PROCESS, "Resident memory.", unit="bytes"
)  # fmt: skip
PROCESS_CPU = _define(
    "process_cpu_seconds", "counter", PROCESS, "CPU time, of user and system.", unit="seconds"
)  # fmt: skip
PROCESS_UPTIME = _define(
    "process_uptime_seconds", "gauge", ("process",),
    "Time since the start of the process; that of a feed is its session's.",
    unit="seconds",
)  # fmt: skip
RESTARTS = _define(
    "restarts", "counter", PROCESS,
    "Restarts that no one requested, since supervisord started.",
)  # fmt: skip
HEALTH = _define(
    "health", "gauge", ("state",), "1 for the health of everything, as feedd status reports it."
)  # fmt: skip
HEALTH_AGE = _define(
    "health_age_seconds", "gauge", (),
    "Time since the processes were checked; the gateway checks them every second.", unit="seconds",
)  # fmt: skip
SUPERVISOR_UP = _define("supervisor_up", "gauge", (), "1 if supervisord answers, else 0.")
NOTICES = _define(
    "notices", "gauge", (), "Faults of more than one process that feedd status reports now."
)  # fmt: skip

# Proxies, recorder, and the limits of exchanges.
PROXY_MESSAGES = _define(
    "proxy_messages", "counter", PROXY, "Messages forwarded since the proxy's start."
)  # fmt: skip
PROXY_BYTES = _define(
    "proxy_bytes", "counter", PROXY, "Bytes forwarded since the proxy's start.", unit="bytes"
)  # fmt: skip
PROXY_SUBSCRIBERS = _define(
    "proxy_subscribers", "gauge", PROXY, "Connections of subscribers now; the gateway is one."
)  # fmt: skip
PROXY_CUT = _define(
    "proxy_cut_subscribers", "counter", PROXY, "Subscribers that the proxy has cut off."
)  # fmt: skip
PROXY_REFUSED = _define(
    "proxy_refused_connections", "counter", PROXY, "Connections without a free file descriptor."
)  # fmt: skip
HISTORY_BYTES = _define(
    "proxy_history_bytes", "gauge", PROXY, "Memory of the messages in the history.", unit="bytes"
)  # fmt: skip
HISTORY_NOT_KEPT = _define(
    "proxy_history_not_kept_messages", "counter", PROXY,
    "Messages that the history did not keep: unreadable, too large, repeated, of too many topics.",
)  # fmt: skip
HISTORY_UNSENT = _define(
    "proxy_history_unsent_responses", "counter", PROXY,
    "Responses of the history that a subscriber did not take.",
)  # fmt: skip
RECORDER_MESSAGES = _define(
    "recorder_messages", "counter", (), "Messages recorded since the recorder's start."
)  # fmt: skip
RECORDER_BYTES = _define(
    "recorder_bytes", "counter", (), "Bytes written since the recorder's start.", unit="bytes"
)  # fmt: skip
RECORDER_LOST = _define(
    "recorder_lost_records", "counter", (), "Records that could not be written."
)  # fmt: skip
RECORDER_FAILING = _define("recorder_failing", "gauge", (), "1 if it can't write now, else 0.")
RECORDER_LAG = _define(
    "recorder_lag_seconds", "gauge", (),
    "Largest age of a message when the recorder took it, since its report before.", unit="seconds",
)  # fmt: skip
RECORDER_DISK_FREE = _define(
    "recorder_disk_free_bytes", "gauge", (), "Room on the recorder's disk.", unit="bytes"
)  # fmt: skip
RECORDER_DISK_SIZE = _define(
    "recorder_disk_size_bytes", "gauge", (), "Size of the recorder's disk.", unit="bytes"
)  # fmt: skip
BUDGET_USED = _define(
    "budget_used", "gauge", BUDGET,
    "Use of an exchange's limit that all workers share: weight of requests, or connections.",
)  # fmt: skip
BUDGET_LIMIT = _define(
    "budget_limit", "gauge", BUDGET, "The most that feedd uses within the limit's period."
)  # fmt: skip
BUDGET_PERIOD = _define(
    "budget_period_seconds", "gauge", BUDGET, "Period of the limit.", unit="seconds"
)  # fmt: skip
BUDGET_PAUSED = _define(
    "budget_paused_seconds", "gauge", BUDGET,
    "Rest of a pause that the exchange asked for; 0 without one.", unit="seconds",
)  # fmt: skip
BUDGET_DAMAGED = _define(
    "budget_damaged", "gauge", BUDGET,
    "1 if the file of the limit is damaged: workers wait for one period; else 0.",
)  # fmt: skip

# Gateway.
GATEWAY_GAPS = _define(
    "gateway_lost_messages", "counter", ("reason",),
    "Messages of the feeds that did not reach the gateway, by the class of the reason.",
)  # fmt: skip
GATEWAY_BEHIND = _define(
    "gateway_behind_seconds", "gauge", (),
    "Age of the newest message when the gateway took it.", unit="seconds",
)  # fmt: skip
GATEWAY_TOPICS = _define("gateway_topics", "gauge", (), "Topics that the gateway keeps.")
STREAM_MISSED = _define(
    "gateway_stream_missed_messages", "counter", (),
    "Messages and notices that clients of /stream were too slow for; each client counts.",
)  # fmt: skip
STREAM_WAITING = _define(
    "gateway_stream_waiting_messages", "gauge", (), "Messages that wait for clients of /stream."
)  # fmt: skip
STREAM_CLIENTS = _define("gateway_stream_clients", "gauge", (), "Clients of /stream now.")
NOTIFICATIONS = _define(
    "gateway_notifications", "counter", ("result",),
    "Notifications that the webhook accepted (delivered), or that were given up (undelivered).",
)  # fmt: skip
NOTIFICATIONS_WAITING = _define(
    "gateway_waiting_notifications", "gauge", (), "Notifications that wait for the webhook."
)  # fmt: skip
WEBHOOK_FAILURES = _define(
    "gateway_webhook_failures", "counter", (), "Requests that the webhook did not accept."
)  # fmt: skip
GATEWAY_START = _define(
    "gateway_start_time_seconds", "gauge", (), "Start of the gateway, since the epoch.",
    unit="seconds",
)  # fmt: skip
OMITTED = _define(
    "gateway_omitted_feeds", "gauge", (),
    "Feeds that have no series, because there are too many, or their names are too long.",
)  # fmt: skip
SCRAPE_DURATION = _define(
    "gateway_scrape_duration_seconds", "gauge", (),
    "Time that the previous generation of these metrics took.", unit="seconds",
)  # fmt: skip
SCRAPES = _define(
    "gateway_scrapes", "counter", ("result",),
    "Answers to scrapes: sent, refused because there were too many at once, or given up because "
    "the scraper did not read.",
)  # fmt: skip
BUILD_INFO = _define("build_info", "gauge", ("version", "python"), "1, with the version of feedd.")

ALL = tuple(_all)
