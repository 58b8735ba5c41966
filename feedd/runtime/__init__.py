"""What every process needs: life cycle, locks, files, secrets, logs."""
