"""Bitstamp, https://www.bitstamp.net/websocket/v2/: ccxt reads its messages."""
