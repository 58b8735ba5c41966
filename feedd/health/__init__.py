"""Health of all processes: what `feedd status` prints and the gateway serves."""
