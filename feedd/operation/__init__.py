"""Operation by people: start, stop, add, status, logs. Nothing below imports it."""
