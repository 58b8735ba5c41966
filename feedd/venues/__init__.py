"""One folder per venue: everything feedd knows of one exchange."""
