"""Kraken Futures, WebSocket v1."""
