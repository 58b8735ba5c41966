"""Recordings as tables, one for each channel, for Parquet, CSV and JSON lines."""
