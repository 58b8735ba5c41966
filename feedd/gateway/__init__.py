"""Gateway: the endpoint over HTTP, for browsers, monitors and people."""
