"""Replay: what was recorded is published again, as it was and when it was."""
