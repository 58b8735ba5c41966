"""What ends a benchmark with one line instead of a traceback."""


class BenchError(Exception):
    """Something is missing, or a process did not do what it was started for."""
