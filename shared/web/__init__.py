"""The HTTP server that every service runs: health, metrics and its own routes."""
