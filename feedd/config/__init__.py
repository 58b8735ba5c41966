"""The configuration: its types, loading, editing, the environment, and the assigned ports."""
