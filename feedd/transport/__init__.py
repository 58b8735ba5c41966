"""ZeroMQ: the only files that know it. They never import sources."""
