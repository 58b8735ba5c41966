"""Metrics for Prometheus: `/metrics` of the gateway."""
