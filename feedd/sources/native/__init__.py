"""The native source: a venue's WebSocket and REST pages on picows and msgspec, without ccxt."""
