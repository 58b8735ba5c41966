"""The recorder: keeps all that comes from the proxies, in segments that survive what they can."""
