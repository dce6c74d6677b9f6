"""Bring what people type into one form, and find phrases in it."""
