"""Hyperliquid: perpetuals and spot, https://hyperliquid.gitbook.io/hyperliquid-docs."""
