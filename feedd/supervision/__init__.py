"""supervisord: its programs, its calls, and the watchdog that it runs."""
