"""The configuration: its types, reading it, editing it, and the ports it assigns."""
