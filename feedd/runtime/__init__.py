"""Parts of every process: life cycle, locks, files, secrets, logs."""
