"""Inspection of a recording: `feedd inspect`."""
