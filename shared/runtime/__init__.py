"""Runs a service: settings, signals, loops, drain; and the private servers of one machine."""
