"""`/stream`: ticks, statuses and notices as JSON, over WebSocket and server-sent events.

The rules (which topics, encoding, queues) are pure; `handlers` and `sending` are their shell.
"""
