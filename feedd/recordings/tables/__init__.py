"""Export of recordings to tables, one per channel: Parquet, CSV or JSON lines."""
