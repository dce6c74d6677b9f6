"""The same work, measured: what a person can run to check a figure that we give."""
