"""Recorder: writes all messages of the proxies to segments that survive crashes."""
