"""The client library: one endpoint or several, as one stream in which every hole is told."""
