"""supervisord from the outside and from the inside: its programs, its calls, its watchdog."""
