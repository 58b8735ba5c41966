"""Sources connect to an exchange and yield its events."""
