"""The loop of one worker, and the rules it follows."""
