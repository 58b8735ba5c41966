"""Crypto.com Exchange v1."""
