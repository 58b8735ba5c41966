"""What is known of each exchange: one folder per venue."""
