"""Connections to exchanges: directly or through a proxy, and their TLS."""
