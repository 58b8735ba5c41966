"""Benchmarks of feedd beside its peers: `make bench`. Nothing of feedd imports this."""
