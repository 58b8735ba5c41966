"""The conformance run: shows a client, in any language, what befalls a stream, and judges it."""
