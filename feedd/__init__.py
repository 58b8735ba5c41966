"""feedd: a market-data feed handler that loses nothing silently."""

__version__ = "0.1.0"
