"""Recordings as a stream of events, like that of `feedd.subscribe`."""
