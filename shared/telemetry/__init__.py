"""Structured logs that let nothing personal through, metrics, and traces."""
