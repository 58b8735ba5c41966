"""Recordings as a stream of events, like `feedd.subscribe` on live data."""
