"""Structured logs that let nothing personal through, and metrics."""
