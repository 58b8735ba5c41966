"""Replay: publishes recorded messages again, unchanged and at their original pace."""
